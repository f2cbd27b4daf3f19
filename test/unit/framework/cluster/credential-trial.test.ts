import { expect } from 'chai';
import type { Cluster } from '../../../../src/framework/cluster/cluster';
import { keyOf } from '../../../../src/framework/kinds/object';
import type { FakeApiServer } from '../../../../src/framework/testing';
import { stall } from '../../../../src/framework/testing';
import type { FaultHandle } from '../../../../src/framework/testing/fake-api-server/faults/fault-plan';
import { aWidget, ClusterBench, INSECURE, TOKEN, Widget } from './cluster-bench';

/** Of the user who is let in with it. */
const [NEW, NEWER] = ['token-2', 'token-3'];

describe('another credential for the same server', () => {
  let bench: ClusterBench;
  let remote: FakeApiServer;
  let cluster: Cluster;
  /** Keys of the widgets whose events have come. */
  let seen: string[];

  const offer = (token: string, revision: string): Promise<Cluster> =>
    bench.registry.engage('a', remote.kubeconfig(token), { ...INSECURE, revision });
  const letIn = (token: string, name: string): void => remote.auth.addUser({ token, name });
  const used = (): string | undefined => cluster.revision;
  const problem = (): string | undefined => cluster.health.problem;
  /** A call that anybody may make, with whatever credential is in use. */
  const call = (): Promise<unknown> => cluster.client.find(Widget, 'ns/none').catch((error: unknown) => error);
  /** Versions that were asked for with a token that nobody knows have no user. */
  const asked = (user: string): number => remote.journal.entries({ user }).filter(({ path }) => path === '/version').length;
  const hang = (user: string, times: number): FaultHandle =>
    remote.faults.add({ on: { user, when: ({ path }) => path === '/version' }, do: stall(), times });
  /** A probe that took too long on a busy machine is made up for. */
  const untilReady = (): Promise<void> => bench.until('Ready', () => bench.state() === 'Ready');
  const untilWatched = async (name: string): Promise<void> => {
    remote.objects.create(Widget as never, aWidget(name));
    await bench.until(`${name} is seen`, () => seen.includes(`ns/${name}`));
  };
  /** A new credential whose trial gets no answer. */
  const hangingTrial = async (times = 1): Promise<FaultHandle> => {
    letIn(NEW, 'new');
    const fault = hang('new', times);
    await offer(NEW, 'new');
    await bench.untilAtOnce('it is being tried', () => fault.strikes === 1);
    return fault;
  };
  const refusedTrial = async (): Promise<void> => {
    await offer(NEW, 'new');
    await bench.untilAtOnce('it is refused', () => problem() !== undefined);
  };

  beforeEach(async () => {
    bench = await new ClusterBench().start();
    remote = await bench.server();
    letIn(TOKEN, 'old');
    seen = [];
    cluster = await offer(TOKEN, 'old');
    cluster.informers.ensure(Widget as never).subscribe(({ object }) => seen.push(keyOf(object)));
    await bench.until('widgets are listed and watched', () =>
      cluster.informers.list().every((informer) => informer.status().synced && informer.status().lastActivityMs !== undefined),
    );
  });

  afterEach(() => bench.stop());

  it('is used once the server has let it in, and nothing is listed anew', async () => {
    letIn(NEW, 'new');
    const [lists, watches] = [remote.journal.count({ verb: 'list' }), remote.journal.count({ verb: 'watch' })];
    await offer(NEW, 'new');
    expect(used(), 'it is tried first').to.equal('old');
    await bench.untilAtOnce('it is in use', () => used() === 'new');

    await call();
    expect(remote.journal.entries({ verb: 'get' }).at(-1)).to.include({ user: 'new', status: 404 });
    await untilWatched('later');
    expect(remote.journal.count({ verb: 'list' })).to.equal(lists);
    expect(remote.journal.count({ verb: 'watch' })).to.equal(watches);
    expect(cluster.health).to.include({ state: 'Ready', problem: undefined });
    expect(bench.changes).to.deep.equal(['engaged a', 'recovered a', 'judged a']);
  });

  it('leaves the one before in use when the server refuses it, and says so', async () => {
    await refusedTrial();

    expect(problem()).to.match(/^the cluster refuses the new credential, the one before stays in use: .*Unauthorized/);
    expect(problem()).to.not.include(NEW);
    expect(used()).to.equal('old');
    await call();
    expect(remote.journal.entries({ verb: 'get' }).at(-1)).to.include({ user: 'old', status: 404 });
    await untilWatched('later');
    expect(bench.state()).to.equal('Ready');
    expect(bench.changes).to.deep.equal(['engaged a', 'recovered a', 'judged a']);
  });

  it('is used without being offered again when the server, which refused it, comes to know it', async () => {
    await refusedTrial();
    letIn(NEW, 'new');
    await bench.until('it is in use', () => used() === 'new', { stepMs: 100 });

    expect(problem()).to.equal(undefined);
    expect(bench.changes).to.deep.equal(['engaged a', 'recovered a', 'judged a', 'judged a']);
  });

  it('is tried no more often than a connection is probed while it is refused', async () => {
    await refusedTrial();
    const before = asked('');
    await bench.goOn(90_000);

    // Each time with the credential read anew, too.
    expect(asked('') - before).to.be.within(2, 8);
    expect(bench.changes.filter((change) => change === 'judged a')).to.have.length(1);
  });

  it('is used untried when the one before is revoked while it is being tried', async () => {
    await hangingTrial();
    remote.auth.revoke(TOKEN);
    await call();
    await bench.untilAtOnce('it is in use', () => bench.state() === 'Ready' && used() === 'new');

    expect(bench.changes).to.deep.equal(['engaged a', 'recovered a', 'lost a', 'judged a', 'recovered a']);
  });

  it('that was refused is asked for at once when the one before is revoked', async () => {
    await refusedTrial();
    letIn(NEW, 'new');
    remote.auth.revoke(TOKEN);
    await call();
    await bench.untilAtOnce('it is in use', () => bench.state() === 'Ready' && used() === 'new');

    expect(problem()).to.equal(undefined);
    expect(bench.changes.at(-1)).to.equal('recovered a');
  });

  it('that was refused does not take the place of one that is refused for a while', async () => {
    await refusedTrial();
    remote.auth.revoke(TOKEN);
    const before = asked('');
    await call();
    await bench.untilAtOnce('it was asked for again', () => asked('') >= before + 2);
    await bench.goOn(1_000);
    expect(bench.state()).to.equal('AuthFailed');
    expect(bench.changes, 'what is told already is not told again').to.deep.equal(['engaged a', 'recovered a', 'judged a', 'lost a']);

    letIn(TOKEN, 'old');
    await bench.until('the one before works again', () => bench.state() === 'Ready', { stepMs: 100 });
    expect(used()).to.equal('old');
    expect(problem()).to.include('refuses the new credential');
  });

  it('is told not to be ready after two minutes without an answer, and used when one comes', async () => {
    const fault = await hangingTrial(1_000);
    await bench.until('it is told', () => problem() !== undefined, { stepMs: 100 });
    expect(bench.clock.monotonicMs()).to.be.at.least(120_000);
    expect(problem()).to.match(/^the new connection was not ready within 120 s: \S/);
    expect(used()).to.equal('old');
    await untilReady();

    fault.remove();
    await bench.until('it is in use', () => used() === 'new', { stepMs: 100 });
    expect(problem()).to.equal(undefined);
  });

  it('is used untried while the connection in use does not answer', async () => {
    letIn(NEW, 'new');
    await remote.pause();
    await bench.until('Unreachable', () => bench.state() === 'Unreachable', { stepMs: 500 });
    await offer(NEW, 'new');
    expect(used()).to.equal('new');

    await remote.resume();
    await bench.until('Ready', () => bench.state() === 'Ready', { stepMs: 100 });
    expect(used()).to.equal('new');
  });

  it('is tried no longer when a newer one is offered', async () => {
    const fault = await hangingTrial();
    letIn(NEWER, 'newer');
    await offer(NEWER, 'newer');
    await bench.untilAtOnce('the newer one is in use', () => used() === 'newer');
    fault.remove();
    await bench.goOn(130_000);

    expect(asked('new')).to.equal(1);
    expect([used(), problem()]).to.deep.equal(['newer', undefined]);
    await untilReady();
  });

  it('that was refused is forgotten when a newer one is offered', async () => {
    await refusedTrial();
    letIn(NEWER, 'newer');
    await offer(NEWER, 'newer');
    expect(problem()).to.equal(undefined);
    await bench.untilAtOnce('the newer one is in use', () => used() === 'newer');
    letIn(NEW, 'new');
    await bench.goOn(70_000);

    expect(asked('new')).to.equal(0);
    expect(used()).to.equal('newer');
  });

  it('is tried no longer when a kubeconfig comes that may not be used', async () => {
    await hangingTrial();
    await bench.registry.engage('a', 'nonsense: [', INSECURE);
    await bench.goOn(70_000);

    expect(asked('new')).to.equal(1);
    expect(used()).to.equal('old');
    expect(problem()).to.include('is not valid YAML');
    await untilReady();
  });

  for (const [what, begin] of [
    ['no answer', hangingTrial],
    ['a refusal', refusedTrial],
  ] as const) {
    it(`is left with its cluster, after ${what}`, async () => {
      await begin();
      await bench.registry.disengage('a');

      await bench.untilAtOnce('no socket is open', () => remote.openSockets === 0);
      expect(bench.clock.pendingTimers).to.equal(0);
      expect(bench.changes.at(-1)).to.equal('disengaged a');
    });
  }

  it('leaves nothing of its trial behind when it is used', async () => {
    letIn(NEW, 'new');
    await offer(NEW, 'new');
    await bench.untilAtOnce('it is in use', () => used() === 'new');
    await bench.untilAtOnce('the connection in use was asked, too', () => asked('new') === 2);
    await bench.registry.disengage('a');

    await bench.untilAtOnce('no socket is open', () => remote.openSockets === 0);
    expect(bench.clock.pendingTimers).to.equal(0);
  });
});
