import { expect } from 'chai';
import {
  ABSENT,
  Handler,
  Index,
  mapped,
  OnCreate,
  OnEvent,
  OnTimer,
  OnUpdate,
  owned,
  PRESENT,
  Probe,
  Reconcile,
  Source,
} from '../../../../src/framework/decorators';
import type { HandlerClass } from '../../../../src/framework/decorators/handler';
import { ConfigError } from '../../../../src/framework/errors/config-error';
import { ConfigMap, Pod } from '../../../../src/framework/kinds/core-kinds';
import { defineKind } from '../../../../src/framework/kinds/kind';
import type { KubernetesObject } from '../../../../src/framework/kinds/object';
import { defineVirtualKind } from '../../../../src/framework/kinds/virtual-kind';
import { buildRegistry } from '../../../../src/framework/registry/registry';

const Widget = defineKind<KubernetesObject>('example.org/v1', 'Widget', 'widgets', {
  scope: 'Namespaced',
  observedGeneration: true,
  conditions: true,
});
const Zone = defineKind<KubernetesObject>('example.org/v1', 'Zone', 'zones', { scope: 'Cluster', observedGeneration: true });
/** What a name is at run time while the module that defines it is still being loaded. */
const missing = undefined as never;
const CIRCULAR = 'check the import of its defineKind for a circular import';

function problemsOf(handlers: unknown): string[] {
  try {
    buildRegistry({ handlers: handlers as HandlerClass[], domain: 'example.org' });
    return [];
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error;
    return error.problems.map(({ code, text }) => `${code}: ${text}`);
  }
}

/** What is wrong with a @Reconcile that has these options, without the place. */
function reconcileWith(options: unknown, kind = Widget): string[] {
  @Handler()
  class Wrong {
    @Reconcile(kind, options as object)
    async sync(): Promise<void> {}
  }
  return problemsOf([Wrong]).map((text) => text.replace('Wrong.sync: ', ''));
}

