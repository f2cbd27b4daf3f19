/** What the kernel says a process uses. Linux only, as everything here. */
import { readFile } from 'node:fs/promises';
import { setTimeout as pause } from 'node:timers/promises';
import type { TestProcess } from '../../test/harness/child-process';

const MIB = 2 ** 20;
/** USER_HZ: fixed by the kernel's interface to user space. */
const TICKS_PER_SECOND = 100;

export async function rssMib(process: TestProcess): Promise<number> {
  return (await process.rssBytes()) / MIB;
}

/** CPU time used so far, in seconds, in steps of 10 ms. */
export async function cpuSeconds({ pid }: TestProcess): Promise<number> {
  return (await cpuTicks(pid)) / TICKS_PER_SECOND;
}

/** Share of one core in per cent, over `durationMs`. */
export async function cpuPercent(process: TestProcess, durationMs: number): Promise<number> {
  const [before, startedMs] = [await cpuSeconds(process), performance.now()];
  await pause(durationMs);
  return (((await cpuSeconds(process)) - before) / (performance.now() - startedMs)) * 100_000;
}

/** utime + stime, fields 14 and 15 of proc(5); the command in field 2 may hold spaces, so counting starts behind it. */
async function cpuTicks(pid: number): Promise<number> {
  const stat = await readFile(`/proc/${pid}/stat`, 'utf8');
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  return Number(fields[11]) + Number(fields[12]);
}
