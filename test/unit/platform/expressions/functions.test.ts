import { createHash } from 'node:crypto';
import { gunzipSync } from 'node:zlib';
import { expect } from 'chai';
import fc from 'fast-check';
import { parse, stringify } from 'yaml';
import { compileExpression } from '../../../../src/platform/expressions';
import { aClusterWith } from '../support/asset-context';
import { aScope, errorOf, evaluated } from './support';

describe('functions of expressions', () => {
  describe('option', () => {
    it('gives the annotation of the anchor without blanks around it, or the default', async () => {
      expect(await evaluated('option("max-pods", "500")', { options: { 'max-pods': ' 300\n' } })).to.equal('300');
      expect(await evaluated('option("max-pods", "500")')).to.equal('500');
      expect(await evaluated('option("max-pods", self.name)', { self: { name: 'x', group: '', apiVersion: '' } })).to.equal('x');
    });

    it('takes a blank annotation for none', async () => {
      expect(await evaluated('option("max-pods", "500", "[0-9]+")', { options: { 'max-pods': '  ' } })).to.equal('500');
    });

    it('refuses a value that does not match as a whole, and names annotation and pattern but not the value', async () => {
      for (const value of ['12; reboot', 'a12', '12\n13', '1'.repeat(5)]) {
        const error = await errorOf(() => evaluated('option("max-pods", "500", "[1-9][0-9]{1,3}")', { options: { 'max-pods': value } }));
        expect(error.reason).to.equal('InvalidOption');
        expect(error.message).to.contain('platform.kubevirt.io/max-pods').and.to.contain('[1-9][0-9]{1,3}').and.not.to.contain(value);
        expect(error.isTransient).to.equal(false);
      }
    });

    it('refuses a value even where the expression would do without it', async () => {
      const source = 'option("a", "", "[0-9]+") == "1" || true';

      expect((await errorOf(() => evaluated(source, { options: { a: 'x' } }))).reason).to.equal('InvalidOption');
    });

    it('lets nothing through that its pattern does not describe from the first to the last character', async () => {
      const hostile = fc.constantFrom('a', 'z', '0', '9', '-', ',', ';', '$', '(', '`', '\n', ' ', '|', '\u0000', '"', 'ä');
      const expression = compileExpression('option("cpus", "none", "[0-9][0-9,-]{0,7}")');
      await fc.assert(
        fc.asyncProperty(fc.string({ unit: hostile, maxLength: 10 }), async (value) => {
          const trimmed = value.trim();
          const isAllowed = trimmed.length <= 8 && [...trimmed].every((character) => '09,-'.includes(character)) && /^[09]/.test(trimmed);
          const scope = aScope({ options: { cpus: value } });
          if (trimmed === '') expect(await expression.evaluate(scope)).to.equal('none');
          else if (isAllowed) expect(await expression.evaluate(scope)).to.equal(trimmed);
          else expect((await errorOf(() => expression.evaluate(scope))).reason).to.equal('InvalidOption');
        }),
        { numRuns: 500 },
      );
    });

    it('reads no annotation of another domain, and nothing when the anchor has none', async () => {
      const anchor = { metadata: { annotations: { 'example.com/a': 'x', a: 'y' } } };

      expect(await evaluated('option("a", "none")', { anchor })).to.equal('none');
      expect(await evaluated('option("a", "none")', { anchor: {} })).to.equal('none');
    });

    it('holds alternatives of a pattern together', async () => {
      const source = 'option("kind", "", "a|b")';

      expect(await evaluated(source, { options: { kind: 'b' } })).to.equal('b');
      expect((await errorOf(() => evaluated(source, { options: { kind: 'ax' } }))).reason).to.equal('InvalidOption');
    });
  });

  it('enabled is true for the text true only', async () => {
    for (const [value, result] of [
      ['true', true],
      [' true ', true],
      ['True', false],
      ['false', false],
      ['', false],
    ] as const) {
      expect(await evaluated('enabled("aaq")', { options: { 'enable-aaq': value } }), JSON.stringify(value)).to.equal(result);
    }
    expect(await evaluated('enabled("aaq")')).to.equal(false);
  });

  it('refuseOption ends the rendering with its reason, and does nothing where it is not reached', async () => {
    const source = 'option("ids", "").contains("x") ? refuseOption("ids", "a device stands there twice") : dyn("fine")';
    const error = await errorOf(() => evaluated(source, { options: { ids: 'x' } }));

    expect(error.reason).to.equal('InvalidOption');
    expect(error.message).to.contain('platform.kubevirt.io/ids').and.to.contain('a device stands there twice');
    expect(await evaluated(source)).to.equal('fine');
  });

  describe('cluster', () => {
    const map = (namespace: string, name: string, data = {}) => ({
      apiVersion: 'v1',
      kind: 'ConfigMap',
      metadata: { namespace, name },
      data,
    });

    it('get gives the object, or none when it is not there', async () => {
      const cluster = aClusterWith([map('ns', 'a', { n: 5 })]);

      expect(await evaluated('cluster.get("v1", "ConfigMap", "ns", "a").?data.?n.orValue(0) + 1', { cluster })).to.equal(6);
      expect(await evaluated('cluster.get("v1", "ConfigMap", "ns", "b").?data.?n.orValue(0)', { cluster })).to.equal(0);
      expect(await evaluated('cluster.get("v1", "ConfigMap", "ns", "b").hasValue()', { cluster })).to.equal(false);
    });

    it('get of a kind that is not served asks nobody', async () => {
      const cluster = { has: () => false, get: () => Promise.reject(new Error('asked')), list: () => Promise.reject(new Error('asked')) };

      expect(await evaluated('cluster.get("v1", "ConfigMap", "ns", "a").hasValue()', { cluster })).to.equal(false);
      expect(await evaluated('cluster.list("v1", "ConfigMap", "")', { cluster })).to.deep.equal([]);
      expect(await evaluated('cluster.has("v1", "ConfigMap")', { cluster })).to.equal(false);
    });

    it('list gives the objects in the order of the look-up', async () => {
      const cluster = aClusterWith([map('a', 'x'), map('b', 'y'), map('a', 'z')]);

      expect(await evaluated('cluster.list("v1", "ConfigMap", "").map(o, o.metadata.name)', { cluster })).to.deep.equal(['x', 'y', 'z']);
      expect(await evaluated('cluster.list("v1", "ConfigMap", "a").map(o, o.metadata.name)', { cluster })).to.deep.equal(['x', 'z']);
    });

    it('answers look-ups whose names come from other look-ups', async () => {
      const cluster = aClusterWith([map('ns', 'a', { next: 'b' }), map('ns', 'b', { next: 'c' }), map('ns', 'c', { end: true })]);
      const next = (inner: string) => `cluster.get("v1", "ConfigMap", "ns", ${inner})`;

      expect(
        await evaluated(`${next(`${next(`${next('"a"')}.value().data.next`)}.value().data.next`)}.value().data.end`, { cluster }),
      ).to.equal(true);
    });

    it('answers look-ups inside of a list', async () => {
      const cluster = aClusterWith([map('ns', 'a'), map('ns', 'c')]);

      expect(await evaluated('["a", "b", "c"].filter(n, cluster.get("v1", "ConfigMap", "ns", n).hasValue())', { cluster })).to.deep.equal([
        'a',
        'c',
      ]);
    });

    it('asks each question once a rendering', async () => {
      let asked = 0;
      const cluster = { list: async () => [map('ns', `x${++asked}`)] };
      const scope = aScope({ cluster });
      const expression = compileExpression('cluster.list("v1", "ConfigMap", "").map(o, o.metadata.name)');

      expect(await expression.evaluate(scope)).to.deep.equal(['x1']);
      expect(await expression.evaluate(scope)).to.deep.equal(['x1']);
      expect(asked).to.equal(1);
    });

    for (const [where, source] of [
      ['optional access', 'cluster.get("v1", "ConfigMap", "ns", "a").?data.?n.orValue("default")'],
      ['hasValue', 'cluster.get("v1", "ConfigMap", "ns", "a").hasValue()'],
      ['a disjunction that is true without it', 'cluster.get("v1", "ConfigMap", "ns", "a").hasValue() || true'],
      ['a conjunction that is false without it', 'cluster.list("v1", "ConfigMap", "").size() > 0 && false'],
      ['a quantifier', '["a", "b"].exists(n, n == "b" || cluster.get("v1", "ConfigMap", "ns", n).hasValue())'],
      ['the schema', 'cluster.schemaHas("v1", "ConfigMap", "data") || true'],
      ['an enumeration', 'size(cluster.enum("v1", "ConfigMap", "data")) == 0'],
    ] as const) {
      it(`fails loudly when a look-up fails in ${where}`, async () => {
        const fail = () => Promise.reject(new Error('the server is overloaded'));
        const error = await errorOf(() => evaluated(source, { cluster: { get: fail, list: fail, schemaOf: fail } }));

        expect(error.message).to.contain('look-up of v1 ConfigMap').and.to.contain('the server is overloaded');
        expect(error.isTransient).to.equal(true);
        expect((error.cause as Error).message).to.equal('the server is overloaded');
      });
    }

    it('gives a value again once the look-up does', async () => {
      let isDown = true;
      const cluster = { get: async () => (isDown ? Promise.reject(new Error('down')) : map('ns', 'a')) };
      const expression = compileExpression('cluster.get("v1", "ConfigMap", "ns", "a").value().metadata.name');

      await errorOf(() => expression.evaluate(aScope({ cluster })));
      isDown = false;
      expect(await expression.evaluate(aScope({ cluster }))).to.equal('a');
    });

    it('keeps evaluations apart that run at the same time', async () => {
      const expression = compileExpression(
        '["a", "b"].map(k, cluster.get("v1", "ConfigMap", "ns", k).value().metadata.name + option("suffix", ""))',
      );
      const run = (suffix: string, delayMs: number) => {
        const get = async (_v: string, _k: string, _n: string, name: string) => {
          await new Promise((resolve) => setTimeout(resolve, delayMs));
          return map('ns', name);
        };
        return expression.evaluate(aScope({ cluster: { get }, options: { suffix } }));
      };

      expect(await Promise.all([run('1', 5), run('2', 1), run('3', 3)])).to.deep.equal([
        ['a1', 'b1'],
        ['a2', 'b2'],
        ['a3', 'b3'],
      ]);
    });

    const schema = {
      properties: {
        spec: {
          type: 'object',
          properties: {
            mode: { type: 'string', enum: ['A', 'B'] },
            profiles: { type: 'array', items: { type: 'string', enum: ['C', 'D'] } },
            parts: { type: 'array', items: { type: 'object', properties: { kind: { type: 'string', enum: ['E'] } } } },
            free: { type: 'string' },
          },
        },
      },
    };
    const cluster = aClusterWith([], { 'a/v1/B': schema });

    it('enum gives the values of a field, or of the elements of a list', async () => {
      for (const [path, values] of [
        ['spec.mode', ['A', 'B']],
        ['spec.profiles', ['C', 'D']],
        ['spec.parts.kind', ['E']],
        ['spec.free', []],
        ['spec.nothing', []],
        ['spec.mode.deeper', []],
        ['spec.constructor', []],
      ] as const) {
        expect(await evaluated(`cluster.enum("a/v1", "B", "${path}")`, { cluster }), path).to.deep.equal(values);
      }
      expect(await evaluated('cluster.enum("a/v1", "C", "spec.mode")', { cluster })).to.deep.equal([]);
    });

    it('schemaHas tells whether the API server knows a field', async () => {
      expect(await evaluated('cluster.schemaHas("a/v1", "B", "spec.parts.kind")', { cluster })).to.equal(true);
      expect(await evaluated('cluster.schemaHas("a/v1", "B", "spec.parts.other")', { cluster })).to.equal(false);
      expect(await evaluated('cluster.schemaHas("a/v1", "B", "spec")', { cluster: { has: () => false } })).to.equal(false);
    });
  });

  describe('numbers', () => {
    it('min and max compare integers and doubles, two of them or a list', async () => {
      expect(await evaluated('[min(2, 3), max(2, 3), min([3, 1, 2]), max([3, 1, 2])]')).to.deep.equal([2, 3, 1, 3]);
      expect(await evaluated('[min(2.5, 3), max(2.5, 3.5), max(2, 1.5)]')).to.deep.equal([2.5, 3.5, 2]);
      expect(await evaluated('min(hco.spec.a, hco.spec.b)', { hco: { spec: { a: 7, b: 2.5 } } })).to.equal(2.5);
      expect((await errorOf(() => evaluated('min([])'))).message).to.contain('not empty');
      expect((await errorOf(() => evaluated('max(["a"])'))).message).to.contain('numbers');
    });

    it('clamp keeps a number between two others', async () => {
      expect(await evaluated('[clamp(1, 2, 4), clamp(3, 2, 4), clamp(5, 2, 4)]')).to.deep.equal([2, 3, 4]);
      expect(await evaluated('clamp(0.5, 1.0, 2.0)')).to.equal(1);
      expect((await errorOf(() => evaluated('clamp(1, 4, 2)'))).message).to.contain('above');
    });

    for (const [text, value] of [
      ['1', 1],
      ['64Mi', 64 * 1024 * 1024],
      ['1.5Gi', 1.5 * 1024 ** 3],
      ['2k', 2000],
      ['3M', 3_000_000],
      ['500m', 500],
      ['-1Ki', -1024],
      ['0.5Ki', 512],
    ] as const) {
      it(`quantity reads ${text}`, async () => {
        expect(await evaluated(`quantity("${text}")`)).to.equal(value);
      });
    }

    for (const text of ['', 'x', '1.5', '1mi', '0.1Ki', '1 Gi', '1e3', '1GiB', '.5Ki', 'Gi']) {
      it(`quantity refuses ${JSON.stringify(text)}`, async () => {
        expect((await errorOf(() => evaluated(`quantity("${text}")`))).message).to.contain('no quantity');
      });
    }

    it('quantity does not repeat what it refuses, which may be a secret', async () => {
      expect((await errorOf(() => evaluated('quantity("hunter" + "2")'))).message).not.to.contain('hunter2');
    });
  });

  describe('maps and lists', () => {
    it('merge goes into maps, and the second wins', async () => {
      expect(await evaluated('merge({"a": {"b": 1, "c": [1]}, "d": 2}, {"a": {"c": [2], "e": 3}, "d": {"f": 4}})')).to.deep.equal({
        a: { b: 1, c: [2], e: 3 },
        d: { f: 4 },
      });
    });

    it('merge changes neither of its arguments', async () => {
      const hco = { spec: { a: { b: 1 } } };

      expect(await evaluated('[merge(hco.spec, {"a": {"b": 2}}), hco.spec]', { hco })).to.deep.equal([{ a: { b: 2 } }, { a: { b: 1 } }]);
    });

    it('keys are sorted, so that no order depends on a map', async () => {
      expect(await evaluated('keys(hco.spec)', { hco: { spec: { b: 1, a: 2, C: 3 } } })).to.deep.equal(['C', 'a', 'b']);
    });

    it('parseList splits at commas, trims, and drops what is empty', async () => {
      expect(await evaluated('parseList(" a, b ,,c ,")')).to.deep.equal(['a', 'b', 'c']);
      expect(await evaluated('parseList("  ")')).to.deep.equal([]);
    });
  });

  describe('YAML and JSON', () => {
    it('are written and read back', async () => {
      await fc.assert(
        fc.asyncProperty(
          fc.dictionary(fc.string(), fc.oneof(fc.string(), fc.integer(), fc.boolean(), fc.array(fc.string()))),
          async (spec) => {
            const facts = { hco: { spec } };
            expect(await evaluated('fromYaml(toYaml(hco.spec)) == hco.spec && fromJson(toJson(hco.spec)) == hco.spec', facts)).to.equal(
              true,
            );
          },
        ),
        { numRuns: 200 },
      );
    });

    it('have whole numbers that are integers', async () => {
      expect(await evaluated('fromYaml("a: 5").a * 2 + fromJson("{\\"b\\": 3}").b')).to.equal(13);
    });

    it('tell whether a text is JSON before it is read', async () => {
      expect(await evaluated('[isJson("{}"), isJson("{"), isJson("")]')).to.deep.equal([true, false, false]);
    });

    for (const [source, why] of [
      ['fromYaml("a: [")', 'no YAML'],
      ['fromYaml("a: &a [*a]")', 'an alias inside of what it names'],
      ['fromYaml("a: 1\\na: 2")', 'no YAML'],
      ['fromYaml("a: 1\\n---\\nb: 2")', 'no YAML'],
      ['fromJson("{")', 'no JSON'],
      ['fromJson("")', 'no JSON'],
    ] as const) {
      it(`${source} is an error, never an empty value`, async () => {
        expect((await errorOf(() => evaluated(source))).message).to.contain(why);
      });
    }

    it('leave what could not be read out of the error', async () => {
      const error = await errorOf(() => evaluated('fromYaml(hco.spec)', { hco: { spec: 'password: [hunter2' } }));

      expect(error.message).to.not.contain('hunter2');
    });

    const config = [
      '# ours',
      'a:',
      '    b:   1   # keep',
      '    "c": {x: [1,  2]}',
      '',
      'nodeExporter:',
      '  collectors:',
      '    # none yet',
      '    tcpstat:',
      '      enabled: false # slow',
      'last: |',
      '  text',
      '',
    ];
    const set = (path: string, value: string, lines = config) =>
      evaluated(`yamlSet(hco.spec, "${path}", ${value})`, { hco: { spec: lines.join('\n') } });

    it('yamlSet adds a member where it belongs, and leaves every other line as it is written', async () => {
      const before = config.slice(0, 10);

      expect(await set('nodeExporter.collectors.ksmd.enabled', 'true')).to.equal(
        [...before, '    ksmd:', '      enabled: true', ...config.slice(10)].join('\n'),
      );
      expect(await set('more', '"x"')).to.equal([...config.slice(0, -1), 'more: x', ''].join('\n'));
    });

    it('yamlSet replaces a value in its line', async () => {
      expect(await set('nodeExporter.collectors.tcpstat.enabled', 'true')).to.equal(
        config.join('\n').replace('enabled: false #', 'enabled: true #'),
      );
      expect(await set('a.b', '"yes"')).to.equal(config.join('\n').replace('b:   1   #', 'b:   "yes"   #'));
    });

    it('yamlSet of what is there already changes nothing', async () => {
      expect(await set('a.b', '1')).to.equal(config.join('\n'));
    });

    it('yamlSet says what was said, and the new member, whatever the text looks like', async () => {
      const values = fc.jsonValue({ maxDepth: 2, stringUnit: 'grapheme-ascii' });
      const maps = fc.dictionary(fc.constantFrom('a', 'b', 'c', 'long name', '#'), values);
      await fc.assert(
        fc.asyncProperty(maps, fc.boolean(), async (spec, isFlow) => {
          fc.pre(typeof spec['a'] !== 'object' || Array.isArray(spec['a']) === false);
          fc.pre(spec['a'] === undefined || (typeof spec['a'] === 'object' && spec['a'] !== null));
          const text = stringify(spec, isFlow ? { collectionStyle: 'flow' } : {});
          const result = (await evaluated('yamlSet(hco.spec, "a.b", 7)', { hco: { spec: text } })) as string;
          expect(parse(result)).to.deep.equal({ ...spec, a: { ...(spec['a'] as object), b: 7 } });
        }),
        { numRuns: 200 },
      );
    });

    it('yamlSet keeps the last line of a text that has no newline at its end', async () => {
      expect(await evaluated('yamlSet("a: 1 # x", "b", 2)')).to.equal('a: 1 # x\nb: 2\n');
    });

    it('yamlSet starts with an empty map, goes into flow style, and takes keys with dots in a list', async () => {
      expect(await evaluated('yamlSet("", "a.b", 1)')).to.equal('a:\n  b: 1\n');
      expect(await evaluated('yamlSet("# only a comment\\n", "a.b", 1)')).to.contain('a:\n  b: 1\n');
      expect(await evaluated('yamlSet("a: {b: 1}", "a.c", [2])')).to.equal('a: { b: 1, c: [ 2 ] }\n');
      expect(parse((await evaluated('yamlSet("{}", ["a.b", "c"], 1)')) as string)).to.deep.equal({ 'a.b': { c: 1 } });
    });

    for (const [source, why] of [
      ['yamlSet("a: [", "a", 1)', 'no YAML'],
      ['yamlSet("[1]", "a", 1)', 'no map'],
      ['yamlSet("text", "a", 1)', 'no map'],
      ['yamlSet("a: 1", "a.b", 1)', 'no map at a'],
      ['yamlSet("a: [1]", "a.b", 1)', 'no map at a'],
      ['yamlSet("a: 1", "a..b", 1)', 'empty part'],
    ] as const) {
      it(`${source} is an error`, async () => {
        expect((await errorOf(() => evaluated(source))).message).to.contain(why);
      });
    }
  });

  describe('files', () => {
    it('file gives the text, and never evaluates it', async () => {
      const text = `${'$'}{ 1 + 1 }\n`;

      expect(await evaluated('file("area/script.sh")', { files: new Map([['area/script.sh', text]]) })).to.equal(text);
      expect((await errorOf(() => evaluated('file("other")'))).message).to.contain('no file other');
    });

    const bytesOf = (url: string): Buffer => Buffer.from(url.slice('data:;base64,'.length), 'base64');

    it('dataUrl holds the bytes of the text', async () => {
      const url = (await evaluated('dataUrl("ä\\n")')) as string;

      expect(url).to.equal('data:;base64,w6QK');
      expect(bytesOf(url).toString('utf8')).to.equal('ä\n');
    });

    it('dataUrlGzip holds what any gunzip gives back, with neither time nor system nor name in its header', async () => {
      await fc.assert(
        fc.asyncProperty(fc.string({ unit: 'grapheme', maxLength: 500 }), async (text) => {
          const bytes = bytesOf((await evaluated('dataUrlGzip(hco.spec)', { hco: { spec: text } })) as string);
          expect(gunzipSync(bytes).toString('utf8')).to.equal(Buffer.from(text, 'utf8').toString('utf8'));
          expect([...bytes.subarray(0, 10)]).to.deep.equal([0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 2, 255]);
        }),
        { numRuns: 100 },
      );
    });

    it('dataUrlGzip gives the same bytes as ever: other bytes would reboot nodes', async () => {
      const script = Array.from({ length: 60 }, (_, line) => `echo "line ${line}" >> /run/log\n`).join('');

      expect(await evaluated('dataUrlGzip("#!/bin/bash\\nset -euo pipefail\\n")')).to.equal(
        'data:;base64,H4sIAAAAAAAC/1NW1E/KzNNPSizO4CpOLVHQTS3NVyjILEhNS8zM4QIAHFxraR4AAAA=',
      );
      const bytes = bytesOf((await evaluated('dataUrlGzip(hco.spec)', { hco: { spec: script } })) as string);
      expect(createHash('sha256').update(bytes).digest('hex')).to.equal('f164c6dfa430ce560726917fa794d22f826ad7eefea2b526761ffcc7b73c7c93');
    });
  });
});
