/** `virt-steward manager`: runs the operator. */
import { Settings } from '../framework/basics';
import { MACHINES_FLAGS, MACHINES_VARIABLES } from '../machines/settings';
import { PLATFORM_FLAGS } from '../platform/settings';
import { WOL_FLAGS, WOL_VARIABLES } from '../wol/settings';
import { addFlags, flagValues } from './flag-options';
import { MANAGER_FLAGS } from './manager-flags';
import { parseModules } from './module-names';
import type { RegisterCommand } from './program';

const VARIABLES = [...WOL_VARIABLES, ...MACHINES_VARIABLES];

const EXAMPLES = `
Examples:
  virt-steward manager --kubeconfig ~/.kube/config --metrics-secure=false
  MODULES=wol GRPC_TLS_MODE=cert-manager METRICS_BIND_ADDRESS=0 virt-steward manager

Read from the environment only:
${VARIABLES.map(({ env, description }) => `  ${env.padEnd(26)}${description}`).join('\n')}`;

const FLAGS = [...MANAGER_FLAGS, ...WOL_FLAGS, ...PLATFORM_FLAGS, ...MACHINES_FLAGS];

export const managerCommand: RegisterCommand = (program, io, done) => {
  const command = addFlags(program.command('manager'), FLAGS)
    .description('run the operator')
    .addHelpText('after', EXAMPLES)
    .action(async () => {
      const settings = new Settings([...FLAGS, ...VARIABLES], flagValues(command), io.env);
      const modules = parseModules('--modules', settings.text('modules'));
      const isWolAlone = modules.every((name) => name === 'wol');
      const { runManager } = isWolAlone ? await import('./run-wol-manager.js') : await import('./run-manager.js');
      done(await runManager(settings));
    });
};
