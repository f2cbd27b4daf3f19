import { expect } from 'chai';
import {
  Daemon,
  Handler,
  Index,
  inject,
  mapped,
  OnDelete,
  OnField,
  OnTimer,
  OnUpdate,
  Reconcile,
  Source,
} from '../../../../src/framework/decorators';
import { rootContainer } from '../../../../src/framework/decorators/container';
import type { HandlerClass } from '../../../../src/framework/decorators/handler';
import { ConfigError } from '../../../../src/framework/errors/config-error';
import { ConfigMap } from '../../../../src/framework/kinds/core-kinds';
import { defineKind } from '../../../../src/framework/kinds/kind';
import type { KubernetesObject } from '../../../../src/framework/kinds/object';
import { defineVirtualKind, type KeySource } from '../../../../src/framework/kinds/virtual-kind';
import { clientCopyProblems, loadedClientCopies } from '../../../../src/framework/registry/client-copies';
import { rbacRules } from '../../../../src/framework/registry/rbac-rules';
import { buildRegistry } from '../../../../src/framework/registry/registry';
import { Instances } from '../../../../src/framework/runtime/instances';

interface Widget extends KubernetesObject {
  spec?: { size?: number };
}
const Widget = defineKind<Widget>('example.org/v1', 'Widget', 'widgets', { scope: 'Namespaced', conditions: true });
const Asset = defineVirtualKind<{ name: string }>('Asset');

@Source(Asset)
class Assets implements KeySource<{ name: string }> {
  resolve(): undefined {}
  start(): void {}
}

@Handler()
class AssetHandler {
  @Reconcile(Asset, { watches: (get) => [mapped(ConfigMap, () => [get<string>('name')])] })
  async reconcile(): Promise<void> {}
}

function problemsOf(handlers: readonly HandlerClass[], clientCopies?: readonly string[]): string[] {
  try {
    buildRegistry({ handlers, ...(clientCopies === undefined ? {} : { clientCopies }) });
    return [];
  } catch (error) {
    expect(error).to.be.instanceOf(ConfigError);
    return (error as ConfigError).problems.map(({ code, text }) => `${code}: ${text}`);
  }
}

describe('registry: virtual kinds', () => {
  it('asks for exactly one source', () => {
    @Source(Asset)
    class More implements KeySource<{ name: string }> {
      resolve(): undefined {}
      start(): void {}
    }

    expect(problemsOf([AssetHandler, Assets])).to.deep.equal([]);
    expect(problemsOf([AssetHandler])).to.deep.equal(['VIRTUAL_SOURCE: virtual kind Asset has 0 sources (none); exactly one is needed']);
    expect(problemsOf([AssetHandler, Assets, More])).to.deep.equal([
      'VIRTUAL_SOURCE: virtual kind Asset has 2 sources (Assets, More); exactly one is needed',
    ]);
  });

  it('refuses decorators that need an object', () => {
    @Handler()
    class Wrong {
      @OnUpdate(Asset as never)
      async updated(): Promise<void> {}
    }

    expect(problemsOf([Wrong, AssetHandler, Assets])).to.deep.equal([
      'VIRTUAL_DECORATOR: Wrong.updated: @OnUpdate cannot be used on the virtual kind Asset; allowed: @Reconcile, @OnTimer',
    ]);
  });

  it('takes a class that is source and handler for both', () => {
    @Handler()
    @Source(Asset)
    class Both extends Assets {
      @Reconcile(Asset)
      async reconcile(): Promise<void> {}
    }
    const registry = buildRegistry({ handlers: [Both] });

    expect([registry.sources, registry.classes, registry.specs.length]).to.deep.equal([[Both], [Both], 1]);
    const instances = new Instances();
    instances.build([...registry.sources, ...registry.classes]);
    expect(instances.of(Both)).to.be.instanceOf(Both);
  });

  it('needs no rights for itself, those of its watches when the container is there', () => {
    const registry = buildRegistry({ handlers: [AssetHandler, Assets] });
    const rules = rbacRules(registry, { get: () => 'x' as never });

    expect(rules.map(({ resource }) => resource)).to.deep.equal(['configmaps', 'events']);
    expect(() => rbacRules(registry)).to.throw(TypeError, 'AssetHandler.reconcile: its watches depend on the container');
  });
});

