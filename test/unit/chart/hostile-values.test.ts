/** What people type that nobody thought of: names that YAML takes for something else, labels twice, values set to null. */
import { cpSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect } from 'chai';
import { parseAllDocuments, stringify } from 'yaml';
import { type ValuesEntry, valuesEntries } from '../../../hack/generators/values-schema';
import { MODULE_NAMES } from '../../../src/cli/module-names';
import { CHART, Helm, the } from '../../harness/helm';
import { objectsIn, type TestObject } from '../../harness/steward-cluster';

/** Renders every template. */
const EVERYTHING = {
  missingApis: 'render',
  platform: { enabled: true },
  machines: { enabled: true },
  openshift: { enabled: true, scc: { create: true } },
  tls: { mode: 'cert-manager' },
  metrics: {
    serviceMonitor: { enabled: true, auth: { mode: 'secret' } },
    podMonitor: { enabled: true },
    prometheusRule: { enabled: true },
    dashboards: { enabled: true },
  },
};
const SUBDOMAIN = /^[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*$/;

describe('the chart with values that nobody thought of', function () {
  this.timeout(120_000);
  let helm: Helm;
  let folder: string;

  before(async function () {
    this.timeout(0);
    helm = await Helm.find(4);
    folder = mkdtempSync(join(tmpdir(), 'virt-steward-values-'));
  });

  after(() => {
    helm?.remove();
    if (folder !== undefined) rmSync(folder, { recursive: true });
  });

  const fileOf = (values: object): string => {
    const file = join(folder, 'values.yaml');
    writeFileSync(file, stringify(values));
    return `--values=${file}`;
  };
  const render = (release: string, namespace: string, values: object, chart = CHART): Promise<string> =>
    helm.must('template', release, chart, `--namespace=${namespace}`, fileOf(values));

  for (const name of ['123', '1e3', '0x1f', 'true', 'null', 'y']) {
    it(`takes ${name} for text, as name of the release and of the namespace`, async () => {
      // The name of a Service begins with a letter.
      const fullname = /^[a-z]/.test(name) ? `${name}-virt-steward` : `null`;
      const objects = objectsIn(await render(name, name, { ...EVERYTHING, ...(fullname === 'null' ? { fullnameOverride: 'null' } : {}) }));

      expect(objects).to.have.length.above(40);
      for (const object of objects) expect(notText(object), `${object.kind} ${object.metadata.name}`).to.deep.equal([]);
      expect(the(objects, 'Deployment').metadata).to.include({ namespace: name, name: `${fullname}-manager` });
    });
  }

  for (const release of [`${'a'.repeat(39)}.bbb`, `${'a'.repeat(38)}--bbb`, 'a'.repeat(53)]) {
    it(`cuts the name of the release ${release} where the names of objects may end`, async () => {
      for (const { kind, metadata } of objectsIn(await render(release, 'lab', EVERYTHING)))
        if (!kind.includes('Role')) expect(metadata.name, kind).to.match(SUBDOMAIN);
    });
  }

  for (const release of ['123', 'a.b.c']) {
    it(`says before anything is installed that no Service can be named after the release ${release}, and what helps`, async () => {
      const place = ['template', release, CHART, '--namespace=lab'];
      const { exitCode, stderr } = await helm.run(...place);

      expect(exitCode).to.be.above(0);
      expect(stderr).to.contain(`names of objects begin with "${release}-virt-steward"`).and.to.contain('set fullnameOverride to');
      expect((await helm.run(...place, '--set=fullnameOverride=steward')).exitCode).to.equal(0);
      expect((await helm.run(...place, '--set=metrics.enabled=false')).exitCode, 'without a Service of that name').to.equal(0);
    });
  }

  it('writes a label once where it is set for all objects and for one of them, and the nearer one counts', async () => {
    const team = (label: string): object => ({ labels: { team: label } });
    const text = await render('virt-steward', 'lab', {
      ...EVERYTHING,
      commonLabels: { team: 'all' },
      manager: { podLabels: { team: 'pods' }, podAnnotations: { 'kubectl.kubernetes.io/default-container': 'mine' } },
      metrics: { ...EVERYTHING.metrics, prometheusRule: { enabled: true, ...team('rules') } },
    });

    for (const document of parseAllDocuments(text, { uniqueKeys: true })) expect(document.errors).to.deep.equal([]);
    const objects = objectsIn(text);
    const { metadata } = (the(objects, 'Deployment')['spec'] as { template: TestObject }).template;
    expect(metadata['labels']).to.include({ team: 'pods', 'app.kubernetes.io/component': 'manager' });
    expect(metadata['annotations']).to.include({ 'kubectl.kubernetes.io/default-container': 'mine' });
    expect(the(objects, 'PrometheusRule').metadata['labels']).to.include({ team: 'rules' });
    expect(the(objects, 'Deployment').metadata['labels']).to.include({ team: 'all' });
  });

  it('writes large numbers of a file as whole numbers', async () => {
    const values = { wol: { maxStartsPerMinute: 1_000_000 }, manager: { terminationGracePeriodSeconds: 1_000_000 } };
    const text = await render('virt-steward', 'lab', values);

    expect(text).to.contain('--wol-max-starts-per-minute=1000000').and.to.contain('terminationGracePeriodSeconds: 1000000');
  });

  it('names every value that may not be null, and renders without all the others', async () => {
    const entries = valuesEntries(readFileSync(join(CHART, 'values.yaml'), 'utf8'));
    const { needed, others } = leaves(entries);
    const { exitCode, stderr } = await helm.template(fileOf(nulls(needed)));

    expect(exitCode).to.be.above(0);
    const missing = new Set([...stderr.matchAll(/'([A-Za-z]+)'/g)].map(([, key]) => key));
    expect(needed.map((path) => path.at(-1)).filter((key) => !missing.has(key))).to.deep.equal([]);
    expect(needed).to.have.length.above(60);
    expect(others).to.have.length.above(30);
    const objects = objectsIn(await render('virt-steward', 'lab', nulls(others)));
    for (const object of objects) expect(notText(object), `${object.kind} ${object.metadata.name}`).to.deep.equal([]);
  });

  it('tells in one line of each map of values that is null', async () => {
    for (const key of ['wol', 'manager', 'metrics', 'tls']) {
      const { exitCode, stderr } = await helm.template(fileOf({ [key]: null }));
      expect(exitCode).to.be.above(0);
      expect(stderr).to.contain(`missing property '${key}'`).and.not.to.contain('nil pointer');
    }
    await render('virt-steward', 'lab', { global: null });
  });

  describe('and a module more', () => {
    const PARTS = ['arguments', 'variables', 'environment', 'ownKinds', 'cleanupRules', 'warnings', 'refusals'];

    for (const module of MODULE_NAMES) {
      it(`${module} has a file that defines every part of it`, () => {
        const text = readFileSync(join(CHART, 'templates', 'manager', `_${module}.tpl`), 'utf8');
        for (const part of PARTS) expect(text).to.contain(`define "virt-steward.${module}.${part}"`);
      });
    }

    it('takes effect by a file and its values alone, once the generator lists it', async () => {
      const chart = join(folder, 'chart');
      cpSync(CHART, chart, { recursive: true });
      const edit = (path: string, change: (text: string) => string): void => {
        const text = readFileSync(join(chart, path), 'utf8');
        writeFileSync(join(chart, path), change(text));
      };
      edit('templates/rbac/_modules.tpl', (text) =>
        text.replace('{{- join ', '{{- if .Values.fourth.enabled }}{{ $names = append $names "fourth" }}{{ end }}\n{{- join '),
      );
      edit('values.yaml', (text) => `${text}\nfourth: {enabled: true, extraEnv: {}}\n`);
      rmSync(join(chart, 'values.schema.json'));
      const contents: Readonly<Record<string, string>> = {
        arguments: '- --fourth=yes',
        variables: 'FOURTH',
        environment: '- {name: FOURTH, value: "4"}',
        ownKinds: 'fourth.example.com: [fourths]',
        cleanupRules: '- {apiGroups: [fourth.example.com], resources: [fourths], verbs: [delete]}',
      };
      const defined = PARTS.map((part) => `{{- define "virt-steward.fourth.${part}" -}}\n${contents[part] ?? ''}\n{{- end }}\n`);
      writeFileSync(join(chart, 'templates', 'manager', '_fourth.tpl'), defined.join(''));

      const objects = objectsIn(await render('virt-steward', 'lab', {}, chart));

      const { template } = the(objects, 'Deployment')['spec'] as {
        template: { spec: { containers: { args: string[]; env: object[] }[] } };
      };
      expect(template.spec.containers[0]!.args).to.include('--fourth=yes').and.to.include('--modules=wol,fourth');
      expect(template.spec.containers[0]!.env).to.deep.include({ name: 'FOURTH', value: '4' });
      expect(JSON.stringify(the(objects, 'Role', 'virt-steward-cleanup')['rules'])).to.contain('"fourths"');
      expect(JSON.stringify(the(objects, 'ClusterRole', 'virt-steward-test')['rules'])).to.contain('fourths.fourth.example.com');
      const repeated = { fourth: { extraEnv: { FOURTH: '5' } } };
      const { stderr } = await helm.run('template', 'virt-steward', chart, fileOf(repeated));
      expect(stderr).to.contain('fourth.extraEnv sets FOURTH, which is set already');
    });
  });
});

/** Names, namespaces, labels, annotations and arguments below an object that are something else than text. */
function notText(value: unknown, path = ''): string[] {
  if (typeof value !== 'object' || value === null || path.endsWith('.openAPIV3Schema')) return [];
  return Object.entries(value).flatMap(([key, child]) => {
    const isMap = /^(labels|matchLabels|annotations)$/.test(key);
    const isTexts = isMap || /^(args|resourceNames|verbs)$/.test(key);
    if (isTexts) return Object.entries(child ?? {}).flatMap(([name, text]) => (typeof text === 'string' ? [] : [`${path}.${key}.${name}`]));
    const isName = /^(name|namespace|serviceAccountName)$/.test(key);
    return isName && typeof child !== 'string' ? [`${path}.${key}: ${String(child)}`] : notText(child, `${path}.${key}`);
  });
}

/** Values by whether the schema wants them: a text may be left empty by null, and a free map may lose its defaults. */
function leaves(entries: readonly ValuesEntry[], parent: readonly string[] = []): { needed: string[][]; others: string[][] } {
  const found = { needed: [] as string[][], others: [] as string[][] };
  for (const { key, value, isOpen, children } of entries) {
    const path = [...parent, key];
    if (children.length > 0 && !isOpen) {
      const below = leaves(children, path);
      found.needed.push(...below.needed);
      found.others.push(...below.others);
    } else {
      const isEmptied = isOpen && !Array.isArray(value) && Object.keys(value as object).length > 0;
      (value === '' || value === null || isEmptied ? found.others : found.needed).push(path);
    }
  }
  return found;
}

function nulls(paths: readonly (readonly string[])[]): object {
  const values: Record<string, unknown> = {};
  for (const path of paths) {
    let at = values;
    for (const key of path.slice(0, -1)) {
      at[key] ??= {};
      at = at[key] as Record<string, unknown>;
    }
    at[path.at(-1)!] = null;
  }
  return values;
}
