/** `virt-steward kubeconfig`: gives a supervisor access to a remote cluster. */
import { compileRemoteAccessOptions, type RemoteAccessFlags } from '../machines/remote-access/remote-access-options';
import type { RegisterCommand } from './program';

const HELP = `
On the remote cluster it makes, or brings up to date, a namespace, a ServiceAccount, the ClusterRole with the rights of the module and
its binding, and a new credential. You need the rights to make all this, and with --apply get, create, patch and delete of Secrets and get,
create and patch of kubevirtconfigs in the namespace of the KubevirtConfig.

Run again with --apply it renews the credential: it waits up to 4 minutes until the KubevirtConfig is Ready and tells that the new credential
is in use, and then deletes the one before; those that another KubevirtConfig or supervisor may use are kept and named. Otherwise, also on
Ctrl-C, it puts back what was there and deletes the new one, unless somebody else has changed the Secret. With a manager that does not tell
which credential is in use it keeps both and says how to go on.

Exit codes: 0 done, 1 failed, interrupted, or not in use and Ready in time (60 s for a new cluster), 2 usage.

Examples:
  virt-steward kubeconfig --context east --name east --config-namespace clusters | kubectl --context supervisor apply -f -
  virt-steward kubeconfig --context east --name east --config-namespace clusters --apply --supervisor-context supervisor
  virt-steward kubeconfig --context east --name east --token-ttl 8760h --output kubeconfig`;

export const kubeconfigCommand: RegisterCommand = (program, io, done) => {
  program
    .command('kubeconfig')
    .description('make an account for the machines module on a remote cluster, and the Secret and KubevirtConfig for it')
    .option('--context <name>', 'context of the remote cluster in your kubeconfig')
    .option('--name <name>', 'name of the KubevirtConfig')
    .option('--kubeconfig <file>', 'your kubeconfig file (default: env KUBECONFIG, ~/.kube/config)')
    .option('--server <url>', 'address under which the supervisor reaches the remote cluster (default: that of the context)')
    .option('--remote-namespace <name>', 'namespace of the account', 'virt-steward')
    .option('--service-account <name>', 'name of the account', 'virt-steward')
    .option('--config-namespace <name>', 'namespace of the KubevirtConfig', 'virt-steward-system')
    .option('--token-ttl <duration>', 'a token that expires, instead of one that is revoked by deleting its Secret')
    .option('-o, --output <format>', 'yaml (Secret and KubevirtConfig) or kubeconfig', 'yaml')
    .option('--apply', 'write Secret and KubevirtConfig, and wait until the cluster is Ready')
    .option('--supervisor-context <name>', 'context of the supervisor, for --apply')
    .addHelpText('after', HELP)
    .action(async (flags: RemoteAccessFlags) => {
      const options = compileRemoteAccessOptions(flags);
      const { runKubeconfigCommand } = await import('./run-kubeconfig-command.js');
      done(await runKubeconfigCommand(options, flags.kubeconfig, io));
    });
};
