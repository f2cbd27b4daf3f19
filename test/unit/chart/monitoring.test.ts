import { expect } from 'chai';
import { Helm, namesOf, the } from '../../harness/helm';
import { NAMESPACE, type TestObject } from '../../harness/steward-cluster';

describe('scraping as the chart sets it up', () => {
  let helm: Helm;

  before(async function () {
    this.timeout(0);
    helm = await Helm.find(4);
  });

  after(() => helm?.remove());

  const render = (values: string): Promise<TestObject[]> => helm.objects(`--set=missingApis=render,${values}`);
  const endpoint = (objects: TestObject[]): Record<string, unknown> =>
    (the(objects, 'ServiceMonitor')['spec'] as { endpoints: Record<string, unknown>[] }).endpoints[0]!;

  it('verifies the manager by the authority of agents, and shows the token of Prometheus itself', async () => {
    const found = endpoint(await render('metrics.serviceMonitor.enabled=true'));

    expect(found).to.deep.include({
      scheme: 'https',
      bearerTokenFile: '/var/run/secrets/kubernetes.io/serviceaccount/token',
      tlsConfig: { serverName: `virt-steward-grpc.${NAMESPACE}.svc`, ca: { configMap: { name: 'virt-steward-grpc-ca', key: 'ca.crt' } } },
    });
    expect(found).not.to.have.property('authorization');
  });

  it('makes an account that may read metrics and nothing else, with a token in a Secret, for servers that read no files', async () => {
    const objects = await render('metrics.serviceMonitor.enabled=true,metrics.serviceMonitor.auth.mode=secret');
    const name = 'virt-steward-metrics-reader';

    expect(endpoint(objects)).to.deep.include({ authorization: { type: 'Bearer', credentials: { name, key: 'token' } } });
    expect(endpoint(objects)).not.to.have.property('bearerTokenFile');
    expect(the(objects, 'Secret', name).metadata['annotations']).to.deep.equal({ 'kubernetes.io/service-account.name': name });
    expect(the(objects, 'ClusterRoleBinding', name)['subjects']).to.deep.equal([{ kind: 'ServiceAccount', name, namespace: NAMESPACE }]);
    expect(the(objects, 'ClusterRole', name)['rules']).to.deep.equal([{ nonResourceURLs: ['/metrics'], verbs: ['get'] }]);
  });

  it('takes a token from the Secret that is named, and makes no account then', async () => {
    const values = 'metrics.serviceMonitor.enabled=true,metrics.serviceMonitor.auth.mode=secret,metrics.serviceMonitor.auth.secretName=own';
    const objects = await render(values);

    expect(endpoint(objects)['authorization']).to.deep.include({ credentials: { name: 'own', key: 'token' } });
    expect(namesOf(objects).join()).not.to.match(/ServiceAccount\/virt-steward-metrics-reader|Secret\//);
  });

  it('finds agents at the port of their config, in IPv4 and IPv6, though they declare none', async () => {
    const values = '--set-json=metrics.podMonitor={"enabled":true,"endpoints":[{"config":"a.b","port":8085},{"port":8080}]}';
    const { podMetricsEndpoints } = the(await helm.objects('--set=missingApis=render', values), 'PodMonitor')['spec'] as {
      podMetricsEndpoints: { relabelings: { action: string; regex: string; replacement?: string; sourceLabels: string[] }[] }[];
    };
    const [named, any] = podMetricsEndpoints.map(({ relabelings }) => relabelings);

    expect(named![0]).to.deep.equal({
      action: 'keep',
      sourceLabels: ['__meta_kubernetes_pod_label_wol_pillon_org_wolconfig'],
      regex: 'a\\.b',
    });
    expect(any!.every(({ action }) => action === 'replace')).to.equal(true);
    for (const [address, target] of [
      ['192.0.2.7', '192.0.2.7:8085'],
      ['2001:db8::7', '[2001:db8::7]:8085'],
    ] as const) {
      const replaced = named!.filter(({ action, regex }) => action === 'replace' && new RegExp(`^(?:${regex})$`).test(address));
      expect(replaced.map(({ replacement }) => replacement!.replace('$1', address))).to.deep.equal([target]);
    }
  });

  it('has no group of alerts for a module that has none', async () => {
    const { groups } = the(await render('metrics.prometheusRule.enabled=true,machines.enabled=true'), 'PrometheusRule')['spec'] as {
      groups: { name: string; rules: unknown[] }[];
    };

    expect(groups.filter(({ rules }) => !Array.isArray(rules))).to.deep.equal([]);
    expect(groups.map(({ name }) => name)).to.include.members(['virt-steward.core', 'virt-steward.wol']);
  });
});
