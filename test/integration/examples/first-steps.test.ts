import { existsSync } from 'node:fs';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect } from 'chai';
import type { TestProcess } from '../../harness/child-process';
import { ExampleCluster } from '../../harness/example-cluster';
import { poll } from '../../harness/poll';
import type { TestObject } from '../../harness/steward-cluster';

const GREETING = { apiVersion: 'example.org/v1', kind: 'Greeting', metadata: { name: 'world', namespace: 'default' } };
const CHILD = { apiVersion: 'v1', kind: 'ConfigMap', metadata: { name: 'greeting-world', namespace: 'default' } };

describe('examples on a real API server, with exactly the rights they print', () => {
  let cluster: ExampleCluster;
  let example: TestProcess | undefined;

  before(async function () {
    this.timeout(600_000);
    cluster = await ExampleCluster.start();
  });

  afterEach(async () => {
    await example?.kill();
    example = undefined;
  });

  after(() => cluster?.stop());

  /** Nothing was forbidden, and Ctrl-C ends it in order. */
  async function endsWell({ log }: TestProcess): Promise<void> {
    expect(log).not.to.match(/forbidden|\berror\b/i);
    expect(await example?.stop()).to.deep.equal({ code: 0, signal: null });
  }

  it('01-minimal logs every WolConfig', async () => {
    example = await cluster.launch('01-minimal');
    for (const name of ['lab', 'office']) {
      await cluster.api.apply({ apiVersion: 'wol.pillon.org/v1beta1', kind: 'WolConfig', metadata: { name } });
      await example.until(`logs ${name}`, () =>
        example!.log.split('\n').some((line) => line.includes('a WolConfig is there') && line.includes(name)),
      );
    }

    await endsWell(example);
  });

  it('02-reconcile-child keeps the ConfigMap, which goes with its Greeting', async () => {
    const child = (): Promise<(TestObject & { data?: object }) | undefined> => cluster.api.get(CHILD);
    const childSays = (text: string): Promise<true> =>
      poll(`the ConfigMap says ${text}`, async () => JSON.stringify((await child())?.data) === JSON.stringify({ text }) || undefined);
    example = await cluster.launch('02-reconcile-child');
    await cluster.apply('02-reconcile-child', 'sample.yaml');
    await childSays('Hello, World!');

    await cluster.api.delete(CHILD);
    await childSays('Hello, World!');
    await cluster.api.mergePatch(GREETING, { spec: { name: 'Mars' } });
    await childSays('Hello, Mars!');
    await cluster.api.delete(GREETING);
    // The garbage collector looks for new kinds every 30 s.
    await poll('the ConfigMap is collected', async () => (await child()) === undefined);
    await endsWell(example);
  });

  it('06-delete-and-finalizer holds the Greeting until the file is gone', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'billboard-'));
    const file = join(folder, 'default_world');
    try {
      example = await cluster.launch('06-delete-and-finalizer', { BILLBOARD: folder });
      await cluster.apply('06-delete-and-finalizer', 'sample.yaml');
      // It is there before its text is.
      await poll('the file says it', async () => (await readFile(file, 'utf8').catch(() => '')) === 'Hello, World!\n');

      await writeFile(`${file}.keep`, '');
      await cluster.api.delete(GREETING);
      await example.until('is not done', () => example!.log.includes('somebody keeps the file'));
      expect((await cluster.api.get(GREETING))?.metadata['finalizers']).to.deep.equal(['example.org/billboard']);
      await rm(`${file}.keep`);
      await poll('the Greeting is gone', async () => (await cluster.api.get(GREETING)) === undefined);
      expect(existsSync(file)).to.equal(false);
      await endsWell(example);
    } finally {
      await rm(folder, { recursive: true });
    }
  });
});
