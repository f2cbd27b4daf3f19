/** CPU time of a whole pass that has nothing to do, from the queue to the next due time, metrics on. Arguments: port, objects. */
import { Handler, Reconcile, Triggers } from '../../../src/framework';
import { keyOf } from '../../../src/framework/kinds/object';
import { operatorAt, SAMPLE, until } from './bench-operator';

let runs = 0;
let triggers: Triggers;

@Handler()
class Nothing {
  constructor(injected: Triggers) {
    triggers = injected;
  }

  @Reconcile(SAMPLE)
  async reconcile(): Promise<void> {
    runs++;
  }
}

async function measure(port: string, objects: number): Promise<void> {
  const operator = await operatorAt(port, [Nothing], { metrics: { address: '127.0.0.1:0' } });
  await operator.start();
  await until('the first run of every object', () => runs === objects);
  const keys = [...operator.cluster.store(SAMPLE).list()].map(keyOf);
  const [startedMs, startedCpu] = [performance.now(), process.cpuUsage()];
  for (const key of keys) triggers.touch(SAMPLE, key);
  await until('a second run of every object', () => runs === 2 * objects);
  const { user, system } = process.cpuUsage(startedCpu);
  process.send?.({ wallMs: performance.now() - startedMs, cpuMs: (user + system) / 1_000 });
  await operator.stop();
}

void measure(process.argv[2]!, Number(process.argv[3]));
