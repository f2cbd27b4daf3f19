/** CPU time of the work queue for one key that has nothing to do. Arguments: keys. */
import { KeyedQueue } from '../../../src/framework/queue';
import { SystemClock } from '../../../src/framework/time/clock';

const WARM_UP = 10_000;

async function drain(keys: number): Promise<void> {
  let done = 0;
  await new Promise<void>((resolve) => {
    const queue = new KeyedQueue({
      name: 'virtualmachines.kubevirt.io',
      clock: new SystemClock(),
      run: async () => {
        if (++done === keys) resolve();
      },
    });
    for (let key = 0; key < keys; key++) queue.add(`default/vm-${key}`, 'high');
    queue.start();
  });
}

async function measure(keys: number): Promise<void> {
  await drain(WARM_UP);
  const [startedMs, startedCpu] = [performance.now(), process.cpuUsage()];
  await drain(keys);
  const { user, system } = process.cpuUsage(startedCpu);
  process.send?.({ wallMs: performance.now() - startedMs, cpuMs: (user + system) / 1_000 });
}

void measure(Number(process.argv[2]));
