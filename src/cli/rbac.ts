/** `virt-steward rbac`: prints the API rights the manager needs, derived from its handlers. */
import { Option } from 'commander';
import { Settings, UsageError } from '../framework/basics';
import { MACHINES_FLAGS } from '../machines/settings';
import { PLATFORM_FLAGS } from '../platform/settings';
import { GRPC_SECURITY_FLAGS } from '../wol/grpc-settings';
import { EXIT_DONE } from './exit-code';
import { addFlags, flagValues } from './flag-options';
import { MODULE_NAMES, parseModules } from './module-names';
import type { RegisterCommand } from './program';
import type { RightsFormat } from './rights';

interface RbacOptions {
  modules: string;
  leaderElect: 'true' | 'false';
  metricsSecure: 'true' | 'false';
  withRemoval: 'true' | 'false';
  output?: RightsFormat;
  explain?: true;
  remote?: true;
  namespace: string;
  serviceAccount: string;
  name: string;
}

/** Written out, since to load the formats is to load every handler. */
const FORMATS: readonly RightsFormat[] = ['yaml', 'json', 'helm', 'olm', 'markdown'];
const DNS_LABEL = /^[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?$/;
const OBJECT_NAME = /^[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*$/;
const MAX_NAME_CHARS = 253;

const HELP = `
Formats:
  yaml, json  ClusterRole, Role and their bindings
  helm        the same as a template of the chart, which brings names and labels
  olm         clusterPermissions and permissions of a ClusterServiceVersion, and the Role to ship beside it
  markdown    the reference page
Comments tell which handler needs each rule; --explain tells it verb by verb.

Examples:
  virt-steward rbac | kubectl apply -f -
  virt-steward rbac --explain
  virt-steward rbac --modules=machines --remote --name=virt-steward-remote
  virt-steward rbac --output=json --namespace=my-namespace --leader-elect=false
  virt-steward rbac --output=helm > charts/virt-steward/templates/rbac/roles.yaml`;

export const rbacCommand: RegisterCommand = (program, io, done) => {
  const onOff = (flag: string, text: string): Option =>
    new Option(`${flag} [true|false]`, text).choices(['true', 'false']).preset('true').default('true');
  const command = addFlags(program.command('rbac'), [
    ...GRPC_SECURITY_FLAGS,
    ...PLATFORM_FLAGS.filter(({ key }) => key === 'platformAssetsDir'),
    ...MACHINES_FLAGS.filter(({ key }) => key !== 'defaultKubevirtConfig'),
  ])
    .description('print the API rights the manager needs, each with its reasons')
    .option('--modules <list>', `modules to print rights for: ${MODULE_NAMES.join(', ')}`, MODULE_NAMES.join(','))
    .addOption(onOff('--leader-elect', 'rights for the Lease that several replicas need'))
    .addOption(onOff('--metrics-secure', 'rights to check who reads metrics'))
    .addOption(onOff('--with-removal', 'rights of the module platform to delete what it does not keep any more'))
    .addOption(new Option('--output <format>', 'output format (default: "yaml")').choices(FORMATS))
    .option('--explain', 'tell for every rule which handler needs which verb, and why')
    .option('--remote', 'rights that kubeconfigs of remote clusters need there, for --modules=machines')
    .option('--namespace <name>', 'namespace the manager runs in', 'virt-steward-system')
    .option('--service-account <name>', 'service account to bind the rights to', 'virt-steward-manager')
    .option('--name <name>', 'name of roles and bindings', 'virt-steward-manager')
    .addHelpText('after', HELP)
    .action(async ({ modules, output, explain, remote, leaderElect, metricsSecure, withRemoval, ...names }: RbacOptions) => {
      if (explain && output !== undefined) throw new UsageError(`--explain prints text; leave out --output=${output}`);
      const chosen = parseModules('--modules', modules);
      requireName('--namespace', names.namespace, DNS_LABEL);
      requireName('--service-account', names.serviceAccount, OBJECT_NAME);
      requireName('--name', names.name, OBJECT_NAME);
      const { managerRightsByPart, printedRights, remoteRightsParts } = await import('./rights/index.js');
      const { MODULE_DEFINITIONS, moduleSettings } = await import('./modules.js');
      // What a shell has in its environment is not what the manager will have in its own.
      const settings = moduleSettings(new Settings(MODULE_DEFINITIONS, flagValues(command), {}), names.namespace);
      if (remote === true && !(chosen.length === 1 && chosen[0] === 'machines')) {
        throw new UsageError(`--remote is for the module machines alone; say --modules=machines, not --modules=${modules}`);
      }
      const features = { leaderElection: leaderElect === 'true', secureMetrics: metricsSecure === 'true', removal: withRemoval === 'true' };
      const parts = remote === true ? remoteRightsParts(settings) : managerRightsByPart(chosen, features, settings);
      io.print(printedRights(parts, explain ? 'explanation' : (output ?? 'yaml'), names).trimEnd());
      done(EXIT_DONE);
    });
};

/** A name that the API server would refuse could also end up as something else in YAML. */
function requireName(flag: string, value: string, allowed: RegExp): void {
  if (allowed.test(value) && value.length <= MAX_NAME_CHARS) return;
  throw new UsageError(`${flag} is ${JSON.stringify(value)}; allowed: lower-case letters, digits and hyphens, as in the name of an object`);
}
