import { expect } from 'chai';
import { type ApiRequest, nullLogger } from '../../../../src/framework';
import { FakeClock } from '../../../../src/framework/testing';
import { discover } from '../../../../src/platform/context/api-discovery';
import { type ServedChange, ServedKinds } from '../../../../src/platform/context/served-kinds';

const POD = { apiVersion: 'v1', group: '', kind: 'Pod', plural: 'pods', scope: 'Namespaced' };
const widgetOf = (version: string) => ({
  ...{ apiVersion: `example.org/${version}`, group: 'example.org', kind: 'Widget', plural: 'widgets', scope: 'Cluster' },
});

/** Answers discovery as a script says. */
class ScriptedDiscovery {
  readonly asked: string[] = [];
  aggregated = true;
  /** Versions of example.org in which Widget is served. */
  versions: string[] = [];
  stale: string[] = [];
  failing = false;

  readonly ask = async ({ path, accept }: ApiRequest): Promise<{ body: unknown }> => {
    this.asked.push(path);
    if (this.failing) throw new Error('no answer');
    const isAggregated = this.aggregated && accept?.includes('APIGroupDiscoveryList') === true;
    return { body: isAggregated ? this.aggregatedBody(path) : this.legacyBody(path) };
  };

  private aggregatedBody(path: string): object {
    const kind = 'APIGroupDiscoveryList';
    const pod = { resource: 'pods', responseKind: { kind: 'Pod' }, scope: 'Namespaced', verbs: ['get'] };
    if (path === '/api') return { kind, items: [{ metadata: {}, versions: [{ version: 'v1', resources: [pod], freshness: 'Current' }] }] };
    const widget = { resource: 'widgets', responseKind: { kind: 'Widget' }, scope: 'Cluster' };
    const current = this.versions.map((version) => ({ version, freshness: 'Current', resources: [widget] }));
    const stale = this.stale.map((version) => ({ version, freshness: 'Stale' }));
    return { kind, items: [{ metadata: { name: 'example.org' }, versions: [...current, ...stale] }] };
  }

  private legacyBody(path: string): object {
    if (path === '/api') return { kind: 'APIVersions', versions: ['v1'] };
    if (path === '/api/v1') {
      const status = { name: 'pods/status', kind: 'Pod', namespaced: true };
      return { resources: [{ name: 'pods', kind: 'Pod', namespaced: true }, status] };
    }
    const versions = [...this.versions, ...this.stale];
    if (path === '/apis')
      return { kind: 'APIGroupList', groups: [{ versions: versions.map((version) => ({ groupVersion: `example.org/${version}` })) }] };
    if (this.stale.some((version) => path.endsWith(version))) throw new Error('503');
    return { resources: [{ name: 'widgets', kind: 'Widget', namespaced: false }] };
  }
}

describe('discovery', () => {
  for (const aggregated of [true, false]) {
    const form = aggregated ? 'aggregated' : 'legacy';
    it(`reads ${form} answers alike`, async () => {
      const server = Object.assign(new ScriptedDiscovery(), { aggregated, versions: ['v1', 'v2'], stale: ['v3'] });

      const { groups, unknown } = await discover(server.ask);

      expect([...groups]).to.have.deep.members([
        ['v1', [POD]],
        ['example.org/v1', [widgetOf('v1')]],
        ['example.org/v2', [widgetOf('v2')]],
      ]);
      expect([...unknown]).to.deep.equal(['example.org/v3']);
    });
  }

  it('asks two questions of a server that aggregates', async () => {
    const server = Object.assign(new ScriptedDiscovery(), { versions: ['v1'] });

    await discover(server.ask);

    expect(server.asked).to.deep.equal(['/api', '/apis']);
  });
});

