/**
 * Child process that owns a group of processes and a temporary directory on behalf of the process that forked it.
 *
 * Owns: the directory it makes, every process it starts, and their end.
 * Never: decides what runs; outlives its parent.
 * Invariant: when the channel to the parent closes, for whatever reason (stop, exit, crash, kill -9), the processes are killed
 * and the directory is removed. That is why they are its children and not the parent's: nothing runs in a killed parent.
 *
 * It is forked detached, hence leads a process group of its own: a Ctrl-C in the terminal reaches the parent only, and one
 * signal to the group reaches what its children have started as well.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { closeSync, mkdtempSync, openSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import type { StartCommand, SupervisorCommand, SupervisorReport } from './supervisor-protocol';

const children = new Map<string, ChildProcess>();
let disposing = false;

function report(message: SupervisorReport): void {
  if (process.connected) process.send?.(message, () => {}); // the parent may go at any moment
}

function start({ name, command, args, env, workingDirectory, logFile }: StartCommand): void {
  const log = openSync(logFile, 'a');
  const child = spawn(command, args, { cwd: workingDirectory, env, stdio: ['ignore', log, log] });
  closeSync(log);
  child.once('error', (error) => report({ type: 'notStarted', name, reason: error.message }));
  if (child.pid === undefined) return;
  children.set(name, child);
  child.once('exit', (code, signal) => {
    children.delete(name);
    report({ type: 'exited', name, status: signal === null ? { code: code ?? 0 } : { signal } });
  });
  report({ type: 'started', name, pid: child.pid });
}

/** Whatever goes wrong is the caller's to know; an exception here would end the one process that cleans up. */
function startOrReport(command: StartCommand): void {
  try {
    start(command);
  } catch (error) {
    report({ type: 'notStarted', name: command.name, reason: reasonOf(error) });
  }
}

/** Grandchildren (a compiler, say) get SIGTERM first so that they do not write into the directory while it is removed. */
async function dispose(directory: string): Promise<void> {
  if (disposing) return;
  disposing = true;
  process.kill(-process.pid, 'SIGTERM');
  const ends = [...children.values()].map((child) => new Promise((resolve) => child.once('exit', resolve)));
  for (const child of children.values()) child.kill('SIGKILL');
  await Promise.all(ends);
  await rm(directory, { recursive: true, force: true, maxRetries: 5, retryDelay: 50 });
  process.kill(-process.pid, 'SIGKILL');
}

function supervise(directory: string): void {
  for (const signal of ['SIGTERM', 'SIGINT', 'SIGHUP'] as const) process.on(signal, () => void dispose(directory));
  process.on('disconnect', () => void dispose(directory));
  process.on('message', (command: SupervisorCommand) => {
    if (command.type === 'dispose') void dispose(directory);
    else if (command.type === 'signal') children.get(command.name)?.kill(command.signal);
    else if (!disposing) startOrReport(command);
  });
  report({ type: 'ready', directory });
}

function main(directoryPrefix: string): void {
  process.title = 'virt-steward-supervisor';
  try {
    supervise(mkdtempSync(directoryPrefix));
  } catch (error) {
    report({ type: 'noDirectory', reason: reasonOf(error) });
    process.disconnect();
  }
}

function reasonOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

main(process.argv[2] ?? '');
