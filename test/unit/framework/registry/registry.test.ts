import { expect } from 'chai';
import {
  Handler,
  Index,
  inject,
  mapped,
  OnCreate,
  OnDelete,
  OnEvent,
  OnUpdate,
  Probe,
  Reconcile,
  singleton,
} from '../../../../src/framework/decorators';
import { rootContainer } from '../../../../src/framework/decorators/container';
import type { HandlerClass } from '../../../../src/framework/decorators/handler';
import { ConfigError } from '../../../../src/framework/errors/config-error';
import { ConfigMap, DaemonSet, Secret } from '../../../../src/framework/kinds/core-kinds';
import { defineKind } from '../../../../src/framework/kinds/kind';
import type { KubernetesObject } from '../../../../src/framework/kinds/object';
import { buildRegistry, type Registry } from '../../../../src/framework/registry/registry';

interface Widget extends KubernetesObject {
  spec?: { size?: number };
}
const Widget = defineKind<Widget>('example.org/v1', 'Widget', 'widgets', {
  scope: 'Namespaced',
  observedGeneration: true,
  conditions: true,
});
const Gadget = defineKind<KubernetesObject>('example.org/v1', 'Gadget', 'gadgets', { scope: 'Cluster' });

function problemsOf(handlers: readonly HandlerClass[], domain?: string): string[] {
  try {
    buildRegistry({ handlers, domain, container: rootContainer.createChildContainer() });
    return [];
  } catch (error) {
    expect(error).to.be.instanceOf(ConfigError);
    return (error as ConfigError).problems.map(({ code, text }) => `${code}: ${text}`);
  }
}

function idsOf({ specs }: Registry): string[] {
  return specs.map(({ id, decorator }) => `${decorator} ${id}`);
}

@Handler()
class WidgetHandler {
  @Reconcile(Widget, { owns: [DaemonSet], concurrency: 2 })
  async reconcile(_widget: Widget): Promise<void> {}

  @OnEvent(Widget)
  seen(): void {}
}

