import { createHash } from 'node:crypto';
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { expect } from 'chai';
import { run } from '../../../../hack/update-crds/main';
import { parseSources } from '../../../../hack/update-crds/sources';
import { ROOT } from '../../../harness/steward-cluster';

const ORIGINAL = 'apiVersion: apiextensions.k8s.io/v1\nkind: CustomResourceDefinition\nmetadata:\n  name: as.example.com\n';
const HANDWRITTEN = `apiVersion: apiextensions.k8s.io/v1\nkind: CustomResourceDefinition\nx-virt-steward-assumed: true\n`;
const sum = (text: string): string => createHash('sha256').update(text).digest('hex');

describe('the schemas of the repository', () => {
  it('are as their table says', async () => {
    const lines: string[] = [];
    expect(await run(['--verify'], ROOT, (line) => lines.push(line)), lines.join('\n')).to.equal(0);
  });
});

describe('update-crds', () => {
  let root: string;
  let server: Server;
  let lines: string[];
  /** Path to what the source answers. */
  let published: Map<string, string>;

  beforeEach(async () => {
    root = mkdtempSync(join(tmpdir(), 'update-crds-'));
    lines = [];
    published = new Map([['/o/r/v1/a.yaml', ORIGINAL]]);
    server = createServer((request, response) => {
      const text = published.get(request.url ?? '');
      response.writeHead(text === undefined ? 404 : 200).end(text);
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    process.env['STEWARD_CRD_SOURCE'] = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
    put('hack/update-crds/sources.yaml', tableOf(sum(ORIGINAL), sum(HANDWRITTEN)));
    put('assets/crds/area/a.yaml', ORIGINAL);
    put('assets/crds/area/b.yaml', HANDWRITTEN);
    await call();
    lines = [];
  });

  afterEach(() => {
    delete process.env['STEWARD_CRD_SOURCE'];
    server.closeAllConnections();
    server.close();
    rmSync(root, { recursive: true });
  });

  const put = (path: string, text: string): void => {
    mkdirSync(dirname(join(root, path)), { recursive: true });
    writeFileSync(join(root, path), text);
  };
  const read = (path: string): string => readFileSync(join(root, path), 'utf8');
  const call = (...args: string[]): Promise<number> => run(args, root, (line) => lines.push(line));

  function tableOf(sumOfA: string, sumOfB: string): string {
    return [
      '# kept',
      `- file: area/a.yaml\n  sha256: ${sumOfA}\n  repository: o/r\n  ref: v1\n  path: a.yaml\n  licence: Apache-2.0`,
      `- file: area/b.yaml\n  sha256: ${sumOfB}\n  assumed: true\n  repository: o/r\n  ref: v2\n  path: b.yaml\n  licence: Apache-2.0`,
      '',
    ].join('\n');
  }

  it('puts a file back that differs from its source', async () => {
    put('assets/crds/area/a.yaml', 'edited');
    expect(await call()).to.equal(0);
    expect(read('assets/crds/area/a.yaml')).to.equal(ORIGINAL);
    expect(lines).to.deep.equal(['put back area/a.yaml']);
    expect(read('assets/crds/README.md')).to.contain('[o/r](https://github.com/o/r/blob/v1/a.yaml)').and.to.contain('Apache-2.0');
  });

  for (const [what, answer, message] of [
    ['has another sum', `${ORIGINAL}# changed\n`, 'has sha256'],
    ['is no CRD', 'kind: Pod\n', 'is no CustomResourceDefinition'],
    ['is not there', undefined, 'status 404'],
  ] as const) {
    it(`replaces nothing when the source ${what}`, async () => {
      if (answer === undefined) published.clear();
      else published.set('/o/r/v1/a.yaml', answer);
      put('assets/crds/area/a.yaml', 'edited');
      expect(await call()).to.equal(1);
      expect(lines.join('\n')).to.contain(message).and.to.contain('nothing was replaced');
      expect(read('assets/crds/area/a.yaml')).to.equal('edited');
      expect(readdirSync(join(root, 'assets', 'crds', 'area'))).to.deep.equal(['a.yaml', 'b.yaml']);
    });
  }

  it('adopts the original of a file that was written by hand, and records its sum', async () => {
    const original = `${ORIGINAL}# b\n`;
    published.set('/o/r/v2/b.yaml', original);
    expect(await call('--adopt', 'area/b.yaml')).to.equal(0);
    expect(read('assets/crds/area/b.yaml')).to.equal(original);
    const table = read('hack/update-crds/sources.yaml');
    expect(table).to.match(/^# kept\n/);
    expect(parseSources(table)[1]).to.include({ assumed: false, sha256: sum(original) });
    expect(await call('--verify')).to.equal(0);
  });

  it('never fetches for a file that was written by hand and is not adopted', async () => {
    put('assets/crds/area/b.yaml', `${HANDWRITTEN}spec: {}\n`);
    expect(await call()).to.equal(0);
    expect(await call('--verify')).to.equal(1);
    expect(lines.join('\n')).to.contain('area/b.yaml has sha256');
    expect(await call('--record')).to.equal(0);
    expect(await call('--verify')).to.equal(0);
  });

  it('tells a file that is missing, one that nobody listed, and a mark that is wrong', async () => {
    rmSync(join(root, 'assets/crds/area/a.yaml'));
    put('assets/crds/area/c.yaml', ORIGINAL);
    put('hack/update-crds/sources.yaml', tableOf(sum(ORIGINAL), sum(ORIGINAL)));
    put('assets/crds/area/b.yaml', ORIGINAL);
    expect(await call('--verify')).to.equal(1);
    expect(lines.join('\n'))
      .to.contain('area/a.yaml is missing')
      .and.to.contain('area/c.yaml is not in the table')
      .and.to.contain('lacks the mark');
  });

  it('compares with the source only when it is asked to, and takes a source out of reach for a warning', async () => {
    published.set('/o/r/v1/a.yaml', `${ORIGINAL}# changed\n`);
    expect(await call('--verify')).to.equal(0);
    expect(await call('--verify', '--online')).to.equal(1);
    expect(lines.join('\n')).to.contain('area/a.yaml: the source has sha256');
    lines = [];
    published.clear();
    expect(await call('--verify', '--online')).to.equal(0);
    expect(lines.join('\n')).to.contain('warning: area/a.yaml');
  });

  it('explains arguments that it does not know', async () => {
    expect(await call('--frobnicate')).to.equal(2);
    expect(lines.join('\n')).to.contain('allowed: --adopt FILE');
    lines = [];
    expect(await call('--adopt', 'area/a.yaml')).to.equal(1);
    expect(lines.join('\n')).to.contain('is no file that was written by hand');
  });

  it('names the entry of the table that is wrong', () => {
    expect(() => parseSources('- file: ../a.yaml\n')).to.throw('entry 1 (../a.yaml): file has to be');
    expect(() => parseSources(`- file: a/b.yaml\n  sha256: "${'0'.repeat(64)}"\n  licence: x\n`)).to.throw('has no repository');
  });
});
