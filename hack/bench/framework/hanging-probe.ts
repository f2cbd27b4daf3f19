/**
 * How long changed objects wait for their run while one handler hangs. Arguments: port, seconds, `hanging` or `healthy`.
 *
 * The one that hangs is a second handler class of the same kind, for one object, that never looks at its signal.
 */
import { Handler, type HandlerContext, OnEvent, Reconcile, type ResourceEvent } from '../../../src/framework';
import { keyOf } from '../../../src/framework/kinds/object';
import { operatorAt, SAMPLE, until } from './bench-operator';
import { Waits } from './waits';

const [port = '', secondsText = '', mode = ''] = process.argv.slice(2);
const waits = new Waits();
let runs = 0;
let isHanging = false;

@Handler()
class Busy {
  @OnEvent(SAMPLE)
  saw({ type, object, cluster }: ResourceEvent): void {
    if (type === 'MODIFIED') waits.saw(cluster, object);
  }

  @Reconcile(SAMPLE, { changed: 'any' })
  async reconcile(_object: unknown, { cluster, key }: HandlerContext): Promise<void> {
    runs++;
    waits.ran(cluster.name, key);
  }
}

@Handler()
class Hanging {
  @Reconcile(SAMPLE, { changed: 'any', timeoutMs: 5_000, when: (object) => mode === 'hanging' && keyOf(object).endsWith('000007') })
  reconcile(): Promise<void> {
    isHanging = true;
    return new Promise(() => undefined);
  }
}

async function measure(): Promise<void> {
  const operator = await operatorAt(port, [Busy, Hanging], { metrics: { address: '127.0.0.1:0' } });
  await operator.start();
  await until('the first run of every object', () => runs >= operator.cluster.store(SAMPLE).size && runs > 0);
  if (mode === 'hanging') await until('the handler to hang', () => isHanging);
  waits.forget();
  await new Promise((resolve) => setTimeout(resolve, Number(secondsText) * 1_000));
  process.send?.(waits.take());
  process.disconnect();
}

void measure();
