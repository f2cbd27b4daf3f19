/** What a person may try while the demo waits: pure. */

export interface HintFacts {
  /** Absolute path of the administrator's of both clusters: the contexts supervisor, which is the current one, and east. */
  readonly kubeconfig: string;
  readonly udpPort: number;
  readonly metricsPort: number;
}

export function hints({ kubeconfig, udpPort, metricsPort }: HintFacts): string {
  return `Everything keeps running until you press Ctrl-C. In another terminal, in this folder:

  export KUBECONFIG=${kubeconfig}
  kubectl get vm,wolcfg,machines,kubedeschedulers -A
  kubectl --context east get vm -A
  kubectl get events -A

  # stop a virtual machine, as virtctl does
  echo '{}' | kubectl replace --raw /apis/subresources.kubevirt.io/v1/namespaces/default/virtualmachines/desktop/stop -f -

  # and wake it (10 s after the last wake; before that it counts as a repeat): any sender will do, on UDP port ${udpPort}
  wakeonlan -i 127.0.0.1 -p ${udpPort} 02:00:00:aa:bb:01
  node_modules/.bin/node dist/main.js wake 02:00:00:aa:bb:01 --to 127.0.0.1 --port ${udpPort}

  # delete the Machine, and with it what it has on the other cluster (within half a minute: a new control plane takes so long to clean up)
  kubectl -n lab delete machine web

  # change what the catalog says, and see it set back at once
  kubectl -n openshift-kube-descheduler-operator patch kubedescheduler cluster --type=merge -p '{"spec":{"mode":"Predictive"}}'

  # what the manager measures
  curl -s http://127.0.0.1:${metricsPort}/metrics | grep -E '^wol_.*(total|vms|sum|count){'

Changes of state:
`;
}
