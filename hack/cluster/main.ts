/**
 * Command line of the cluster, for development.
 *
 *     node build/hack/cluster/main.js build              makes sure that the programs are there
 *     node build/hack/cluster/main.js lock               writes the newest Debian packages into packages.json
 *     node build/hack/cluster/main.js clean              removes what clusters have left whose process was killed
 *     node build/hack/cluster/main.js run [IMAGE.tar...] starts one, prints its KUBECONFIG and keeps it until Ctrl-C
 *
 * Exit codes: 0 done, 1 failed, 2 usage.
 */
import { once } from 'node:events';
import { writeFileSync } from 'node:fs';
import { resolve } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { endWith, exitCodeOf } from '../exit-code';
import { Cluster } from './cluster';
import { removeLeftovers } from './leftovers';
import { newestPackages, packagesFile, resolvePrograms } from './programs';

const CLEAN_MS = 20_000;
const LOOK_MS = 200;
const ROOT = resolve(__dirname, '..', '..', '..');

async function build(): Promise<void> {
  for (const [name, path] of Object.entries(await resolvePrograms(ROOT))) console.log(`${name}: ${path}`);
}

async function lock(): Promise<void> {
  writeFileSync(packagesFile(ROOT), `${JSON.stringify(await newestPackages(), null, 2)}\n`);
}

/** The processes of a node may end a little after the one that started it, and hold its control groups until then. */
async function clean(): Promise<void> {
  const deadlineMs = performance.now() + CLEAN_MS;
  const removed = new Set<string>();
  let left: string[];
  do {
    left = removeLeftovers();
    for (const name of left) removed.add(name);
    if (left.length > 0) await delay(LOOK_MS);
  } while (left.length > 0 && performance.now() < deadlineMs);
  if (removed.size > 0) console.log(`removed what an interrupted cluster has left: ${[...removed].sort().join(', ')}`);
  if (left.length > 0) throw new Error(`still there: ${left.join(', ')}`);
}

async function run(images: readonly string[]): Promise<void> {
  const startedMs = performance.now();
  await using cluster = await Cluster.start({ images: images.map((image) => resolve(image)) });
  const keepAlive = setInterval(() => {}, 60_000);
  const asked = Promise.race(['SIGINT', 'SIGTERM', 'SIGHUP'].map((signal) => once(process, signal)));
  console.error(`all nodes Ready after ${((performance.now() - startedMs) / 1_000).toFixed(1)} s; press Ctrl-C to end them`);
  console.log(`export KUBECONFIG=${cluster.controlPlane.kubeconfigPath}`);
  await asked;
  clearInterval(keepAlive);
}

async function main([command, ...args]: readonly string[]): Promise<number> {
  const commands: Readonly<Record<string, () => Promise<void>>> = { build, lock, clean, run: () => run(args) };
  const chosen = commands[command ?? ''];
  if (chosen === undefined) {
    console.error('usage: main.js build | lock | clean | run [IMAGE.tar...]');
    return 2;
  }
  return exitCodeOf(() => chosen());
}

endWith(main(process.argv.slice(2)));
