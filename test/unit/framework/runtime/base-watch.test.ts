import { expect } from 'chai';
import { Registry } from 'prom-client';
import { ConfigMap } from '../../../../src/framework/kinds/core-kinds';
import type { Kind } from '../../../../src/framework/kinds/kind';
import type { KubernetesObject } from '../../../../src/framework/kinds/object';
import { nullLogger } from '../../../../src/framework/logging/logger';
import { BaseWatch } from '../../../../src/framework/runtime/base-watch';
import { QueueMetrics } from '../../../../src/framework/serving/metrics/queue-metrics';
import { FakeClock } from '../../../../src/framework/testing/fake-clock';
import type { Informer } from '../../../../src/framework/watch/informer-contract';
import type { ResourceEvent } from '../../../../src/framework/watch/resource-event';

const named = (name: string): KubernetesObject => ({
  apiVersion: 'v1',
  kind: 'ConfigMap',
  metadata: { name, namespace: 'n', uid: name, resourceVersion: '1' },
});

class Rig {
  readonly clock = new FakeClock();
  readonly seen: string[] = [];
  readonly watch: BaseWatch;
  failures = 0;
  private readonly objects = new Map<string, KubernetesObject>();
  private deliver: (event: ResourceEvent) => void = () => undefined;

  constructor() {
    const informer = {
      store: { list: () => this.objects.values() },
      subscribe: (listener: (event: ResourceEvent) => void) => {
        this.deliver = listener;
      },
    } as unknown as Informer;
    this.watch = new BaseWatch({
      kind: ConfigMap as Kind,
      informer,
      clock: this.clock,
      logger: nullLogger,
      metrics: new QueueMetrics(new Registry()),
      random: () => 0.5,
      onEvent: async ({ type, meta }) => {
        if (this.failures > 0) {
          this.failures--;
          throw new Error('not now');
        }
        this.seen.push(`${type} ${meta.name}`);
      },
    });
  }

  async change(type: ResourceEvent['type'], name: string): Promise<void> {
    if (type === 'DELETED') this.objects.delete(name);
    else this.objects.set(name, named(name));
    this.deliver({ type, object: named(name), old: undefined, initial: false, lost: false, cluster: 'local' });
    await this.clock.advance(0);
  }

  async activate(): Promise<void> {
    this.watch.activate();
    await this.clock.advance(0);
  }
}

describe('a watch of the base class', () => {
  it('is silent while standing by and begins with every object there is', async () => {
    const rig = new Rig();
    await rig.change('ADDED', 'a');
    await rig.change('ADDED', 'b');
    await rig.change('DELETED', 'b');
    expect(rig.seen).to.deep.equal([]);

    await rig.activate();
    expect(rig.seen).to.deep.equal(['ADDED a']);
  });

  it('delivers changes and deletions while leading, and nothing after leadership is lost', async () => {
    const rig = new Rig();
    await rig.activate();
    await rig.change('ADDED', 'a');
    await rig.change('DELETED', 'a');
    rig.watch.deactivate();
    await rig.change('ADDED', 'b');

    expect(rig.seen).to.deep.equal(['ADDED a', 'DELETED a']);
  });

  it('repeats a failed event while leading and forgets it when leadership is lost', async () => {
    const rig = new Rig();
    await rig.activate();
    rig.failures = 1;
    await rig.change('ADDED', 'a');
    await rig.clock.advance(5_000);
    expect(rig.seen).to.deep.equal(['ADDED a']);

    rig.failures = 1;
    await rig.change('DELETED', 'a');
    rig.watch.deactivate();
    await rig.clock.advance(60_000);
    expect(rig.seen).to.deep.equal(['ADDED a']);
    expect(rig.clock.pendingTimers).to.equal(0);
  });
});
