/**
 * What whole passes cost and how they share: a real operator against a server of a large collection, each measurement in a process of its own.
 */
import { defineBenchmark, type Figure } from './benchmark';
import { probe, type WaitAnswer, withListServer } from './framework/probe';

const OBJECTS = 10_000;
const CHANGES_PER_S = 500;
const REMOTES = 20;
const REMOTE_OBJECTS = 200;
const REMOTE_CHANGES_PER_S = 50;
const DAY_MS = 86_400_000;
const MIB = 1_048_576;
/** Times below this are the timer and the scheduler of the machine, and differences of them say nothing. */
const NOISE_MS = 5;

export const engine = defineBenchmark({
  name: 'engine',
  measures: 'passes, lanes, a handler that hangs, 20 remote clusters of which 10 vanish, an API server that is away, a day of changes',
  options: {
    keys: { default: 100_000, min: 1_000, max: 1_000_000, description: 'objects that have nothing to do' },
    seconds: { default: 20, min: 5, max: 600, description: 'time for each measurement of waits' },
    away: { default: 60, min: 5, max: 600, description: 'seconds without an API server' },
    events: { default: 1_000_000, min: 10_000, max: 100_000_000, description: 'changes in the simulated day' },
  },
  run: async ({ keys, seconds, away, events }, progress) => {
    progress(`${keys} objects that have nothing to do`);
    const pass = await withListServer({ objects: keys, events: 0 }, (port) => probe('pass-probe', [port, keys]));
    progress('10000 keys in two lanes');
    const lanes = await probe('lanes-probe', [OBJECTS]);
    const waits = async (mode: string): Promise<WaitAnswer> => {
      progress(`${OBJECTS} objects with ${CHANGES_PER_S} changes a second for ${seconds} s (${mode})`);
      const server = { objects: OBJECTS, events: CHANGES_PER_S * (seconds + 60), perSecond: CHANGES_PER_S };
      return withListServer(server, (port) => probe('hanging-probe', [port, seconds, mode]));
    };
    const healthy = await waits('healthy');
    const hanging = await waits('hanging');
    progress(`${REMOTES} remote clusters for ${seconds * 3} s, half of them black holes for the last third`);
    const remotes = { objects: REMOTE_OBJECTS, events: REMOTE_CHANGES_PER_S * (seconds * 3 + 60), perSecond: REMOTE_CHANGES_PER_S };
    const isolation = await withListServer(remotes, (port) => probe('isolation-probe', [port, REMOTES, seconds]));
    progress(`40 informers, ${away} s without an API server`);
    const storm = await probe('storm-probe', [away]);
    progress(`a day with ${events} changes`);
    const day = await withListServer({ objects: OBJECTS, events }, (port) => probe('day-probe', [port, OBJECTS, events, DAY_MS / events]));
    const figures: Figure[] = [
      {
        name: 'pass: CPU for an object with nothing to do, metrics on',
        value: (pass.cpuMs * 1_000) / keys,
        unit: 'us',
        goal: { atMost: 200 },
      },
      { name: 'lanes: all keys done in', value: lanes.drainedMs / 1_000, unit: 's', goal: { atMost: 5 } },
      { name: 'lanes: a high key added in the middle waits', value: lanes.highWaitMs, unit: 'ms', goal: { atMost: 50 } },
      { name: 'lanes: low keys done beside the first tenth of the high ones', value: lanes.lowEarly, unit: '', goal: { atLeast: 1 } },
      ...waitFigures('one handler hangs', healthy, hanging),
      { name: 'one handler hangs: memory', value: hanging.rssMib, unit: 'MiB' },
      ...waitFigures('10 of 20 remotes vanish', isolation.before, isolation.during),
      { name: 'server away: connections a second, average', value: storm.connects / away, unit: '1/s', goal: { atMost: 10 } },
      { name: 'server away: connections in the busiest second', value: storm.busiestSecond, unit: '', goal: { atMost: 20 } },
      { name: 'server back: all watch after', value: storm.watchingAfterMs / 1_000, unit: 's', goal: { atMost: 40 } },
      { name: 'server back: lists of a kind, at most', value: storm.relists, unit: '', goal: { atMost: 1 } },
      { name: 'a day: changes that were seen', value: day.events, unit: '' },
      { name: 'a day: heap after a tenth of it', value: day.earlyHeapBytes / MIB, unit: 'MiB' },
      { name: 'a day: growth of the heap since', value: growth(day.earlyHeapBytes, day.lateHeapBytes), unit: '%', goal: { atMost: 5 } },
    ];
    return figures;
  },
});

/** The wait p99 may be 10 % longer than without the trouble. */
function waitFigures(name: string, before: WaitAnswer, during: WaitAnswer): Figure[] {
  return [
    { name: `${name}: changes handled`, value: during.runs, unit: '' },
    { name: `${name}: wait of the others, p50`, value: during.waitP50Ms, unit: 'ms' },
    { name: `${name}: wait of the others, p99, without it`, value: before.waitP99Ms, unit: 'ms' },
    {
      name: `${name}: wait of the others, p99, with it`,
      value: during.waitP99Ms,
      unit: 'ms',
      goal: { atMost: Math.max(NOISE_MS, before.waitP99Ms * 1.1) },
    },
  ];
}

function growth(from: number, to: number): number {
  return ((to - from) / from) * 100;
}