describe('a kind that is missing at start', () => {
  const OWNS = 'OPTION_RANGE: owns is an object; allowed: a list of kinds and owned(Kind, options)';
  for (const [name, options, expected] of [
    ['in owns', { owns: [missing, ConfigMap] }, [`KIND_MISSING: @Reconcile got no kind in owns[0]; ${CIRCULAR}`]],
    ['in owned()', { owns: [ConfigMap, owned(missing)] }, [`KIND_MISSING: @Reconcile got no kind in owns[1]; ${CIRCULAR}`]],
    ['in mapped()', { watches: [mapped(missing, () => [])] }, [`KIND_MISSING: @Reconcile got no kind in watches[0]; ${CIRCULAR}`]],
    [
      'instead of a watch',
      { watches: [missing] },
      ['OPTION_RANGE: watches[0] is undefined; allowed: mapped(Kind, map) and clusterChanges(map)'],
    ],
    ['because owns is no list', { owns: ConfigMap }, [OWNS]],
    [
      'because watches is no list',
      { watches: mapped(ConfigMap, () => []) },
      ['OPTION_RANGE: watches is an object; allowed: a list of mapped(Kind, map) and clusterChanges(map), a function that returns one'],
    ],
    [
      'because watches names the kind itself',
      { watches: [ConfigMap] },
      ['OPTION_RANGE: watches[0] is an object; allowed: mapped(Kind, map) and clusterChanges(map)'],
    ],
    [
      'with a map that is none',
      { watches: [mapped(ConfigMap, 'x' as never, { when: true as never })] },
      ['OPTION_RANGE: watches[0].map is x; allowed: a function', 'OPTION_RANGE: watches[0].when is true; allowed: a function'],
    ],
  ] as [string, unknown, string[]][]) {
    it(`${name} is named with class, method and remedy`, () => {
      expect(reconcileWith(options)).to.deep.equal(expected);
    });
  }

  for (const kind of ['Widget', null, 5, {}, Handler]) {
    it(`is found when ${typeof kind === 'function' ? 'a function' : JSON.stringify(kind)} stands in its place`, () => {
      @Handler()
      class Wrong {
        @Reconcile(kind as never)
        async sync(): Promise<void> {}

        @OnTimer(kind as never, { intervalMs: 1_000 })
        async tick(): Promise<void> {}

        @OnCreate(kind as never)
        async created(): Promise<void> {}
      }
      expect(problemsOf([Wrong])).to.deep.equal([
        `KIND_MISSING: Wrong.sync: @Reconcile got no kind; ${CIRCULAR}`,
        `KIND_MISSING: Wrong.tick: @OnTimer got no kind; ${CIRCULAR}`,
        `KIND_MISSING: Wrong.created: @OnCreate got no kind; ${CIRCULAR}`,
      ]);
    });
  }

  it('in a claim, with whatever else the claim lacks, hides nothing', () => {
    @Handler({ rbac: [{ kind: missing }, missing, { kind: ConfigMap, verb: 'get', verbs: ['get'], why: 'x' } as never] as never })
    class Claims {
      @Reconcile(Widget, { concurrency: 0 })
      async sync(): Promise<void> {}
    }
    expect(problemsOf([Claims])).to.deep.equal([
      'OPTION_RANGE: Claims.sync: concurrency is 0; allowed: whole numbers from 1 to 1000',
      `KIND_MISSING: Claims: rbac[0] got no kind; ${CIRCULAR}`,
      'RBAC_CLAIM: Claims: rbac[0] has no verbs',
      'RBAC_CLAIM: Claims: rbac[0] has no why; say what the right is used for',
      'OPTION_RANGE: Claims: rbac[1] is undefined; allowed: { kind, verbs, why } and subresource, names, namespace, clusters',
      'OPTION_UNKNOWN: Claims: rbac[2] has no option verb; allowed: clusters, kind, names, namespace, subresource, verbs, why',
    ]);
  });

  it('in @Source is found, together with classes that are missing and everything else', () => {
    @Source(missing)
    class Keys {
      resolve(): undefined {}
      start(): void {}
    }
    @Handler()
    class Wrong {
      @OnUpdate(Widget, { timeoutMs: 0 })
      async sync(): Promise<void> {}
    }
    expect(problemsOf([undefined, Keys, 'Wrong', Wrong])).to.deep.equal([
      'HANDLER_MISSING: handlers[0] is undefined, not a class; check its import for a circular import',
      'HANDLER_MISSING: handlers[2] is Wrong, not a class; check its import for a circular import',
      'KIND_MISSING: Keys: @Source got no kind; check the import of its defineVirtualKind for a circular import',
      'OPTION_RANGE: Wrong.sync: timeoutMs is 0; allowed: numbers from 1 to 2147483647',
    ]);
    expect(problemsOf(undefined)).to.deep.equal(['OPTION_RANGE: handlers is undefined; allowed: a list of classes with @Handler()']);
  });
});

