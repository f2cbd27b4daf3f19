import { expect } from 'chai';
import { type Informer, nullLogger } from '../../../../src/framework';
import { FakeClock } from '../../../../src/framework/testing';
import { ClusterLookUps, MAX_WATCHES } from '../../../../src/platform/context/cluster-look-ups';
import { ServedKinds } from '../../../../src/platform/context/served-kinds';

/** An informer that has listed nothing, completely. */
function emptyInformer(onStop: () => void): Informer {
  const store = { synced: true, size: 0, get: () => undefined, list: () => [].values(), by: () => [] };
  const status = () => ({ state: 'Watching', synced: true, lastActivityMs: 0, detail: '', late: false, stale: false }) as const;
  const nothing = (): (() => void) => () => undefined;
  return {
    store,
    status,
    subscribe: nothing,
    onStatus: nothing,
    start: () => undefined,
    stop: async () => onStop(),
  } as unknown as Informer;
}

describe('the limit of look-ups', () => {
  async function bench() {
    const clock = new FakeClock();
    const resources = [{ resource: 'configmaps', responseKind: { kind: 'ConfigMap' }, scope: 'Namespaced' }];
    const core = { kind: 'APIGroupDiscoveryList', items: [{ metadata: {}, versions: [{ version: 'v1', resources }] }] };
    const served = new ServedKinds({ ask: async ({ path }) => ({ body: path === '/api' ? core : {} }), clock, log: nullLogger });
    await served.refresh();
    const open = { count: 0 };
    const lookUps = new ClusterLookUps({
      ...{ served, clock, client: {} as never, onChange: () => undefined },
      open: () => {
        open.count++;
        return emptyInformer(() => open.count--);
      },
    });
    const look = (i: number): Promise<string> =>
      lookUps.get('v1', 'ConfigMap', 'a', `config-${i}`).then(
        () => 'answered',
        (error: Error) => error.message,
      );
    return { clock, lookUps, open, look };
  }

  it('is an error for the one too many, not an empty answer', async () => {
    const { open, look } = await bench();
    for (let i = 0; i < MAX_WATCHES; i++) expect(await look(i)).to.equal('answered');

    expect(await look(MAX_WATCHES)).to.match(/^looking up v1 ConfigMap a\/config-200 failed: 200 look-ups are watched already/);
    expect(await look(0)).to.equal('answered');
    expect(open.count).to.equal(MAX_WATCHES);
  });

  it('makes room by closing the one that nobody has asked for half an hour', async () => {
    const { clock, open, look } = await bench();
    for (let i = 0; i < MAX_WATCHES; i++) await look(i);
    await clock.advance(29 * 60_000);
    for (let i = 1; i < MAX_WATCHES; i++) await look(i);
    await clock.advance(60_000);

    expect(await look(MAX_WATCHES)).to.equal('answered');
    expect(open.count).to.equal(MAX_WATCHES);
    expect(await look(MAX_WATCHES + 1)).to.contain('which is the limit');
  });
});
