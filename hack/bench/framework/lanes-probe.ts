/** Lanes of the work queue under load: 4 workers, runs of 1 ms, half of the keys in each lane. Arguments: keys. */
import { KeyedQueue } from '../../../src/framework/queue';
import { SystemClock } from '../../../src/framework/time/clock';

const RUN_MS = 1;
const LATE_KEY = 'default/late';

async function measure(keys: number): Promise<void> {
  const done = { high: 0, low: 0 };
  let [lowEarly, addedMs, highWaitMs] = [-1, 0, 0];
  const startedMs = performance.now();
  await new Promise<void>((resolve) => {
    const queue = new KeyedQueue({
      ...{ name: 'virtualmachines.kubevirt.io', workers: 4, clock: new SystemClock() },
      run: async (key) => {
        if (key === LATE_KEY) highWaitMs = performance.now() - addedMs;
        await new Promise((ended) => setTimeout(ended, RUN_MS));
        if (key === LATE_KEY) return;
        done[key.startsWith('low') ? 'low' : 'high']++;
        if (lowEarly < 0 && done.high >= keys / 20) lowEarly = done.low;
        if (addedMs === 0 && done.high + done.low >= keys * 0.75) {
          addedMs = performance.now();
          queue.add(LATE_KEY, 'high');
        }
        if (done.high + done.low === keys) resolve();
      },
    });
    for (let key = 0; key < keys; key++) {
      const lane = key % 2 === 0 ? 'low' : 'high';
      queue.add(`${lane}/vm-${key}`, lane);
    }
    queue.start();
  });
  process.send?.({ drainedMs: performance.now() - startedMs, highWaitMs, lowEarly });
}

void measure(Number(process.argv[2]));
