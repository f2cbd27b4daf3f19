/**
 * One measurement in one fresh process, so that no other leaves garbage, compiled code or memory behind.
 *
 * Owns: starting and ending such processes. They get `gc()` and answer with one message.
 */
import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';

const GIVE_UP_MS = 180_000;

/** What each program answers. */
export interface ProbeAnswers {
  'queue-probe': QueueAnswer;
  'informer-probe': InformerAnswer;
  'parsed-objects-probe': { heapBytesPerObject: number };
  'pass-probe': QueueAnswer;
  'lanes-probe': LanesAnswer;
  'hanging-probe': WaitAnswer;
  'day-probe': DayAnswer;
  'storm-probe': StormAnswer;
  'isolation-probe': IsolationAnswer;
  '../wake-map-probe': WakeMapAnswer;
}

export interface QueueAnswer {
  readonly wallMs: number;
  readonly cpuMs: number;
}

export interface LanesAnswer {
  readonly drainedMs: number;
  /** Wait of a key that was added to the high lane when half of the others had run. */
  readonly highWaitMs: number;
  /** Keys of the low lane that had run before the first tenth of the high ones was done. */
  readonly lowEarly: number;
}

/** From a change in the cache to the run for it. */
export interface WaitAnswer {
  readonly runs: number;
  readonly waitP50Ms: number;
  readonly waitP99Ms: number;
  readonly rssMib: number;
}

export interface DayAnswer {
  readonly events: number;
  readonly runs: number;
  /** Live heap after a tenth of the events, and at the end. */
  readonly earlyHeapBytes: number;
  readonly lateHeapBytes: number;
}

export interface StormAnswer {
  readonly connects: number;
  readonly busiestSecond: number;
  readonly watchingAfterMs: number;
  /** Most lists of one kind after the server was back. */
  readonly relists: number;
}

export interface IsolationAnswer {
  readonly before: WaitAnswer;
  readonly during: WaitAnswer;
}

export interface WakeMapAnswer {
  /** Live heap of caches, targets and claims. */
  readonly heapBytes: number;
  readonly configChange: { readonly ms: number; readonly longestBlockMs: number };
  readonly verification: { readonly ms: number; readonly longestBlockMs: number };
  /** From the event to a lookup that shows it. */
  readonly vmChangeP99Us: number;
  readonly lookupP99Us: number;
}

export interface InformerAnswer {
  readonly syncMs: number;
  readonly syncCpuMs: number;
  readonly loopDelayP99Ms: number;
  readonly loopDelayMaxMs: number;
  readonly heapBytesPerObject: number;
  /** 0 without events. */
  readonly eventsPerSecond: number;
  /** CPU time for an event, decode to store, in milliseconds; 0 without events. */
  readonly cpuMsPerEvent: number;
}

/** @throws {Error} when it ends or takes too long without an answer. */
export async function probe<Name extends keyof ProbeAnswers>(name: Name, args: readonly (string | number)[]): Promise<ProbeAnswers[Name]> {
  const child = start(name, args);
  try {
    return (await messageOf(child, name)) as ProbeAnswers[Name];
  } finally {
    child.kill();
  }
}

/** Runs `work` beside a server of virtual machines. */
export async function withListServer<Result>(
  { objects, events, perSecond = 0 }: { objects: number; events: number; perSecond?: number },
  work: (port: number) => Promise<Result>,
): Promise<Result> {
  const server = start('list-server', [objects, events, perSecond]);
  try {
    return await work((await messageOf(server, 'list-server')) as number);
  } finally {
    server.kill();
  }
}

export interface FleetFront {
  readonly port: number;
  stop(): void;
}

/** Starts a process that adds a fleet of virtual machines to the lists of an API server. */
export async function startFleetFront(objects: number, server: string, authorityFile: string): Promise<FleetFront> {
  const front = start('fleet-front', [objects, server, authorityFile]);
  return { port: (await messageOf(front, 'fleet-front')) as number, stop: () => void front.kill() };
}

function start(name: string, args: readonly (string | number)[]): ChildProcess {
  return fork(join(__dirname, `${name}.js`), args.map(String), { execArgv: ['--expose-gc'] });
}

async function messageOf(child: ChildProcess, name: string): Promise<unknown> {
  const ended = once(child, 'exit').then(([code]) => {
    throw new Error(`${name} ended with exit code ${code} and no answer`);
  });
  const [message] = (await Promise.race([once(child, 'message', { signal: AbortSignal.timeout(GIVE_UP_MS) }), ended])) as [unknown];
  ended.catch(() => undefined);
  return message;
}
