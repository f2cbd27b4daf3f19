/** `virt-steward doctor`: looks for what keeps packets from waking machines. */
import { normalizeMac } from '../kubevirt/mac-address';
import { compileDoctorOptions, type DoctorFlags } from '../wol/doctor/doctor-options';
import { addCallerFlags, type CallerFlags } from './caller-flags';
import type { RegisterCommand } from './program';

const HELP = `
Reads only, with your own rights: what you may not look at is a "warn" that names the right. Needs no manager, prints no Secret.

--install looks at the installation instead: replicas, leader, definitions, certificate, metrics, agents. It takes what its Deployment
states for what is wanted, and waits up to a minute for it; helm test runs it.

Exit codes: 0 nothing failed, 1 something did, 2 usage.

Examples:
  virt-steward doctor
  virt-steward doctor lab/desktop
  virt-steward doctor 02:00:00:00:00:01 --port 9 --source 192.0.2.7
  virt-steward doctor -o json
  virt-steward doctor --install`;

export const doctorCommand: RegisterCommand = (program, io, done) => {
  const command = program
    .command('doctor')
    .description('tell what keeps packets from waking virtual machines, and what to do')
    .argument(
      '[what]',
      'NAMESPACE/NAME of a virtual machine or a MAC address: every step from a packet to its start; without it the whole cluster',
    )
    .option('--port <port>', 'UDP port the packet comes to (default: one that a WolConfig listens on for it)')
    .option('--source <address>', 'address the packet comes from')
    .option('--service-account <name>', 'account of the manager (default: the one that the ClusterRoleBinding virt-steward-manager names)')
    .option('--install', 'check the installation')
    .option('--deployment <name>', 'Deployment of the manager, for --install (default: virt-steward-manager)')
    .option('-o, --output <format>', 'text or json (default: text)')
    .addHelpText('after', HELP)
    .action(async (what: string | undefined, flags: DoctorFlags & CallerFlags) => {
      const options = compileDoctorOptions(what, flags, normalizeMac);
      if (options.install !== undefined) {
        const { runInstallCheckCommand } = await import('./run-installation-command.js');
        done(await runInstallCheckCommand({ ...options.install, output: options.output }, flags, io));
        return;
      }
      const { runDoctorCommand } = await import('./run-doctor-command.js');
      done(await runDoctorCommand(options, flags, io));
    });
  addCallerFlags(command);
};
