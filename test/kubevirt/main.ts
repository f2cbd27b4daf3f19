/**
 * Runs the KubeVirt stand-in as a process of its own: `node build/test/kubevirt/main.js KUBECONFIG-FILE [TIMINGS]`,
 * timings as a JSON object with the fields of `Timings`, for example `{"schedulingMs":500}`.
 *
 * Owns: the process. Never: more than starting, printing and stopping.
 * Invariant: standard output is JSON, one object a line: first `{"ready":true,...}`, then one for each subresource call; SIGTERM and SIGINT
 * end it with code 0, a failed start with 1, wrong usage with 2, and so does the end of the parent (standard input closes) when it is a pipe.
 */
import { fstatSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { startKubeVirtStandIn, type Timings } from './stand-in';

async function main(): Promise<void> {
  const [file, timings = '{}', ...rest] = process.argv.slice(2);
  if (file === undefined || rest.length > 0) {
    console.error('usage: main.js KUBECONFIG-FILE [TIMINGS]');
    process.exitCode = 2;
    return;
  }
  const standIn = await startKubeVirtStandIn({ kubeconfig: await readFile(file, 'utf8'), timings: JSON.parse(timings) as Timings });
  standIn.journal.subscribe((entry) => console.log(JSON.stringify(entry)));
  console.log(JSON.stringify({ ready: true, port: standIn.port }));

  await new Promise<void>((resolve) => {
    process.once('SIGTERM', resolve).once('SIGINT', resolve);
    if (isPipe(0)) process.stdin.once('end', resolve).once('error', resolve).resume();
  });
  process.stdin.destroy();
  await standIn.stop();
}

function isPipe(descriptor: number): boolean {
  const stats = fstatSync(descriptor);
  return stats.isFIFO() || stats.isSocket();
}

main().catch((error: unknown) => {
  console.error(error instanceof Error ? error.message : String(error));
  process.exitCode = 1;
});
