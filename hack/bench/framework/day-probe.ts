/** Live heap while a day of changes goes by on a clock that is moved by them. Arguments: port, objects, events, milliseconds an event. */
import { Handler, OnEvent, Reconcile } from '../../../src/framework';
import { FakeClock } from '../../../src/framework/testing';
import { operatorAt, SAMPLE } from './bench-operator';
import { liveHeapBytes } from './heap';

const [port = '', objectsText = '', eventsText = '', stepText = ''] = process.argv.slice(2);
const [objects, total, stepMs] = [Number(objectsText), Number(eventsText), Number(stepText)];
const clock = new FakeClock();
let [events, runs] = [0, 0];

@Handler()
class Day {
  @OnEvent(SAMPLE)
  saw(): void {
    events++;
  }

  @Reconcile(SAMPLE, { changed: 'any' })
  async reconcile(): Promise<void> {
    runs++;
  }
}

/** Moves the clock to where the changes are. */
async function follow(until: () => boolean): Promise<void> {
  let moved = events;
  while (!until()) {
    await new Promise((resolve) => setImmediate(resolve));
    const steps = events - moved;
    moved = events;
    if (steps > 0) await clock.advance(steps * stepMs);
    else await clock.advance(1);
  }
}

async function measure(): Promise<void> {
  const operator = await operatorAt(port, [Day], { clock });
  const started = operator.start();
  await follow(() => events >= objects + total / 10);
  await started;
  const earlyHeapBytes = liveHeapBytes();
  await follow(() => events >= objects + total);
  const lateHeapBytes = liveHeapBytes();
  process.send?.({ events: events - objects, runs, earlyHeapBytes, lateHeapBytes });
  process.disconnect();
}

void measure();
