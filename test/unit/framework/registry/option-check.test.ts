import { expect } from 'chai';
import { Handler, type QueuedOptions, Reconcile, type ReconcileOptions } from '../../../../src/framework/decorators';
import type { ConfigError, ConfigProblem } from '../../../../src/framework/errors/config-error';
import { defineKind } from '../../../../src/framework/kinds/kind';
import type { KubernetesObject } from '../../../../src/framework/kinds/object';
import { OptionCheck } from '../../../../src/framework/registry/option-check';
import { buildRegistry } from '../../../../src/framework/registry/registry';

class Widgets {}

function check(options: Record<string, unknown>): { check: OptionCheck; problems: ConfigProblem[]; texts: () => string[] } {
  const problems: ConfigProblem[] = [];
  const declaration = { decorator: 'Reconcile', method: 'sync', kind: undefined, options } as const;
  return {
    check: new OptionCheck(Widgets, declaration, problems),
    problems,
    texts: () => problems.map(({ code, text }) => `${code}: ${text}`),
  };
}

describe('the check of an option', () => {
  it('falls back to the default when nothing is given', () => {
    const { check: absent, problems } = check({});

    expect([absent.number('a', 5, 1), absent.boolean('b', true), absent.choice('c', 'x', ['x', 'y']), absent.paths('d')]).to.deep.equal([
      5,
      true,
      'x',
      [],
    ]);
    expect(problems).to.have.length(0);
  });

  it('takes what is allowed, bounds included', () => {
    const given = check({ min: 1, max: 10, off: false, choice: 'y' });

    expect([given.check.number('min', 5, 1, 10), given.check.number('max', 5, 1, 10)]).to.deep.equal([1, 10]);
    expect([given.check.boolean('off', true), given.check.choice('choice', 'x', ['x', 'y'])]).to.deep.equal([false, 'y']);
    expect(given.problems).to.have.length(0);
  });

  for (const value of [0, 11, '5', Number.NaN, null, {}, Object.create(null)]) {
    it(`refuses ${JSON.stringify(value)} as a number from 1 to 10, and goes on with the default`, () => {
      const given = check({ size: value });
      expect(given.check.number('size', 5, 1, 10)).to.equal(5);
      expect(given.problems.map(({ code }) => code)).to.deep.equal(['OPTION_RANGE']);
      expect(given.problems[0]!.text).to.match(/^Widgets\.sync: size is .+; allowed: numbers from 1 to 10$/);
    });
  }

  it('refuses fractions where only whole numbers make sense', () => {
    const given = check({ workers: 2.5 });

    expect(given.check.wholeNumber('workers', 4, 1, 10)).to.equal(4);
    expect(given.texts()).to.deep.equal(['OPTION_RANGE: Widgets.sync: workers is 2.5; allowed: whole numbers from 1 to 10']);
  });

  it('collects mistakes instead of stopping at the first', () => {
    const given = check({ a: 'x', b: 'y', c: 'z', d: 0 });
    given.check.allowOnly(['b', 'c', 'd']);
    given.check.boolean('b', true);
    given.check.choice('c', 'x', ['x', 'y']);
    given.check.number('d', 1, 1);

    expect(given.texts()).to.deep.equal([
      'OPTION_UNKNOWN: Widgets.sync: @Reconcile has no option a; allowed: b, c, d',
      'OPTION_RANGE: Widgets.sync: b is y; allowed: true, false',
      'OPTION_RANGE: Widgets.sync: c is z; allowed: x, y',
      'OPTION_RANGE: Widgets.sync: d is 0; allowed: numbers from 1',
    ]);
  });

  it('splits paths at their dots, one or several', () => {
    expect(check({ field: 'spec.cpu.cores' }).check.paths('field')).to.deep.equal([['spec', 'cpu', 'cores']]);
    expect(check({ field: ['spec', 'status.phase'] }).check.paths('field')).to.deep.equal([['spec'], ['status', 'phase']]);
  });

  for (const path of ['', '.', 'spec.', '.spec', 'spec..x', 'spec[0]', '/spec/x', 'spec x', '$.spec']) {
    it(`refuses the path ${JSON.stringify(path)}`, () => {
      const given = check({ field: path });
      given.check.paths('field');
      expect(given.texts()).to.deep.equal([`PATH_SYNTAX: Widgets.sync: field path ${path} is not dotted names such as spec.ports`]);
    });
  }

  it('refuses paths that are no text', () => {
    for (const field of [5, true, [5], { spec: true }]) {
      const given = check({ field });
      given.check.paths('field');
      expect(given.problems.map(({ code }) => code)).to.deep.equal(['PATH_SYNTAX']);
    }
  });
});

describe('options that would break the engine later', () => {
  const Widget = defineKind<KubernetesObject>('example.org/v1', 'Widget', 'widgets', { scope: 'Namespaced' });
  const problemsWith = (options: ReconcileOptions<KubernetesObject> & QueuedOptions<KubernetesObject>): string[] => {
    @Handler()
    class Wrong {
      @Reconcile(Widget, options)
      async sync(): Promise<void> {}
    }
    try {
      buildRegistry({ handlers: [Wrong] });
      return [];
    } catch (error) {
      return (error as ConfigError).problems.map(({ code, text }) => `${code}: ${text}`);
    }
  };

  it('are refused at start: a fraction of a worker, negative times, a retry that goes wrong', () => {
    expect(problemsWith({ concurrency: 2.5 })).to.deep.equal([
      'OPTION_RANGE: Wrong.sync: concurrency is 2.5; allowed: whole numbers from 1 to 1000',
    ]);
    expect(problemsWith({ minIntervalMs: -1, timeoutMs: 0 })).to.have.length(2);
    expect(problemsWith({ retry: { factor: 0 } })).to.deep.equal(['OPTION_RANGE: Wrong.sync: retry.factor is 0; allowed: 1 or more']);
    expect(problemsWith({})).to.deep.equal([]);
  });
});
