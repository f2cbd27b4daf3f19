import { execFile } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect } from 'chai';
import { parseAllDocuments } from 'yaml';

const MAIN = join(__dirname, '..', '..', '..', 'src', 'cli', 'main.js');

const HCO = `
apiVersion: hco.kubevirt.io/v1beta1
kind: HyperConverged
metadata:
  name: kubevirt-hyperconverged
  namespace: kubevirt-hyperconverged
  annotations: { platform.kubevirt.io/max-pods: "300" }
spec: {}
`;

interface Outcome {
  code: number;
  stdout: string;
  stderr: string;
}

describe('the command render', () => {
  // Each starts a process, which takes a second on a machine of its own.
  let folder: string;

  before(() => {
    folder = mkdtempSync(join(tmpdir(), 'render-'));
    writeFileSync(join(folder, 'hco.yaml'), HCO);
    writeFileSync(join(folder, 'bad-option.yaml'), HCO.replace('"300"', '"300; reboot"'));
    writeFileSync(join(folder, 'context.yaml'), 'topology: { hostPrefix: 24 }\n');
    writeFileSync(join(folder, 'no-context.yaml'), 'topolgy: {}\n');
    writeFileSync(join(folder, 'catalog.yaml'), 'version: yes\nassets:\n  - file: nowhere.yaml\n');
    writeFileSync(join(folder, 'other.yaml'), 'kind: Pod\n');
  });

  after(() => rmSync(folder, { recursive: true }));

  function render(...args: readonly string[]): Promise<Outcome> {
    const { PATH = '', HOME = '' } = process.env;
    return new Promise((resolve) => {
      execFile(
        process.execPath,
        [MAIN, 'render', ...args],
        { cwd: folder, env: { PATH, HOME }, timeout: 120_000 },
        (error, stdout, stderr) => {
          resolve({ code: typeof error?.code === 'number' ? error.code : error === null ? 0 : -1, stdout, stderr });
        },
      );
    });
  }

  it('prints objects for kubectl, from an anchor and what is told of the cluster', async () => {
    const { code, stdout } = await render(
      '--hco-file=hco.yaml',
      '--context=context.yaml',
      '--asset=kubelet-perf-settings,hco-golden-config',
    );
    const objects = parseAllDocuments(stdout).map(
      (document) => document.toJS() as { kind: string; spec: Record<string, Record<string, unknown>> },
    );

    expect(code).to.equal(0);
    expect(objects.map(({ kind }) => kind)).to.deep.equal(['HyperConverged', 'KubeletConfig']);
    expect(objects[1]?.spec['kubeletConfig']).to.include({ maxPods: 246 });
    expect(stdout).to.contain('# asset: kubelet-perf-settings[worker]\n');
  });

  it('prints a table, with what is left out only when asked', async () => {
    const [short, long] = [
      await render('--hco-file=hco.yaml', '--output=status'),
      await render('--hco-file=hco.yaml', '--output=status', '--show-excluded'),
    ];

    expect(short.stdout)
      .to.match(/^swap-enable\[worker\] +INCLUDED/m)
      .and.to.not.contain('FILTERED');
    expect(long.stdout).to.match(/^numa-topology\[worker\] +FILTERED +NotSwitchedOn/m);
  });

  it('ends with 1 when something cannot be rendered, and says what', async () => {
    const { code, stdout } = await render('--hco-file=bad-option.yaml', '--asset=kubelet-perf-settings', '--output=json');
    const [record] = JSON.parse(stdout) as Record<string, string>[];

    expect(code).to.equal(1);
    expect(record).to.include({ asset: 'kubelet-perf-settings[worker]', status: 'ERROR', reason: 'InvalidOption' });
    expect(record?.['message']).to.contain('platform.kubevirt.io/max-pods');
  });

  it('finds nothing wrong with the catalog that is shipped', async () => {
    const { code, stdout } = await render('--check');

    expect(code).to.equal(0);
    expect(stdout).to.match(/^\d+ assets, \d+ tombstones, nothing wrong\n$/);
  });

  it('tells everything that is wrong with another catalog', async () => {
    const { code, stderr } = await render('--check', '--platform-assets-dir=.');

    expect(code).to.equal(1);
    expect(stderr).to.contain('catalog.yaml: line 1: yes is a truth value');
  });

  for (const [args, says] of [
    [['--context=context.yaml'], '--context needs --hco-file'],
    [['--hco-file=hco.yaml', '--kubeconfig=x'], '--hco-file and --kubeconfig exclude one another'],
    [['--hco-file=hco.yaml', '--dry-run-diff'], '--dry-run-diff needs a cluster'],
    [['--check', '--asset=swap-enable'], '--check looks at the whole catalog'],
    [['--hco-file=hco.yaml', '--asset=swap'], '--asset names "swap"; allowed: hco-golden-config, '],
    [['--hco-file=nowhere.yaml'], 'nowhere.yaml cannot be read'],
    [['--hco-file=other.yaml'], 'other.yaml: is no HyperConverged and no KubeVirt'],
    [['--hco-file=hco.yaml', '--context=no-context.yaml'], 'no-context.yaml: topolgy is not known'],
    [['--check', '--platform-assets-dir='], '--platform-assets-dir is empty; allowed: the directory of a catalog'],
    [['--output=text'], 'Allowed choices are yaml, json, status'],
  ] as const) {
    it(`refuses ${args.join(' ')} with one line`, async () => {
      const { code, stdout, stderr } = await render(...args);

      expect(code).to.equal(2);
      expect(stdout).to.equal('');
      expect(stderr)
        .to.contain(says)
        .and.to.match(/^[^\n]*\n$/);
    });
  }
});
