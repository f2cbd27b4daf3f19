/** Options of commands that look at a cluster as whoever runs them. */
import type { Command } from 'commander';

export interface CallerFlags {
  kubeconfig?: string;
  operatorNamespace?: string | undefined;
}

export const DEFAULT_OPERATOR_NAMESPACE = 'virt-steward-system';

export function addCallerFlags(command: Command): Command {
  return command
    .option('--kubeconfig <file>', 'kubeconfig file (default: env KUBECONFIG, the pod, ~/.kube/config)')
    .option('--operator-namespace <name>', `namespace of the manager (default: env POD_NAMESPACE, ${DEFAULT_OPERATOR_NAMESPACE})`);
}