describe('the kinds that are served', () => {
  function bench(versions: string[]) {
    const clock = new FakeClock();
    const server = Object.assign(new ScriptedDiscovery(), { versions });
    const served = new ServedKinds({ ask: server.ask, clock, log: nullLogger });
    const changes: ServedChange[] = [];
    served.onChange((change) => changes.push(change));
    return { clock, server, served, changes };
  }

  it('are unknown before discovery has answered', async () => {
    const { served } = bench(['v1']);
    expect(served.isKnown).to.equal(false);

    await served.refresh();

    expect(served.isKnown).to.equal(true);
    expect(served.find('example.org/v1', 'Widget')).to.deep.equal(widgetOf('v1'));
    expect(served.find('example.org/v1', 'Gadget')).to.equal(undefined);
    expect(served.firstServed(['example.org/v9', 'example.org/v1'], 'Widget')).to.deep.equal(widgetOf('v1'));
    expect(served.hasResource('widgets.example.org')).to.equal(true);
    expect(served.hasResource('pods')).to.equal(true);
    expect(served.hasResource('gadgets.example.org')).to.equal(false);
    expect(served.hasGroup('example.org')).to.equal(true);
    expect(served.versionsOf('example.org', 'Widget')).to.deep.equal(['example.org/v1']);
  });

  it('are told when they come and go, once', async () => {
    const { clock, server, served, changes } = bench([]);
    await served.refresh();
    changes.length = 0;

    server.versions = ['v1'];
    await served.refresh();
    await served.refresh();
    server.versions = [];
    await served.refresh();
    await clock.advance(60_000);

    expect(changes).to.deep.equal([
      { appeared: [widgetOf('v1')], gone: [] },
      { appeared: [], gone: [widgetOf('v1')] },
    ]);
  });

  it('are not gone because a server that has just started does not know them for some seconds', async () => {
    const { clock, server, served, changes } = bench(['v1']);
    await served.refresh();
    changes.length = 0;

    server.versions = [];
    for (let i = 0; i < 9; i++) {
      served.kick();
      await clock.advance(500);
    }
    expect(served.find('example.org/v1', 'Widget')).to.deep.equal(widgetOf('v1'));
    server.versions = ['v1'];
    await clock.advance(60_000);

    expect(served.find('example.org/v1', 'Widget')).to.deep.equal(widgetOf('v1'));
    expect(changes).to.deep.equal([]);
  });

  it('ask discovery once for a burst of definitions', async () => {
    const { clock, server, served } = bench([]);
    await served.refresh();
    server.asked.length = 0;
    server.versions = ['v1'];

    for (let i = 0; i < 20; i++) served.kick();
    await clock.advance(10_000);

    expect(server.asked).to.deep.equal(['/api', '/apis']);
    expect(served.find('example.org/v1', 'Widget')).to.deep.equal(widgetOf('v1'));
  });

  it('ask again for a definition that is not served yet', async () => {
    const { clock, server, served } = bench([]);
    await served.refresh();
    served.kick();
    await clock.advance(600);
    server.versions = ['v1'];

    await clock.advance(5_000);

    expect(served.find('example.org/v1', 'Widget')).to.deep.equal(widgetOf('v1'));
  });

  it('stop asking when nothing comes of it', async () => {
    const { clock, server, served } = bench([]);
    await served.refresh();
    served.kick();
    await clock.advance(60_000);
    server.asked.length = 0;

    await clock.advance(3_600_000);

    expect(server.asked).to.deep.equal([]);
  });

  for (const aggregated of [true, false]) {
    it(`stay as they were where one group does not answer, ${aggregated ? 'aggregated' : 'legacy'}`, async () => {
      const { clock, server, served, changes } = bench(['v1']);
      server.aggregated = aggregated;
      await served.refresh();
      changes.length = 0;

      Object.assign(server, { versions: [], stale: ['v1'] });
      await served.refresh();
      expect(served.find('example.org/v1', 'Widget')).to.deep.equal(widgetOf('v1'));
      Object.assign(server, { versions: [], stale: [] });
      await clock.advance(15_000);

      expect(served.find('example.org/v1', 'Widget')).to.equal(undefined);
      expect(changes).to.deep.equal([{ appeared: [], gone: [widgetOf('v1')] }]);
    });
  }

  it('stay as they were while nobody answers, and are asked for again', async () => {
    const { clock, server, served } = bench(['v1']);
    await served.refresh();
    server.failing = true;
    served.kick();
    await clock.advance(3_000);
    expect(served.find('example.org/v1', 'Widget')).to.deep.equal(widgetOf('v1'));

    Object.assign(server, { failing: false, versions: ['v2'] });
    await clock.advance(90_000);

    expect(served.versionsOf('example.org', 'Widget')).to.deep.equal(['example.org/v2']);
  });
});
