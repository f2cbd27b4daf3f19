/**
 * Command line of the control plane, for development.
 *
 *     node build/hack/control-plane/main.js build    makes sure the binaries are there and prints what will be run
 *     node build/hack/control-plane/main.js run      starts one, prints its KUBECONFIG and keeps it until Ctrl-C
 *
 * Exit codes: 0 done, 1 failed, 2 usage.
 */
import { once } from 'node:events';
import { endWith, exitCodeOf } from '../exit-code';
import { resolveBinaries, startControlPlane } from './index';

const USAGE = 'usage: main.js build | run [--scheduler] [--no-controller-manager]';

async function build(): Promise<void> {
  const { origin, commands } = await resolveBinaries();
  for (const [component, command] of Object.entries(commands)) console.log(`${component}: ${command.join(' ')} (${origin})`);
}

async function run(flags: readonly string[]): Promise<void> {
  const startedMs = performance.now();
  await using controlPlane = await startControlPlane({
    scheduler: flags.includes('--scheduler'),
    ...(flags.includes('--no-controller-manager') ? { controllerManager: false } : {}),
  });
  const asked = endAsked();
  console.error(
    `ready after ${((performance.now() - startedMs) / 1_000).toFixed(1)} s at ${controlPlane.server}; logs are in ${controlPlane.directory}`,
  );
  console.log(`export KUBECONFIG=${controlPlane.kubeconfigPath}`);
  console.error('press Ctrl-C to end it');
  await asked;
}

/** Listens from the moment it is called, which must be before anybody is told that there is something to end. */
async function endAsked(): Promise<void> {
  const keepAlive = setInterval(() => {}, 60_000);
  await Promise.race(['SIGINT', 'SIGTERM', 'SIGHUP'].map((signal) => once(process, signal)));
  clearInterval(keepAlive);
}

async function main([command, ...flags]: readonly string[]): Promise<number> {
  const isKnown = flags.every((flag) => command === 'run' && ['--scheduler', '--no-controller-manager'].includes(flag));
  if (!isKnown || (command !== 'build' && command !== 'run')) {
    console.error(USAGE);
    return 2;
  }
  return exitCodeOf(() => (command === 'build' ? build() : run(flags)));
}

endWith(main(process.argv.slice(2)));