describe('registry', () => {
  it('turns decorated methods into specs with every default filled in', () => {
    const registry = buildRegistry({ handlers: [WidgetHandler] });

    expect(idsOf(registry)).to.deep.equal(['Reconcile WidgetHandler.reconcile', 'OnEvent WidgetHandler.seen']);
    const [spec] = registry.specs;
    expect(spec).to.deep.include({ timeoutMs: 60_000, concurrency: 2, changed: 'spec', whileDeleting: false, resyncMs: 36_000_000 });
    expect(spec).to.have.nested.property('failure.condition', 'Ready');
    expect(spec).to.have.nested.property('owns[0].kind', DaemonSet);
  });

  it('gives a method with two decorators one spec for each, under one id', () => {
    @Handler()
    class Both {
      @OnCreate(Widget)
      @OnDelete(Widget, { finalizer: 'example.org/cleanup' })
      async both(): Promise<void> {}
    }

    expect(idsOf(buildRegistry({ handlers: [Both] })).sort()).to.deep.equal(['OnCreate Both.both', 'OnDelete Both.both']);
  });

  it('uses the ids given to class and method', () => {
    @Handler({ id: 'widgets' })
    class Named {
      @Reconcile(Widget, { id: 'sync' })
      async reconcile(): Promise<void> {}
    }

    expect(idsOf(buildRegistry({ handlers: [Named] }))).to.deep.equal(['Reconcile widgets.sync']);
  });

  describe('the option clusters', () => {
    const bound = (clusters: unknown): string[] => {
      @Handler()
      class Bound {
        @Reconcile(Widget, { clusters: clusters as never })
        async reconcile(): Promise<void> {}
      }
      const [spec] = buildRegistry({ handlers: [Bound] }).specs;
      return ['local', 'a', 'b'].filter((name) => (spec as { clusters: (cluster: string) => boolean }).clusters(name));
    };

    it('is the local cluster when it is not given', () => {
      expect(bound(undefined)).to.deep.equal(['local']);
    });

    it('takes one, all others, every cluster, or those a function accepts', () => {
      expect(bound('local')).to.deep.equal(['local']);
      expect(bound('remotes')).to.deep.equal(['a', 'b']);
      expect(bound('all')).to.deep.equal(['local', 'a', 'b']);
      expect(bound((name: string) => name === 'b')).to.deep.equal(['b']);
    });

    it('refuses anything else, in watches as well', () => {
      @Handler()
      class Odd {
        @Reconcile(Widget, { clusters: 'toString' as never, watches: [mapped(Gadget, () => [], { clusters: 'remote' as never })] })
        async reconcile(): Promise<void> {}

        @Index(Widget, 'odd', { clusters: 3 as never })
        index(): undefined {}
      }
      expect(problemsOf([Odd])).to.deep.equal([
        'OPTION_RANGE: Odd.reconcile: clusters is toString; allowed: local, remotes, all, a function of the name',
        'OPTION_RANGE: Odd.reconcile: clusters is remote; allowed: local, remotes, all, a function of the name',
        'OPTION_RANGE: Odd.index: clusters is 3; allowed: local, remotes, all, a function of the name',
      ]);
    });
  });

  describe('subclassing', () => {
    it('inherits decorated methods and takes the place of a registered base', () => {
      @Handler()
      class Sub extends WidgetHandler {}

      const registry = buildRegistry({ handlers: [WidgetHandler, Sub] });
      expect(registry.classes).to.deep.equal([Sub]);
      expect(idsOf(registry)).to.deep.equal(['Reconcile Sub.reconcile', 'OnEvent Sub.seen']);
    });

    it('keeps one registration, and the options of the base, for a method that is only overridden', () => {
      @Handler()
      class Sub extends WidgetHandler {
        override async reconcile(_widget: Widget): Promise<void> {}
      }

      const registry = buildRegistry({ handlers: [Sub] });
      expect(idsOf(registry)).to.deep.equal(['Reconcile Sub.reconcile', 'OnEvent Sub.seen']);
      expect(registry.specs[0]).to.have.property('concurrency', 2);
    });

    it('lets a subclass replace the decoration of a method', () => {
      @Handler()
      class Sub extends WidgetHandler {
        @Reconcile(Widget, { concurrency: 7 })
        override async reconcile(_widget: Widget): Promise<void> {}
      }

      const reconciles = buildRegistry({ handlers: [Sub] }).specs.filter(({ decorator }) => decorator === 'Reconcile');
      expect(reconciles).to.have.length(1);
      expect(reconciles[0]).to.have.property('concurrency', 7);
    });

    it('runs both when the subclass says that it does not replace its base', () => {
      @Handler({ replaces: false })
      class Beside extends WidgetHandler {}

      expect(buildRegistry({ handlers: [WidgetHandler, Beside] }).classes).to.deep.equal([WidgetHandler, Beside]);
    });

    it('follows a chain of subclasses to its end', () => {
      @Handler()
      class Middle extends WidgetHandler {}
      @Handler()
      class Last extends Middle {}

      expect(buildRegistry({ handlers: [WidgetHandler, Middle, Last] }).classes).to.deep.equal([Last]);
    });

    it('works with an abstract base that is no handler itself', () => {
      abstract class Base {
        @Reconcile(Widget)
        async reconcile(): Promise<void> {}
      }
      @Handler()
      class A extends Base {}
      @Handler()
      class B extends Base {}

      expect(idsOf(buildRegistry({ handlers: [A, B] }))).to.deep.equal(['Reconcile A.reconcile', 'Reconcile B.reconcile']);
    });

    it('takes API rights over from the base', () => {
      @Handler({ rbac: [{ kind: ConfigMap, verbs: ['create'], why: 'keeps a copy' }] })
      class Base {
        @Reconcile(Widget)
        async reconcile(): Promise<void> {}
      }
      @Handler()
      class Sub extends Base {}

      expect(buildRegistry({ handlers: [Sub] }).claims).to.have.length(1);
    });
  });

  describe('mistakes', () => {
    it('names a class without @Handler', () => {
      class Plain {
        @Reconcile(Widget)
        async reconcile(): Promise<void> {}
      }

      expect(problemsOf([Plain])).to.deep.equal([
        'HANDLER_NOT_DECORATED: Plain is registered as a handler but has no @Handler(); add it, else its constructor gets undefined dependencies',
      ]);
    });

    it('names a handler without a decorated method', () => {
      @Handler()
      class Empty {}

      expect(problemsOf([Empty])).to.deep.equal(['HANDLER_EMPTY: Empty has @Handler() but no decorated method']);
    });

    it('names both places of an id that is used twice', () => {
      @Handler({ id: 'same' })
      class A {
        @Reconcile(Widget)
        async run(): Promise<void> {}
      }
      @Handler({ id: 'same' })
      class B {
        @Reconcile(Widget)
        async run(): Promise<void> {}
      }

      expect(problemsOf([A, B])).to.deep.equal([
        'HANDLER_ID_CLASH: handler id same.run is used by A.run and B.run; set a different id on one of them',
      ]);
    });

    it('names two subclasses that want the same place', () => {
      @Handler()
      class A extends WidgetHandler {}
      @Handler()
      class B extends WidgetHandler {}

      expect(problemsOf([WidgetHandler, A, B])).to.deep.equal([
        'HANDLER_REPLACED_TWICE: A and B both replace WidgetHandler; register one, or set replaces: false',
      ]);
    });

    it('names an inherited method that is decorated for another kind', () => {
      @Handler()
      class Sub extends WidgetHandler {
        // biome-ignore lint/suspicious/noExplicitAny: the mistake under test is one that the types refuse
        @Reconcile(Gadget as any)
        override async reconcile(_widget: Widget): Promise<void> {}
      }

      expect(problemsOf([Sub])[0]).to.match(/^KIND_CHANGED: Sub.reconcile: decorated for Gadget but inherited for Widget/);
    });

    it('names a decorator whose kind is undefined, as a circular import makes it', () => {
      @Handler()
      class Circular {
        @Reconcile(undefined as unknown as typeof Widget)
        async reconcile(): Promise<void> {}
      }

      expect(problemsOf([Circular])).to.deep.equal([
        'KIND_MISSING: Circular.reconcile: @Reconcile got no kind; check the import of its defineKind for a circular import',
      ]);
    });

    it('names an unknown option with those that exist', () => {
      @Handler()
      class Typo {
        @OnEvent(Widget, { label: { a: 'b' } } as object)
        seen(): void {}
      }

      expect(problemsOf([Typo])).to.deep.equal([
        'OPTION_UNKNOWN: Typo.seen: @OnEvent has no option label; allowed: annotations, clusters, field, id, labels, select, when',
      ]);
    });

    it('names an option out of range, with value and range', () => {
      @Handler()
      class Ranges {
        @Reconcile(Widget, { concurrency: 0, timeoutMs: -1, retry: { initialMs: 10, maxMs: 5 } })
        async reconcile(): Promise<void> {}
      }

      expect(problemsOf([Ranges])).to.have.members([
        'OPTION_RANGE: Ranges.reconcile: concurrency is 0; allowed: whole numbers from 1 to 1000',
        'OPTION_RANGE: Ranges.reconcile: timeoutMs is -1; allowed: numbers from 1 to 2147483647',
        'OPTION_RANGE: Ranges.reconcile: retry.initialMs is 10; allowed: above 0 and at most maxMs (5)',
      ]);
    });

    it('names a field path that is none', () => {
      @Handler()
      class Paths {
        @OnUpdate(Widget, { field: ['spec.size', 'spec..size'] })
        async changed(): Promise<void> {}
      }

      expect(problemsOf([Paths])).to.deep.equal([
        'PATH_SYNTAX: Paths.changed: field path spec..size is not dotted names such as spec.ports',
      ]);
    });

    it('asks @OnCreate how to remember when the kind has no observedGeneration', () => {
      @Handler()
      class Creator {
        @OnCreate(Gadget)
        async created(): Promise<void> {}
      }

      expect(problemsOf([Creator])).to.deep.equal([
        "REMEMBER_REQUIRED: Creator.created: @OnCreate(Gadget) needs remember: 'annotation' or 'none' because the kind has no observedGeneration",
      ]);
    });

    it('asks for a finalizer name or a domain, and refuses a name that is none', () => {
      @Handler()
      class Deleter {
        @OnDelete(Widget)
        async deleted(): Promise<void> {}
      }
      @Handler()
      class Named {
        @OnDelete(Widget, { finalizer: 'no-slash' })
        async deleted(): Promise<void> {}
      }

      expect(problemsOf([Deleter])).to.deep.equal([
        'FINALIZER_DOMAIN: Deleter.deleted: @OnDelete without a finalizer name needs OperatorOptions.domain',
      ]);
      expect(problemsOf([Deleter], 'example.org')).to.deep.equal([]);
      expect(problemsOf([Named])).to.deep.equal([
        'FINALIZER_NAME: Named.deleted: finalizer no-slash must be <domain>/<name>, at most 63 characters after the slash',
      ]);
    });

    it('refuses a failure condition on a kind without conditions', () => {
      @Handler()
      class Conditions {
        @Reconcile(Gadget, { failure: { condition: 'Synced' } })
        async reconcile(): Promise<void> {}
      }

      expect(problemsOf([Conditions])[0]).to.equal(
        'CONDITIONS_UNDECLARED: Conditions.reconcile: failure.condition is Synced but Gadget was defined without conditions: true; ' +
          'set failure.condition: false or the kind option',
      );
    });

    it('refuses to watch all secrets', () => {
      @Handler()
      class Secrets {
        @OnEvent(Secret)
        seen(): void {}
      }
      @Handler()
      class LabelledSecrets {
        @OnEvent(Secret, { select: { namespaces: ['a'], labels: 'app=agent' } })
        seen(): void {}
      }
      @Handler()
      class OneSecret {
        @OnEvent(Secret, { select: { namespaces: ['a'], fields: 'metadata.name=tls' } })
        seen(): void {}
      }

      expect(problemsOf([Secrets])).to.deep.equal([
        'SENSITIVE_UNFILTERED: Secrets.seen: a watch on Secret needs select.namespaces and select.fields "metadata.name=<name>"',
      ]);
      expect(problemsOf([LabelledSecrets]), 'no right can be narrowed to labels').to.deep.equal([
        'SENSITIVE_UNFILTERED: LabelledSecrets.seen: a watch on Secret needs select.namespaces and select.fields "metadata.name=<name>"',
      ]);
      expect(problemsOf([OneSecret])).to.deep.equal([]);
    });

    it('names a kind that is defined twice with different properties', () => {
      const other = defineKind<Widget>('example.org/v2', 'Widget', 'widgets', {
        scope: 'Namespaced',
        observedGeneration: true,
        conditions: true,
      });
      @Handler()
      class Other {
        @OnEvent(other)
        seen(): void {}
      }

      expect(problemsOf([WidgetHandler, Other])).to.deep.equal([
        'KIND_CLASH: kind Widget.example.org is defined twice with different apiVersion: example.org/v1 and example.org/v2',
      ]);
    });

    it('reports every mistake at once', () => {
      @Handler()
      class Empty {}
      class Plain {}

      expect(problemsOf([Empty, Plain])).to.have.length(2);
    });
  });

  describe('dependencies', () => {
    @singleton()
    class Known {}

    it('accepts classes the container can build and tokens that are injected', () => {
      @Handler()
      class Good {
        constructor(
          readonly known: Known,
          @inject('token') readonly value: string,
        ) {}

        @Probe('good')
        probe(): string {
          return '';
        }
      }

      expect(problemsOf([Good])).to.deep.equal([]);
    });

    it('names class, parameter and remedy for an interface', () => {
      interface Missing {
        name: string;
      }
      @Handler()
      class Bad {
        constructor(
          readonly known: Known,
          readonly missing: Missing,
        ) {}

        @Probe('bad')
        probe(): string {
          return '';
        }
      }

      expect(problemsOf([Bad])).to.deep.equal([
        'DEPENDENCY_UNKNOWN: Bad constructor parameter 2 (missing) is not a class the container knows: ' +
          'import it as a value, not with "import type", or use @inject(token)',
      ]);
    });

    it('finds a mistake behind a class that is itself fine', () => {
      @singleton()
      class Middle {
        constructor(readonly text: string) {}
      }
      @Handler()
      class Outer {
        constructor(readonly middle: Middle) {}

        @Probe('outer')
        probe(): string {
          return '';
        }
      }

      expect(problemsOf([Outer])[0]).to.match(/^DEPENDENCY_UNKNOWN: Middle constructor parameter 1 \(text\)/);
    });

    it('names the circle of a circular dependency', () => {
      class A {
        constructor(readonly b: unknown) {}
      }
      class B {
        constructor(readonly a: unknown) {}
      }
      Reflect.defineMetadata('design:paramtypes', [B], A);
      Reflect.defineMetadata('design:paramtypes', [A], B);
      @Handler()
      class Outer {
        constructor(readonly a: A) {}

        @Probe('outer')
        probe(): string {
          return '';
        }
      }

      expect(problemsOf([Outer])).to.include('DEPENDENCY_CYCLE: A -> B -> A: constructor injection cannot be circular');
    });
  });
});
