import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { expect } from 'chai';
import { ConfigMap, createContainer } from 'virt-steward/framework';
import { delayMs, FakeApiServer, FakeClock, RecordingLogger, TestOperator } from 'virt-steward/framework/testing';
import { handlers, ROOT } from './handler';

const KEY = 'default/notes';

describe('08-daemon', () => {
  let root: string;
  let folder: string;
  let server: FakeApiServer;
  let operator: TestOperator;
  let logger: RecordingLogger;

  beforeEach(async () => {
    root = mkdtempSync(join(tmpdir(), 'mirror-'));
    folder = join(root, 'notes');
    const clock = new FakeClock();
    server = await FakeApiServer.start({ clock });
    logger = new RecordingLogger();
    const metadata = { namespace: 'default', name: 'notes', labels: { 'example.org/mirror': 'yes' } };
    server.objects.create(ConfigMap, { metadata });
    operator = await TestOperator.start({ handlers, server, clock, logger, container: createContainer().registerInstance(ROOT, root) });
  });

  afterEach(async () => {
    await operator.stop();
    await server.stop();
    rmSync(root, { recursive: true });
  });

  /** Files are real and nobody waits for them, so this asks until the ConfigMap is as wanted, while seconds of the clock go by. */
  async function mirrored(data: Record<string, string>): Promise<void> {
    const deadline = performance.now() + 60_000;
    while (performance.now() < deadline && JSON.stringify(server.objects.get(ConfigMap, KEY)?.data) !== JSON.stringify(data)) {
      await operator.advance(1_000);
      await pause(10);
    }
    expect(server.objects.get(ConfigMap, KEY)?.data).to.deep.equal(data);
  }

  it('waits for the folder, then copies what is in it, and what comes and goes', async () => {
    await operator.advance(10_000);
    mkdirSync(folder);
    writeFileSync(join(folder, 'a'), '1');
    await mirrored({ a: '1' });
    writeFileSync(join(folder, 'b'), '2');
    await mirrored({ a: '1', b: '2' });
    rmSync(join(folder, 'a'));
    await mirrored({ b: '2' });
  });

  it('misses no change that comes while what it has read before is written', async () => {
    const held = server.faults.add({ on: { verb: 'patch', kind: ConfigMap }, do: delayMs(5_000) });
    mkdirSync(folder);
    writeFileSync(join(folder, 'a'), '1');
    while (held.strikes === 0) {
      await operator.advance(1_000);
      await pause(10);
    }
    writeFileSync(join(folder, 'b'), '2');
    await mirrored({ a: '1', b: '2' });
  });

  it('ends when the ConfigMap loses its label, and without complaint when the process stops', async () => {
    mkdirSync(folder);
    writeFileSync(join(folder, 'a'), '1');
    await mirrored({ a: '1' });
    const lines = logger.lines.length;
    server.objects.update(ConfigMap, KEY, ({ metadata }) => {
      metadata!.labels = {};
    });
    await operator.settle();
    writeFileSync(join(folder, 'a'), '2');

    expect(await operator.stop()).to.equal(0);
    expect(server.objects.get(ConfigMap, KEY)?.data).to.deep.equal({ a: '1' });
    expect(logger.lines.slice(lines).filter(({ level }) => level === 'warn' || level === 'error')).to.deep.equal([]);
  });
});
