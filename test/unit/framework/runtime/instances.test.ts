import { expect } from 'chai';
import { Handler, inject, injectable, Reconcile, singleton } from '../../../../src/framework/decorators';
import { rootContainer } from '../../../../src/framework/decorators/container';
import { ConfigError } from '../../../../src/framework/errors/config-error';
import { PermanentError } from '../../../../src/framework/errors/handler-errors';
import { CLOCK, Instances } from '../../../../src/framework/runtime/instances';
import { FakeClock } from '../../../../src/framework/testing/fake-clock';
import type { Clock } from '../../../../src/framework/time/clock';
import { Widget } from './controller-bench';

@singleton()
class WakeMap {}

@injectable()
class Transient {}

@Handler()
class First {
  constructor(
    readonly map: WakeMap,
    readonly own: Transient,
    @inject(CLOCK) readonly clock: Clock,
  ) {}

  @Reconcile(Widget)
  async reconcile(): Promise<void> {}
}

@Handler()
class Second {
  constructor(
    readonly map: WakeMap,
    readonly own: Transient,
    readonly first: First,
  ) {}

  @Reconcile(Widget)
  async reconcile(): Promise<void> {}
}

function built(clock: Clock = new FakeClock()): { first: First; second: Second; instances: Instances } {
  const instances = new Instances(rootContainer.createChildContainer());
  instances.provide(CLOCK, clock);
  instances.build([First, Second]);
  return { first: instances.of(First) as First, second: instances.of(Second) as Second, instances };
}

describe('the instances of an operator', () => {
  it('get what was provided, share singletons and have other dependencies to themselves', () => {
    const clock = new FakeClock();
    const { first, second } = built(clock);

    expect(first.clock).to.equal(clock);
    expect(second.map).to.equal(first.map);
    expect(second.own).not.to.equal(first.own);
  });

  it('are one a class, also for a handler that another one asks for', () => {
    const { first, second, instances } = built();

    expect(second.first).to.equal(first);
    expect(instances.of(First)).to.equal(first);
    expect(instances.container.resolve(WakeMap)).to.equal(first.map);
  });

  it('are not shared between two operators of one process', () => {
    const [one, other] = [built(), built()];

    expect(other.first).not.to.equal(one.first);
    expect(other.first.map).not.to.equal(one.first.map);
  });

  it('see what the user registered in the parent container', () => {
    const parent = rootContainer.createChildContainer();
    const mine = new WakeMap();
    parent.registerInstance(WakeMap, mine);
    const instances = new Instances(parent);
    instances.provide(CLOCK, new FakeClock());
    instances.build([First]);

    expect((instances.of(First) as First).map).to.equal(mine);
  });

  it('name the class whose constructor fails', () => {
    @Handler()
    class Broken {
      constructor() {
        throw new Error('no catalogue');
      }
    }
    const build = (): void => new Instances(rootContainer.createChildContainer()).build([Broken]);

    expect(build).to.throw(ConfigError, /^HANDLER_CONSTRUCTION: Broken could not be built: .*no catalogue/);
  });

  it('let an error pass that says by itself what is wrong', () => {
    const error = new PermanentError('no catalogue: set --catalogue');
    @Handler()
    class Broken {
      constructor() {
        throw error;
      }
    }

    expect(() => new Instances(rootContainer.createChildContainer()).build([Broken])).to.throw(PermanentError, 'set --catalogue');
  });

  it('can be asked for only when they were built', () => {
    expect(() => new Instances(rootContainer.createChildContainer()).of(First)).to.throw('First');
  });

  it('are forgotten in the end', () => {
    const { instances } = built();
    instances.dispose();

    expect(() => instances.of(First)).to.throw('First');
  });
});
