import { expect } from 'chai';
import { ConfigMap } from '../../../../src/framework';
import { aMap, PlatformWorld } from './platform-world';

const MINUTE_MS = 60_000;
const ASSETS = Array.from({ length: 80 }, (_, index) => aMap(`map-${index}`));

describe('eighty assets that are as they should be', () => {
  let world: PlatformWorld;

  const start = async (resyncMs?: number): Promise<void> => {
    world = await PlatformWorld.start({ assets: ASSETS, ...(resyncMs === undefined ? {} : { settings: { resyncMs } }) });
    await world.anchor();
    await world.operator.advance(30_000);
    expect(world.writes()).to.have.length(80);
  };
  const requests = (): string[] =>
    world.server.journal
      .entries()
      .filter(({ resource }) => resource !== 'leases')
      .map(({ method, path }) => `${method} ${path}`);
  afterEach(() => world[Symbol.asyncDispose]());

  it('cost no write, no dry-run and no Event over thirty minutes', async () => {
    await start();
    const [writes, dryRuns, events] = [world.operator.writes().length, world.dryRuns().length, world.events().length];
    for (let minute = 0; minute < 30; minute++) await world.operator.advance(MINUTE_MS);

    expect(world.operator.writes().length).to.equal(writes);
    expect(world.dryRuns().length).to.equal(dryRuns);
    expect(world.events().length).to.equal(events);
  });

  it('cost one read and one dry-run each at a resync, and no write', async () => {
    await start(10 * MINUTE_MS);
    const [writes, before] = [world.writes().length, requests().length];
    for (let minute = 0; minute < 13; minute++) await world.operator.advance(MINUTE_MS);

    expect(new Set(world.dryRuns()).size).to.equal(80);
    expect(world.writes()).to.have.length(writes);
    const reads = requests()
      .slice(before)
      .filter((request) => /^GET .*\/configmaps\/map-/.test(request));
    expect(new Set(reads).size).to.equal(80);
  });

  it('cost nothing when their own writes come back, nor when the anchor changes in ways that concern none', async () => {
    await start();
    const before = world.dryRuns().length;
    await world.anchor({ 'example.org/note': 'x' });
    await world.operator.advance(MINUTE_MS);

    expect(world.dryRuns().length).to.equal(before);
  });

  it('are corrected one by one: drift of one costs calls about that one only', async () => {
    await start();
    const before = requests().length;
    world.server.objects.update(ConfigMap, 'ns/map-7', (map) => {
      map.data = { key: 'other' };
    });
    await world.settle();

    expect(world.map('map-7')?.data).to.deep.equal({ key: 'value' });
    const about = requests()
      .slice(before)
      .filter((request) => request.includes('/configmaps/map-'));
    expect(new Set(about.map((request) => request.split('?')[0]))).to.deep.equal(
      new Set(['GET /api/v1/namespaces/ns/configmaps/map-7', 'PATCH /api/v1/namespaces/ns/configmaps/map-7']),
    );
  });

  it('are not written again by a process that starts anew', async () => {
    await start();
    const writes = world.writes().length;
    const dryRuns = world.dryRuns().length;
    await world.operator.restart();
    await world.operator.advance(MINUTE_MS);

    expect(world.writes()).to.have.length(writes);
    expect(world.dryRuns().length - dryRuns).to.equal(80);
  });
});
