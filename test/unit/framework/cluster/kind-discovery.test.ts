import { expect } from 'chai';
import { ApiKindDiscovery } from '../../../../src/framework/cluster/kind-discovery';
import { defineKind } from '../../../../src/framework/kinds/kind';
import { nullLogger } from '../../../../src/framework/logging/logger';
import { FakeClock } from '../../../../src/framework/testing/fake-clock';
import { ScriptedServer, statusError, Widget } from '../watch/scripted-server';

function bench(): { clock: FakeClock; server: ScriptedServer; discovery: ApiKindDiscovery } {
  const clock = new FakeClock();
  const server = new ScriptedServer();
  return { clock, server, discovery: new ApiKindDiscovery({ transport: server, clock, logger: nullLogger, random: () => 0.5 }) };
}

describe('kind discovery', () => {
  it('finds a kind by its plural, with the scope the cluster says', async () => {
    const { server, discovery } = bench();
    expect(await discovery.served(Widget)).to.deep.equal({ apiVersion: 'example.org/v1', scope: 'Namespaced' });
    const Gadget = defineKind('example.org/v1', 'Gadget', 'gadgets', { scope: 'Cluster' });
    expect(await discovery.served(Gadget)).to.equal(undefined);
    server.scope = 'Cluster';
    expect(await discovery.scopeProblem(Widget)).to.equal(
      'widgets.example.org is defined with scope Namespaced but the cluster serves it with scope Cluster',
    );
  });

  it('has no complaint about a scope that is right or a kind that is absent', async () => {
    const { server, discovery } = bench();
    expect(await discovery.scopeProblem(Widget)).to.equal(undefined);
    server.servedVersions = [];
    expect(await discovery.scopeProblem(Widget)).to.equal(undefined);
  });

  it('asks the core group under its own path', async () => {
    const { server, discovery } = bench();
    await discovery.served(defineKind('v1', 'Pod', 'pods', { scope: 'Namespaced' }));
    expect(server.requests('discovery')[0]?.path).to.equal('/api/v1');
  });

  it('does not take an unanswered question for absence', async () => {
    const { server, discovery } = bench();
    server.failNext('discovery', statusError(503, 'ServiceUnavailable'));
    const error = await discovery.served(Widget).catch((thrown: unknown) => thrown);
    expect(error).to.have.property('status', 503);
  });

  it('sends one request for questions that are asked at the same time, and a new one for the next', async () => {
    const { server, discovery } = bench();
    await Promise.all([discovery.served(Widget), discovery.served(Widget), discovery.served(Widget)]);
    expect(server.requests('discovery')).to.have.length(1);
    await discovery.served(Widget);
    expect(server.requests('discovery')).to.have.length(2);
  });

  it('stops waiting for one caller without harm to the others', async () => {
    const { discovery } = bench();
    const impatient = new AbortController();
    const first = discovery.served(Widget, impatient.signal).catch((reason: unknown) => reason);
    const second = discovery.served(Widget);
    impatient.abort('enough');
    expect(await first).to.equal('enough');
    expect(await second).to.have.property('apiVersion', 'example.org/v1');
  });

  it('polls after 5 s, half as long again each time, up to a minute', async () => {
    const { clock, server, discovery } = bench();
    server.servedVersions = [];
    discovery.whenServed(Widget, () => undefined);
    const times: number[] = [];
    for (let second = 0; second < 300; second++) {
      const before = server.requests('discovery').length;
      await clock.advance(1_000);
      if (server.requests('discovery').length > before) times.push(second + 1);
    }
    const gaps = times.map((at, i) => at - (times[i - 1] ?? 0));
    expect(gaps.slice(0, 6)).to.deep.equal([5, 8, 11, 17, 25, 38]);
    expect(Math.max(...gaps)).to.equal(60);
    discovery.stop();
  });

  it('tells once when the kind is served, and asks no more', async () => {
    const { clock, server, discovery } = bench();
    server.servedVersions = [];
    const told: string[] = [];
    discovery.whenServed(Widget, ({ apiVersion }) => told.push(apiVersion));
    await clock.advance(1_000);
    server.servedVersions = ['v1'];
    await clock.advance(120_000);

    expect(told).to.deep.equal(['example.org/v1']);
    expect(clock.pendingTimers).to.equal(0);
  });

  it('goes on polling when the server does not answer', async () => {
    const { clock, server, discovery } = bench();
    server.failNext('discovery', statusError(503, 'ServiceUnavailable'), 2);
    const told: string[] = [];
    discovery.whenServed(Widget, ({ apiVersion }) => told.push(apiVersion));
    await clock.advance(20_000);
    expect(told).to.have.length(1);
  });

  it('asks at once when kicked for this kind, and polls from the shortest pause again', async () => {
    const { clock, server, discovery } = bench();
    server.servedVersions = [];
    discovery.whenServed(Widget, () => undefined);
    await clock.advance(100_000);
    const asked = server.requests('discovery').length;

    discovery.kick('others.example.org');
    await clock.advance(0);
    expect(server.requests('discovery').length).to.equal(asked);
    discovery.kick('widgets.example.org');
    await clock.advance(0);
    expect(server.requests('discovery').length).to.equal(asked + 1);
    await clock.advance(5_000);
    expect(server.requests('discovery').length).to.equal(asked + 2);
    discovery.stop();
  });

  it('asks once more when kicked while an answer is under way that may be older than the change', async () => {
    const { clock, server, discovery } = bench();
    server.servedVersions = [];
    const told: string[] = [];
    discovery.whenServed(Widget, ({ apiVersion }) => told.push(apiVersion));
    server.servedVersions = ['v1'];
    discovery.kick();
    await clock.advance(0);
    expect(told).to.deep.equal(['example.org/v1']);
  });

  it('leaves nothing behind when a waiter leaves or discovery stops', async () => {
    const { clock, server, discovery } = bench();
    server.servedVersions = [];
    const told: string[] = [];
    const leave = discovery.whenServed(Widget, ({ apiVersion }) => told.push(apiVersion));
    await clock.advance(1_000);
    leave();
    expect(clock.pendingTimers).to.equal(0);
    discovery.whenServed(Widget, ({ apiVersion }) => told.push(apiVersion));
    await clock.advance(1_000);
    discovery.stop();
    expect(clock.pendingTimers).to.equal(0);
    server.servedVersions = ['v1'];
    await clock.advance(600_000);
    expect(told).to.deep.equal([]);
  });
});
