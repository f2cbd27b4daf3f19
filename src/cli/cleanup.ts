/** `virt-steward cleanup`: takes what the manager has made off the cluster, before its installation is removed. */
import { createInterface } from 'node:readline/promises';
import { parseDurationMs, UsageError } from '../framework/basics';
import { addCallerFlags, type CallerFlags } from './caller-flags';
import { MODULE_NAMES, parseModules } from './module-names';
import type { RegisterCommand } from './program';

interface CleanupFlags extends CallerFlags {
  deployment: string;
  modules: string;
  timeout: string;
  releaseFinalizers: boolean;
  yes: boolean;
}

const MIN_TIMEOUT_MS = 1_000;
const MAX_TIMEOUT_MS = 3_600_000;

const HELP = `
Scales the manager to 0 and waits until none leads, deletes agents, certificates that the manager made and its Lease, and prints what
stays: definitions with their objects. Helm runs it before it removes a release. Running it twice is harmless.

With --release-finalizers it also takes the finalizers off Machines and KubevirtConfigs, which without a manager could never be deleted.
Virtual machines and disks on other clusters then stay: delete Machines before the removal to remove these.

Exit codes: 0 done or nothing to do, 1 failed or not done in time, 2 usage.

Examples:
  virt-steward cleanup
  virt-steward cleanup --operator-namespace my-namespace --deployment my-release-virt-steward-manager`;

export const cleanupCommand: RegisterCommand = (program, io, done) => {
  const command = program
    .command('cleanup')
    .description('stop the manager and delete what it has made, before it is uninstalled')
    .option('--deployment <name>', 'Deployment of the manager', 'virt-steward-manager')
    .option('--modules <list>', 'modules whose things to look for', MODULE_NAMES.join(','))
    .option('--timeout <duration>', 'how long to wait for pods to end', '100s')
    .option('--release-finalizers', 'let objects be deleted that waited for a manager; asks first', false)
    .option('--yes', 'take the answer to that for yes', false)
    .addHelpText('after', HELP)
    .action(async (flags: CleanupFlags) => {
      const options = {
        deployment: flags.deployment,
        timeoutMs: timeoutOf(flags.timeout),
        modules: parseModules('--modules', flags.modules),
        ...(flags.releaseFinalizers ? { confirmRelease: confirmationOf(flags.yes) } : {}),
      };
      const { runCleanupCommand } = await import('./run-installation-command.js');
      done(await runCleanupCommand(options, flags, io));
    });
  addCallerFlags(command);
};

/** @throws {UsageError} when nobody can be asked. */
function confirmationOf(isGiven: boolean): (question: string) => Promise<boolean> {
  if (isGiven) return () => Promise.resolve(true);
  if (!process.stdin.isTTY) throw new UsageError('--release-finalizers asks before it does so, and nobody is there to answer; add --yes');
  return async (question) => {
    const asking = createInterface({ input: process.stdin, output: process.stderr });
    // Of a question that is left by Ctrl-C or Ctrl-D readline says nothing more.
    const left = new Promise<string>((resolve) => asking.once('close', () => resolve('')));
    try {
      return /^y(es)?$/i.test((await Promise.race([asking.question(`${question} [y/N] `), left])).trim());
    } finally {
      asking.close();
    }
  };
}

function timeoutOf(text: string): number {
  const ms = parseDurationMs(text);
  if (ms !== undefined && ms >= MIN_TIMEOUT_MS && ms <= MAX_TIMEOUT_MS) return ms;
  throw new UsageError(`--timeout is ${JSON.stringify(text)}; allowed: 1s to 1h, for example 100s`);
}