describe('an option that would be ignored or fail later', () => {
  const VALUES = 'text, a list of texts, RegExp, PRESENT, ABSENT, a function';
  const RETRY = 'factor, initialMs, jitter, maxAttempts, maxMs';
  const NAMESPACES = 'a list of at least one name of a namespace, or OPERATOR_NAMESPACE; leave it out for all';
  const cases: [unknown, string[]][] = [
    [{ retry: { max: 2 } }, [`OPTION_UNKNOWN: retry has no option max; allowed: ${RETRY}`]],
    [{ retry: true }, ['OPTION_RANGE: retry is true; allowed: an object with the options factor, initialMs, jitter, maxAttempts, maxMs']],
    [
      { retry: { factor: '2', jitter: 1, maxAttempts: 0 } },
      [
        'OPTION_RANGE: retry.factor is 2; allowed: numbers',
        'OPTION_RANGE: retry.jitter is 1; allowed: 0 to below 1',
        'OPTION_RANGE: retry.maxAttempts is 0; allowed: 1 or more',
      ],
    ],
    [{ select: { label: 'a' } }, ['OPTION_UNKNOWN: select has no option label; allowed: fields, labels, metadataOnly, namespaces']],
    [{ select: { namespaces: [] } }, [`OPTION_RANGE: select.namespaces is an empty list; allowed: ${NAMESPACES}`]],
    [{ select: { namespaces: 'default' } }, [`OPTION_RANGE: select.namespaces is default; allowed: ${NAMESPACES}`]],
    [{ select: { namespaces: ['Not A Namespace'] } }, [`OPTION_RANGE: select.namespaces has Not A Namespace; allowed: ${NAMESPACES}`]],
    [{ select: { metadataOnly: 'yes' } }, ['OPTION_RANGE: select.metadataOnly is yes; allowed: true, false']],
    [{ select: { labels: 5 } }, ['OPTION_RANGE: select.labels is 5; allowed: text']],
    [
      { select: { labels: 'a in (b' } },
      ['SELECTOR_SYNTAX: select.labels is "a in (b", which is no label selector: it ends where "," or ")" should be'],
    ],
    [
      { owns: [owned(ConfigMap, { select: { fields: 'metadata.name' } })] },
      [
        'SELECTOR_SYNTAX: owns[0].select.fields is "metadata.name", which is no field selector: "metadata.name" is not <field>=<value> or <field>!=<value>',
      ],
    ],
    [{ owns: [owned(ConfigMap, { anyOwner: 1 as never })] }, ['OPTION_RANGE: owns[0].anyOwner is 1; allowed: true, false']],
    [{ changed: 'status' }, ['OPTION_RANGE: changed is status; allowed: spec, any, a function']],
    [{ when: true }, ['OPTION_RANGE: when is true; allowed: a function']],
    [{ labels: 'a=b' }, [`OPTION_RANGE: labels is a=b; allowed: an object of key and ${VALUES}`]],
    [{ labels: { a: 5 } }, [`OPTION_RANGE: labels.a is 5; allowed: ${VALUES}`]],
    [{ labels: { a: undefined } }, [`OPTION_RANGE: labels.a is undefined; allowed: ${VALUES}`]],
    [{ annotations: { a: ['b', 5] } }, [`OPTION_RANGE: annotations.a is a list with 5; allowed: ${VALUES}`]],
    [{ annotations: { a: Symbol('present') } }, [`OPTION_RANGE: annotations.a is Symbol(present); allowed: ${VALUES}`]],
    [{ failure: { conditions: 'Ready' } }, ['OPTION_UNKNOWN: failure has no option conditions; allowed: condition, event']],
    [{ failure: { condition: true } }, ['OPTION_RANGE: failure.condition is true; allowed: a condition type such as Ready, false']],
    [{ failure: { condition: '' } }, ['OPTION_RANGE: failure.condition is ""; allowed: a condition type such as Ready, false']],
    [{ failure: { event: 'no' } }, ['OPTION_RANGE: failure.event is no; allowed: true, false']],
  ];
  for (const [options, expected] of cases) {
    it(`is refused: ${expected[0]!}`, () => {
      expect(reconcileWith(options)).to.deep.equal(expected);
    });
  }

  it('is refused in all options of one method at once', () => {
    const all = Object.assign({}, ...cases.slice(1).map(([options]) => options as object)) as Record<string, unknown>;
    expect(reconcileWith(all)).to.have.length.at.least(Object.keys(all).length);
  });

  it('is not among what is allowed', () => {
    const allowed = [
      { labels: { a: 'b', 'example.org/c': ['d'], e: /f/, g: PRESENT, h: ABSENT, i: () => true } },
      { annotations: { a: '' }, when: () => true, changed: () => true, failure: { condition: false, event: false } },
      { changed: 'any', failure: { condition: 'example.org/Ready' }, retry: { maxAttempts: 3, jitter: 0 }, clusters: 'all' },
      { select: { namespaces: ['a'], labels: 'a,!b,c=d,e!=f,g in (h, i),j notin (k),l>3', fields: 'metadata.name=x,spec.y!=z' } },
      { owns: [ConfigMap, owned(Pod, { anyOwner: true, select: { metadataOnly: true } })], watches: () => [] },
    ];
    for (const options of allowed) expect(reconcileWith(options), JSON.stringify(options)).to.deep.equal([]);
  });

  it('names namespaces of a kind that has none', () => {
    expect(reconcileWith({ select: { namespaces: ['a'] } }, Zone)).to.deep.equal([
      'OPTION_RANGE: select.namespaces is a list; allowed: nothing, because Zone is not in namespaces',
    ]);
  });

  it('reports on a virtual kind take a function', () => {
    const Asset = defineVirtualKind<object>('Asset');
    @Source(Asset)
    class Assets {
      resolve(): undefined {}
      start(): void {}
    }
    @Handler()
    class Wrong {
      @Reconcile(Asset, { failure: { about: 'it' as never } })
      async sync(): Promise<void> {}
    }
    expect(problemsOf([Wrong, Assets])).to.deep.equal(['OPTION_RANGE: Wrong.sync: failure.about is it; allowed: a function']);
  });
});

