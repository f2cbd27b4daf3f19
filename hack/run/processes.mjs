/**
 * Child processes of the steps: started, shown, timed and always ended.
 *
 * Owns: process groups and signals. Never: decides what a failure means.
 * Invariant: each child leads a process group of its own, so that Ctrl-C reaches it exactly once, through us, and
 * whatever it started ends with it.
 */
import { spawn } from 'node:child_process';
import { constants } from 'node:os';
import { delimiter, join } from 'node:path';
import { root } from './paths.mjs';

/** Time that an interrupted child has to clean up before its group is killed. */
const GRACE_MS = 30_000;
/** A signal that arrives this soon after the first one is the same one: the terminal sends it, and npm passes it on. */
const SAME_SIGNAL_MS = 1_000;
/** How often we look whether whoever started us is still there. */
const PARENT_CHECK_MS = 500;
/** A quiet child says this often that it is still at work. */
const HEARTBEAT_MS = 10_000;

const running = new Set();
let interrupted;

/** The signal that ended us, if any: its name and the exit code that belongs to it. */
export function interruption() {
  return interrupted;
}

/**
 * From now on SIGINT and SIGTERM end the running child, and no further one is started. So does the end of our parent: npm passes
 * SIGTERM on to the shell between us, which ends without telling us.
 */
export function onInterrupt() {
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) process.on(signal, () => interrupt(signal));
  const parent = process.ppid;
  setInterval(() => process.ppid !== parent && interrupted === undefined && interrupt('SIGTERM'), PARENT_CHECK_MS).unref();
}

function interrupt(signal) {
  const now = performance.now();
  if (interrupted === undefined) {
    interrupted = { signal, exitCode: 128 + constants.signals[signal], since: now };
    for (const child of running) signalGroup(child, signal);
    setTimeout(stopChildren, GRACE_MS).unref();
  } else if (now - interrupted.since > SAME_SIGNAL_MS) {
    stopChildren();
  }
}

/** Kills what is still running, with everything it started. */
export function stopChildren() {
  for (const child of running) signalGroup(child, 'SIGKILL');
}

/** The environment of every child: the tools of node_modules first, its Node.js among them. */
export function toolEnvironment() {
  return { ...process.env, PATH: [join(root, 'node_modules', '.bin'), ...ownPath()].join(delimiter) };
}

/** The environment for npm itself, which must not run on the Node.js that it is about to replace. */
export function npmEnvironment() {
  return { ...process.env, PATH: ownPath().join(delimiter) };
}

/** PATH without the folders that `npm run` puts in front for this repository. */
function ownPath() {
  return (process.env.PATH ?? '').split(delimiter).filter((folder) => folder !== join(root, 'node_modules', '.bin'));
}

/**
 * Runs a child that speaks for itself.
 *
 * @param {{ env?: NodeJS.ProcessEnv, limitMs?: number }} options limitMs: the child is killed after this time.
 * @returns {Promise<number>} its exit code; 128 + number of the signal that ended it, 127 when it could not be started.
 */
export function runAloud(command, args, { env = toolEnvironment(), limitMs } = {}) {
  return run(command, args, { env, stdio: ['ignore', 'inherit', 'inherit'] }, { limitMs });
}

/**
 * Runs a child whose output matters only when it fails: one line with the time it took, and everything it wrote after a failure.
 *
 * @param {string} title what is being done, for example `compile`.
 * @param {string} usual how long it may take, shown at the start; may be empty.
 */
export async function runQuietly(title, usual, command, args, { env = toolEnvironment() } = {}) {
  const started = performance.now();
  const elapsed = () => `${((performance.now() - started) / 1_000).toFixed(1)} s`;
  if (usual !== '') console.log(`${title} (${usual})`);
  const heartbeat = setInterval(() => console.log(`${title}: still at it after ${elapsed()}`), HEARTBEAT_MS);
  const output = [];
  const exitCode = await run(command, args, { env, stdio: ['ignore', 'pipe', 'pipe'] }, { onOutput: (chunk) => output.push(chunk) });
  clearInterval(heartbeat);
  if (exitCode === 0) {
    console.log(`${title}: done in ${elapsed()}`);
  } else {
    process.stdout.write(Buffer.concat(output));
    console.log(`${title}: failed after ${elapsed()}, exit code ${exitCode}: ${[command, ...args].join(' ')}`);
  }
  return exitCode;
}

function run(command, args, options, { onOutput, limitMs }) {
  if (interrupted !== undefined) return Promise.resolve(interrupted.exitCode);
  return new Promise((resolve) => {
    const child = spawn(command, args, { ...options, cwd: root, detached: true });
    running.add(child);
    child.stdout?.on('data', onOutput);
    child.stderr?.on('data', onOutput);
    const limit = limitMs === undefined ? undefined : setTimeout(() => expire(child, command, limitMs), limitMs);
    const end = (exitCode) => {
      clearTimeout(limit);
      running.delete(child);
      resolve(exitCode);
    };
    child.on('error', (error) => {
      console.error(`cannot start ${command}: ${error.message}`);
      end(127);
    });
    child.on('exit', () => signalGroup(child, 'SIGKILL')); // a child that was killed may have left others behind
    child.on('close', (code, signal) => end(code ?? 128 + constants.signals[signal]));
  });
}

function expire(child, command, limitMs) {
  console.error(`${command} was stopped after ${limitMs / 1_000} s`);
  signalGroup(child, 'SIGKILL');
}

function signalGroup(child, signal) {
  try {
    process.kill(-child.pid, signal);
  } catch (error) {
    if (error.code !== 'ESRCH') throw error; // already gone
  }
}