describe('registry: options of the other decorators', () => {
  it('fills in defaults', () => {
    @Handler()
    class All {
      @OnTimer(Widget, { intervalMs: 5_000 })
      async beat(): Promise<void> {}
      @Daemon(Widget)
      async live(): Promise<void> {}
      @OnField(Widget, 'spec.size')
      async resized(): Promise<void> {}
    }
    const [beat, live, resized] = buildRegistry({ handlers: [All] }).specs;

    expect(beat).to.deep.include({ intervalMs: 5_000, initialDelayMs: 0, idleMs: 0, sharp: false, timeoutMs: 60_000 });
    expect(live).to.deep.include({ initialDelayMs: 0, stopMs: 10_000, maxRunning: 1_000 });
    expect(resized).to.deep.include({ path: ['spec', 'size'], initial: true });
  });

  it('names what is out of range', () => {
    @Handler()
    class Ranges {
      @OnTimer(Widget, { intervalMs: 999, idleMs: -1, sharp: 'yes' as never })
      async beat(): Promise<void> {}
      @OnTimer(Widget, {} as never)
      async never(): Promise<void> {}
      @Daemon(Widget, { maxRunning: 1.5 })
      async live(): Promise<void> {}
      @OnField(Widget, 'spec.0')
      async resized(): Promise<void> {}
    }

    expect(problemsOf([Ranges])).to.have.members([
      'OPTION_RANGE: Ranges.beat: intervalMs is 999; allowed: numbers from 1000 to 2147483647',
      'OPTION_RANGE: Ranges.beat: idleMs is -1; allowed: numbers from 0 to 2147483647',
      'OPTION_RANGE: Ranges.beat: sharp is yes; allowed: true, false',
      'OPTION_RANGE: Ranges.never: intervalMs is undefined; allowed: numbers from 1000',
      'OPTION_RANGE: Ranges.live: maxRunning is 1.5; allowed: whole numbers from 1',
      'PATH_SYNTAX: Ranges.resized: field path spec.0 is not dotted names such as spec.ports',
    ]);
  });

  it('names two classes that declare one index', () => {
    @Handler()
    class A {
      @Index(Widget, 'size')
      size(): string {
        return '';
      }
    }
    @Handler()
    class B {
      @Index(Widget, 'size')
      size(): string {
        return '';
      }
    }

    expect(problemsOf([A, B])).to.deep.equal(['INDEX_CLASH: index size on Widget is declared by A and B']);
  });

  it('grants a daemon the Events it may send', () => {
    @Handler()
    class Living {
      @Daemon(Widget)
      async live(): Promise<void> {}
    }

    expect(rbacRules(buildRegistry({ handlers: [Living] })).map(({ resource }) => resource)).to.deep.equal(['events', 'widgets']);
  });

  it('refuses a static method, which has no instance', () => {
    const decorate = Reconcile(Widget) as (target: object, method: string) => void;
    expect(() => decorate(AssetHandler, 'run')).to.throw(TypeError, '@Reconcile on AssetHandler.run: static; allowed: instance methods');
  });
});

describe('registry: subclassing', () => {
  @Handler()
  class Base {
    @OnDelete(Widget, { finalizer: 'example.org/base' })
    async deleted(): Promise<void> {}
  }
  @Handler({ replaces: false })
  class Beside extends Base {}

  it('keeps the finalizer of the base under an id of its own', () => {
    @Handler()
    class Sub extends Base {}
    const [spec] = buildRegistry({ handlers: [Base, Sub] }).specs;

    expect(spec).to.include({ id: 'Sub.deleted', finalizer: 'example.org/base' });
  });

  it('lets a subclass of a class that runs beside its base run beside it as well', () => {
    @Handler()
    class Last extends Beside {}

    expect(buildRegistry({ handlers: [Base, Beside, Last] }).classes).to.deep.equal([Base, Last]);
  });

  it('refuses a subclass without @Handler', () => {
    class Plain extends Base {}
    expect(problemsOf([Plain])[0]).to.match(/^HANDLER_NOT_DECORATED: Plain /);
  });

  it('names two subclasses of one chain that do not extend one another', () => {
    @Handler()
    class A extends Base {}
    @Handler()
    class B extends Base {}
    @Handler()
    class C extends A {}

    expect(problemsOf([Base, A, B, C])).to.deep.equal([
      'HANDLER_REPLACED_TWICE: B and C both replace Base; register one, or set replaces: false',
    ]);
  });

  it('gives a subclass without a constructor the tokens of an undecorated base', () => {
    abstract class Named {
      constructor(@inject('name') readonly name: string) {}
    }
    @Handler()
    class Sub extends Named {
      @Reconcile(Widget)
      async reconcile(): Promise<void> {}
    }
    const container = rootContainer.createChildContainer();
    container.registerInstance('name', 'given');
    const instances = new Instances(container);
    instances.build(buildRegistry({ handlers: [Sub], container }).classes);

    expect((instances.of(Sub) as Sub).name).to.equal('given');
  });
});

describe('copies of the Kubernetes client', () => {
  it('are one here', () => {
    expect(loadedClientCopies()).to.have.length(1);
    expect(clientCopyProblems(loadedClientCopies())).to.deep.equal([]);
    expect(clientCopyProblems([])).to.deep.equal([]);
  });

  it('are refused when there are two, with the remedy', () => {
    expect(problemsOf([AssetHandler, Assets], ['/a/client-node', '/b/client-node'])).to.deep.equal([
      'DUPLICATE_CLIENT: two copies of @kubernetes/client-node are loaded (/a/client-node, /b/client-node); ' +
        'add the overrides block of the project template',
    ]);
  });
});
