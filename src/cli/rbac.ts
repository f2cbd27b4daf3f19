/** `virt-steward rbac`: prints the API rights the manager needs, derived from its handlers. */
import { Option } from 'commander';
import { Settings } from '../framework/basics';
import { GRPC_SECURITY_FLAGS } from '../wol/grpc-settings';
import { WOL_FLAGS, WOL_VARIABLES, wolSettings } from '../wol/settings';
import { EXIT_DONE } from './exit-code';
import { addFlags, flagValues } from './flag-options';
import { MODULE_NAMES, parseModules } from './module-names';
import type { RegisterCommand } from './program';
import { VERSION } from './version';

interface RbacOptions {
  modules: string;
  leaderElect: 'true' | 'false';
  metricsSecure: 'true' | 'false';
  output: 'yaml' | 'json';
  namespace: string;
  serviceAccount: string;
  name: string;
}

const EXAMPLES = `
Examples:
  virt-steward rbac | kubectl apply -f -
  virt-steward rbac --output=json --namespace=my-namespace`;

export const rbacCommand: RegisterCommand = (program, io, done) => {
  const command = addFlags(program.command('rbac'), GRPC_SECURITY_FLAGS)
    .description('print the API rights the manager needs, each with its reasons')
    .option('--modules <list>', `modules to print rights for: ${MODULE_NAMES.join(', ')}`, MODULE_NAMES.join(','))
    .addOption(
      new Option('--leader-elect [true|false]', 'rights for the Lease that several replicas need')
        .choices(['true', 'false'])
        .preset('true')
        .default('true'),
    )
    .addOption(
      new Option('--metrics-secure [true|false]', 'rights to check who reads metrics')
        .choices(['true', 'false'])
        .preset('true')
        .default('true'),
    )
    .addOption(new Option('--output <format>', 'output format').choices(['yaml', 'json']).default('yaml'))
    .option('--namespace <name>', 'namespace the operator runs in', 'virt-steward-system')
    .option('--service-account <name>', 'service account to bind the rights to', 'virt-steward')
    .option('--name <name>', 'name of roles and bindings', 'virt-steward')
    .addHelpText('after', EXAMPLES)
    .action(async ({ modules, output, leaderElect, metricsSecure, ...options }: RbacOptions) => {
      const names = parseModules('--modules', modules);
      const { managerRights, rbacObjects, rbacYaml } = await import('./modules.js');
      // What a shell has in its environment is not what the manager will have in its own.
      const wol = wolSettings(new Settings([...WOL_FLAGS, ...WOL_VARIABLES], flagValues(command), {}), options.namespace, VERSION);
      const rules = managerRights(names, { wol }, { leaderElection: leaderElect === 'true', secureMetrics: metricsSecure === 'true' });
      const json = (): string => JSON.stringify({ apiVersion: 'v1', kind: 'List', items: rbacObjects(rules, options) }, undefined, 2);
      io.print(output === 'json' ? json() : rbacYaml(rules, options).trimEnd());
      done(EXIT_DONE);
    });
};
