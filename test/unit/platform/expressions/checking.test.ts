import { expect } from 'chai';
import { type CompileOptions, compileExpression, ExpressionSyntaxError } from '../../../../src/platform/expressions';

const problemOf = (source: string, options: CompileOptions = {}): string => {
  try {
    compileExpression(source, options);
  } catch (error) {
    expect(error).to.be.instanceOf(ExpressionSyntaxError);
    return (error as Error).message;
  }
  return expect.fail(`${source} was accepted`);
};

describe('checking an expression when the catalog is loaded', () => {
  it('refuses a variable that there is not', () => {
    expect(problemOf('hardwear.gpuPresent')).to.contain('Unknown variable: hardwear');
  });

  it('refuses a field that a variable does not have', () => {
    expect(problemOf('hardware.gpuPressent')).to.contain('No such key: gpuPressent');
    expect(problemOf('topology.workers > 3')).to.contain('workers');
    expect(problemOf('settings.migrations')).to.contain('migrations');
    expect(problemOf('operator.name')).to.contain('name');
    expect(problemOf('self.file')).to.contain('file');
  });

  it('refuses item outside of forEach, and vars and params that are not declared', () => {
    expect(problemOf('item')).to.contain('item');
    expect(problemOf('vars.later', { vars: new Set(['earlier']) })).to.contain('vars.later');
    expect(problemOf('params.size', { params: new Set() })).to.contain('params.size');
    compileExpression('item + vars.earlier + params.size', { hasItem: true, vars: new Set(['earlier']), params: new Set(['size']) });
  });

  it('refuses a function that there is not, time and random numbers among them', () => {
    for (const call of ['now()', 'random()', 'env("HOME")', 'read("/etc/passwd")'])
      expect(problemOf(call)).to.contain('no matching overload');
  });

  it('refuses operands that do not fit', () => {
    expect(problemOf('"a" + 1')).to.contain('no such overload');
    expect(problemOf('hardware.gpuPresent + 1')).to.contain('no such overload');
    expect(problemOf('topology.isHCP ? "a" : 1')).to.contain('Ternary');
  });

  it('refuses a result of the wrong type where a truth value or a list is asked for', () => {
    expect(problemOf('topology.workerCount', { result: 'bool' })).to.contain('gives int; allowed: bool');
    expect(problemOf('topology.isHCP', { result: 'list' })).to.contain('allowed: list');
    compileExpression('topology.roles', { result: 'list' });
    compileExpression('hco.spec.flag', { result: 'bool' });
  });

  it('tells everything that is wrong with one expression', () => {
    const problem = problemOf('item == vars.x && "a".matches(settings.namespace)');

    for (const part of ['item', 'vars.x', 'matches()']) expect(problem).to.contain(part);
  });

  it('says on one line where an expression cannot be parsed', () => {
    expect(problemOf('1 +\n+ 2')).to.not.contain('\n');
    expect(problemOf('"open')).to.be.a('string');
    expect(problemOf('')).to.be.a('string');
  });

  describe('limits', () => {
    it('takes an expression of 4 KiB and refuses a longer one', () => {
      const text = (length: number): string => `"${'x'.repeat(length - 2)}"`;

      compileExpression(text(4096));
      expect(problemOf(text(4097))).to.contain('4096 bytes');
    });

    it('refuses more than 500 nodes', () => {
      compileExpression(`[${Array.from({ length: 400 }, () => '1').join(',')}]`);
      expect(problemOf(`[${Array.from({ length: 600 }, () => '1').join(',')}]`)).to.contain('maxAstNodes (500)');
    });

    it('refuses more than 50 levels', () => {
      compileExpression(`${'('.repeat(40)}1${')'.repeat(40)}`);
      expect(problemOf(`${'('.repeat(60)}1${')'.repeat(60)}`)).to.contain('maxDepth (50)');
    });
  });

  describe('literals', () => {
    it('refuses apiVersion and kind of a look-up that are computed', () => {
      expect(problemOf('cluster.get(self.apiVersion, "ConfigMap", "", "x")')).to.contain('literals');
      expect(problemOf('cluster.list("v1", settings.namespace, "")')).to.contain('literals');
      expect(problemOf('cluster.has("v1", self.name)')).to.contain('literals');
      expect(problemOf('cluster.enum(self.apiVersion, "A", "spec")')).to.contain('literals');
      expect(problemOf('cluster.schemaHas(self.apiVersion, "A", "spec")')).to.contain('literals');
    });

    it('refuses to look up Secrets', () => {
      expect(problemOf('cluster.get("v1", "Secret", "ns", "name")')).to.contain('Secrets cannot be looked up');
      expect(problemOf('cluster.list("v1", "Secret", "")')).to.contain('Secrets cannot be looked up');
    });

    it('refuses computed names and patterns of options, and computed paths of files', () => {
      expect(problemOf('option(self.name, "")')).to.contain('name of an option');
      expect(problemOf('option("a", "", self.name)')).to.contain('pattern of an option');
      expect(problemOf('enabled(self.name)')).to.contain('literal');
      expect(problemOf('file(self.name)')).to.contain('literal');
    });

    it('refuses options whose name or default is no text', () => {
      expect(problemOf('option("max-pods", 500)')).to.contain('expected text');
    });
  });

  describe('patterns', () => {
    for (const pattern of ['(a+)+', '(a*)*b', '(a{1,5}){3}', '([a-z]+)*$', '(x+x+)+y']) {
      it(`refuses ${pattern}, which may take very long`, () => {
        expect(problemOf(`"a".matches("${pattern}")`)).to.contain('very long');
        expect(problemOf(`option("a", "", "${pattern}")`)).to.contain('very long');
      });
    }

    it('refuses what is no regular expression', () => {
      expect(problemOf('"a".matches("(")')).to.contain('no regular expression');
      expect(problemOf('option("a", "", "[")')).to.contain('no regular expression');
    });

    it('refuses a computed pattern, whatever it is matched against', () => {
      expect(problemOf('hco.spec.name.matches(hco.spec.pattern)')).to.contain('literal');
      expect(problemOf('["a"].exists(x, "b".matches(x))')).to.contain('literal');
    });
  });

  describe('what an expression reads', () => {
    it('is told for the variables of the context', () => {
      const { reads } = compileExpression('hco.spec.x + params.y + string(size(topology.roles.filter(hardware, hardware != "")))');

      expect([...reads]).to.have.members(['hco', 'topology', 'hardware']);
    });

    it('is told for look-ups, with names that are literals', () => {
      const { lookUps, reads } = compileExpression(
        'cluster.get("v1", "ConfigMap", "ns", "name").hasValue() || size(cluster.list("a/v1", "B", settings.namespace)) > 0' +
          ' || "x" in cluster.enum("c/v1", "D", "spec.mode") || cluster.has("e/v1", "F")',
      );

      expect(lookUps).to.deep.equal([
        { type: 'get', apiVersion: 'v1', kind: 'ConfigMap', namespace: 'ns', name: 'name' },
        { type: 'list', apiVersion: 'a/v1', kind: 'B' },
        { type: 'schema', apiVersion: 'c/v1', kind: 'D' },
        { type: 'has', apiVersion: 'e/v1', kind: 'F' },
      ]);
      expect([...reads]).to.have.members(['cluster', 'settings']);
    });

    it('is told for options, with default and pattern', () => {
      const { options, reads } = compileExpression(
        'option("max-pods", "500", "[1-9][0-9]{1,3}") + option("x", self.name) + string(enabled("aaq"))',
      );

      expect(options).to.deep.equal([
        { name: 'max-pods', default: '500', pattern: '[1-9][0-9]{1,3}' },
        { name: 'x' },
        { name: 'enable-aaq', default: 'false', pattern: 'true|false' },
      ]);
      expect([...reads]).to.deep.equal([]);
    });

    it('is told for feature gates, which are a choice of the user', () => {
      expect(compileExpression('settings.gates.?CPUManager.orValue(false)').readsUserChoice).to.equal(true);
      expect(compileExpression('enabled("x")').readsUserChoice).to.equal(true);
      expect(compileExpression('hardware.gpuPresent').readsUserChoice).to.equal(false);
    });
  });
});
