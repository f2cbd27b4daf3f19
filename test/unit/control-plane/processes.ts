/** Looks at processes of this machine from outside: through /proc where there is one, else through `ps`. */
import { spawnSync } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';

/** Those that run. A zombie does not: it has ended and only waits for its parent to notice. */
export function runningOf(pids: readonly number[]): number[] {
  return pids.filter((pid) => {
    const state = seen(pid)?.state;
    return state !== undefined && !state.startsWith('Z');
  });
}

/** @throws {Error} when there is no such process. */
export function parentOf(pid: number): number {
  const parent = seen(pid)?.parent;
  if (parent === undefined) throw new Error(`no process ${pid}`);
  return parent;
}

function seen(pid: number): { state: string; parent: number } | undefined {
  const line = existsSync('/proc/self/stat')
    ? procLine(pid)
    : spawnSync('ps', ['-o', 'stat=,ppid=', '-p', String(pid)], { encoding: 'utf8' }).stdout;
  const [state, parent] = line.trim().split(/\s+/);
  return state && parent ? { state, parent: Number(parent) } : undefined;
}

/** State and parent follow the command's name, which is in parentheses and may hold anything. */
function procLine(pid: number): string {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
    return stat.slice(stat.lastIndexOf(')') + 1);
  } catch {
    return '';
  }
}