describe('a name that becomes a label of metrics', () => {
  const NAMES = 'letters, digits and . _ - $, at most 128, the first one no punctuation';
  for (const id of ['has space\n{}', '', '-x', 5, 'x'.repeat(129)]) {
    it(`is refused as the id of class and method: ${JSON.stringify(id).slice(0, 30)}`, () => {
      @Handler({ id: id as string })
      class Wrong {
        @OnUpdate(Widget, { id: id as string })
        async sync(): Promise<void> {}
      }
      const shown = id === '' || String(id).includes('\n') ? JSON.stringify(id) : id;
      expect(problemsOf([Wrong])).to.deep.equal([
        `OPTION_RANGE: Wrong: @Handler id is ${shown}; allowed: ${NAMES}`,
        `OPTION_RANGE: Wrong.sync: id is ${shown}; allowed: ${NAMES}`,
      ]);
    });
  }

  it('is checked for probes and indexes, whose first argument it is', () => {
    @Handler({ replace: false, rbac: {} } as never)
    class Wrong {
      @Probe({ timeoutMs: -1 } as never)
      probe(): string {
        return '';
      }

      @Index(Widget, '')
      index(): undefined {}
    }
    expect(problemsOf([Wrong])).to.deep.equal([
      'OPTION_UNKNOWN: Wrong: @Handler has no option replace; allowed: id, rbac, replaces',
      'OPTION_RANGE: Wrong: @Handler rbac is an object; allowed: a list of claims',
      `OPTION_RANGE: Wrong.probe: name is an object; allowed: ${NAMES}`,
      `OPTION_RANGE: Wrong.index: name is ""; allowed: ${NAMES}`,
    ]);
  });
});

describe('a method that is called inline', () => {
  it('is refused when it is async, and only then', () => {
    @Handler()
    class Inline {
      @OnEvent(Widget)
      async seen(): Promise<void> {}

      @Index(Widget, 'size')
      size(): undefined {}

      @OnEvent(Widget)
      later(): void {}

      @OnUpdate(Widget)
      async updated(): Promise<void> {}

      async bySize(): Promise<string> {
        return '';
      }
    }
    // As untyped code has it; the compiler refuses it.
    const descriptor = Object.getOwnPropertyDescriptor(Inline.prototype, 'bySize') as never;
    Index(Widget, 'async')(Inline.prototype, 'bySize', descriptor);

    expect(problemsOf([Inline])).to.deep.equal([
      'INLINE_ASYNC: Inline.seen: @OnEvent is called inline and waits for nothing, but the method is async; make it synchronous, or use @Reconcile',
      'INLINE_ASYNC: Inline.bySize: @Index is called inline and waits for nothing, but the method is async; make it synchronous',
    ]);
  });
});
