/** `virt-steward doctor`: looks for what keeps the modules from doing what is wanted of them. */
import { UsageError } from '../framework/basics';
import { normalizeMac } from '../kubevirt/mac-address';
import { compileDoctorOptions, type DoctorFlags } from '../wol/doctor/doctor-options';
import { addCallerFlags, type CallerFlags } from './caller-flags';
import { parseModuleSubject } from './doctor-subject';
import { MODULE_NAMES, parseModules } from './module-names';
import type { RegisterCommand } from './program';
import type { SaidFlags } from './running-settings';

const HELP = `
Reads only, with your own rights: what you may not look at is a "warn" that names the right. Needs no manager, prints no Secret.

--install looks at the installation instead: replicas, leader, definitions, certificate, metrics, agents. It takes what its Deployment
states for what is wanted, and waits up to a minute for it; helm test runs it.

It judges with the settings of the manager, as its Deployment in --operator-namespace states them: arguments, variables and the ConfigMaps that
these name, no Secret. The first line says which were used; flags given here count before them.

Without an argument every module that is in use is looked at: what the manager runs, platform once a manager has written its state, machines
once there is a KubevirtConfig, wol unless the manager is known to do without; --modules says which instead. About a Machine it reads the
supervisor only: of its cluster it tells what the manager has found out. What is wanted so, such as an asset that nobody has switched on, is
a "warn".

Exit codes: 0 nothing failed, 1 something did, 2 usage.

Examples:
  virt-steward doctor
  virt-steward doctor lab/desktop
  virt-steward doctor 02:00:00:00:00:01 --port 9 --source 192.0.2.7
  virt-steward doctor asset/kubelet-perf-settings
  virt-steward doctor machine/team-a/web
  virt-steward doctor --modules=machines
  virt-steward doctor -o json
  virt-steward doctor --install`;

interface ModuleDoctorFlags extends SaidFlags {
  modules?: string;
  platformAssetsDir?: string;
}

/** --install takes what the Deployment states. @throws {UsageError} naming the first that has no effect. */
function refuseSaid({ kubevirtConfigsNamespace, watchNamespaces, platformActivation }: SaidFlags): void {
  const flags = { 'kubevirt-configs-namespace': kubevirtConfigsNamespace, 'watch-namespaces': watchNamespaces };
  const given = Object.entries({ ...flags, 'platform-activation': platformActivation }).find(([, value]) => value !== undefined)?.[0];
  if (given !== undefined) throw new UsageError(`--${given} goes without --install`);
}

/** @throws {UsageError} naming the first that has no effect. */
function refuseWakeFlags({ port, source, install, serviceAccount }: DoctorFlags): void {
  const given = Object.entries({ '--port': port, '--source': source, '--install': install, '--service-account': serviceAccount });
  const flag = given.find(([, value]) => value !== undefined)?.[0];
  if (flag !== undefined) throw new UsageError(`${flag} goes without asset/NAME and machine/NAMESPACE/NAME`);
}

export const doctorCommand: RegisterCommand = (program, io, done) => {
  const command = program
    .command('doctor')
    .description('tell what keeps packets, assets and Machines from having their effect, and what to do')
    .argument(
      '[what]',
      'NAMESPACE/NAME of a virtual machine or a MAC address: every step from a packet to its start; asset/NAME: why an object of the catalog is applied or not; machine/NAMESPACE/NAME: every step from a Machine to its virtual machine; without it the whole cluster',
    )
    .option('--modules <list>', `modules to look at, without an argument: ${MODULE_NAMES.join(', ')} (default: those in use)`)
    .option('--platform-assets-dir <dir>', 'catalog of the manager, for asset/NAME (default: the one that is shipped)')
    .option('--port <port>', 'UDP port the packet comes to (default: one that a WolConfig listens on for it)')
    .option('--source <address>', 'address the packet comes from')
    .option(
      '--service-account <name>',
      'account of the manager (default: the one of its Deployment, or else of the ClusterRoleBinding virt-steward-manager)',
    )
    .option('--install', 'check the installation')
    .option(
      '--deployment <name>',
      'Deployment of the manager (default: virt-steward-manager, or the only one with the labels of a manager)',
    )
    .option('--kubevirt-configs-namespace <list>', 'as the manager has it (default: read from its Deployment)')
    .option('--watch-namespaces <list>', 'as the manager has it (default: read from its Deployment)')
    .option('--platform-activation <mode>', 'as the manager has it (default: read from its Deployment)')
    .option('-o, --output <format>', 'text or json (default: text)')
    .addHelpText('after', HELP)
    .action(async (what: string | undefined, flags: DoctorFlags & CallerFlags & ModuleDoctorFlags) => {
      const subject = what === undefined ? undefined : parseModuleSubject(what);
      if (flags.modules !== undefined && (what !== undefined || flags.install === true))
        throw new UsageError('--modules goes without an argument and --install');
      if (flags.install === true) refuseSaid(flags);
      if (flags.platformAssetsDir !== undefined && subject?.kind !== 'asset')
        throw new UsageError('--platform-assets-dir goes with asset/NAME only');
      if (subject !== undefined) {
        refuseWakeFlags(flags);
        const { output } = compileDoctorOptions(undefined, flags, normalizeMac);
        const { runSubjectDoctorCommand } = await import('./run-subject-doctor-command.js');
        done(await runSubjectDoctorCommand(subject, output, flags, io));
        return;
      }
      const modules = flags.modules === undefined ? undefined : parseModules('--modules', flags.modules);
      const options = compileDoctorOptions(what, flags, normalizeMac);
      if (options.install !== undefined) {
        const { runInstallCheckCommand } = await import('./run-installation-command.js');
        done(await runInstallCheckCommand({ ...options.install, output: options.output }, flags, io));
        return;
      }
      const { runDoctorCommand } = await import('./run-doctor-command.js');
      done(await runDoctorCommand(options, modules, flags, io));
    });
  addCallerFlags(command);
};
