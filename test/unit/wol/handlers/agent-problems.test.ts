import { expect } from 'chai';
import { Handler, KubeClient, OnEvent, OnStartup } from '../../../../src/framework';
import type { TestOperator } from '../../../../src/framework/testing';
import type { AgentReport } from '../../../../src/wol/deployment/agent-problem';
import { AgentProblems } from '../../../../src/wol/handlers/agent-problems';
import { WolConfig } from '../../../../src/wol/wol-config';
import { endWorlds } from '../../framework/faults/world';
import { aWolWorld, type WolWorld } from './wol-world';

let problems: AgentProblems;
let client: KubeClient;

/** Gives the test what an operator holds. */
@Handler()
class Door {
  constructor(
    private readonly held: AgentProblems,
    private readonly heldClient: KubeClient,
  ) {}

  @OnStartup()
  open(): void {
    problems = this.held;
    client = this.heldClient;
  }

  @OnEvent(WolConfig)
  seen(): void {}
}

const report = (overrides: Partial<AgentReport> = {}): AgentReport => ({
  ...{ nodeName: 'n1', configName: 'lab', ports: [], rawError: '', healthError: '' },
  ...overrides,
});
const unbound = (node: string, error = 'EADDRINUSE'): AgentReport => report({ nodeName: node, ports: [{ port: 9, error }] });

describe('problems that agents report', () => {
  let world: WolWorld;
  let operator: TestOperator;

  beforeEach(async () => {
    world = await aWolWorld();
    world.server.objects.create(WolConfig, { metadata: { name: 'lab' } });
    operator = await world.start([Door]);
  });
  afterEach(endWorlds);

  const stored = (): WolConfig => world.server.objects.get(WolConfig, 'lab')!;
  const listed = (): string[] => (stored().status?.agentProblems ?? []).map(({ node, reason, message }) => `${node} ${reason} ${message}`);
  const tell = async (...reports: AgentReport[]): Promise<void> => {
    for (const one of reports) {
      await problems.report(one);
      await operator.settle();
    }
  };

  it('are listed by node, and go when the agent reports them solved', async () => {
    await tell(unbound('n1'), report({ nodeName: 'n2', rawError: 'EPERM' }));
    expect(listed()).to.deep.equal(['n1 BindFailed EADDRINUSE', 'n2 RawFailed EPERM']);

    await operator.advance(60_000);
    await tell(report({ nodeName: 'n1' }));

    expect(listed()).to.deep.equal(['n2 RawFailed EPERM']);
  });

  it('cost no write while they stay as they are, or while there is none', async () => {
    await tell(unbound('n1'));
    const writes = operator.writes().length;
    for (let minute = 0; minute < 5; minute++) {
      await operator.advance(60_000);
      await tell(unbound('n1'), report({ nodeName: 'n2' }));
    }

    expect(operator.writes()).to.have.length(writes);
  });

  it('keep the time of the first report while the reason stays', async () => {
    await tell(unbound('n1', 'EADDRINUSE'));
    const { since } = stored().status!.agentProblems![0]!;
    await operator.advance(60_000);
    await tell(unbound('n1', 'EACCES'));
    expect(stored().status!.agentProblems![0]).to.include({ since, message: 'EACCES' });

    await operator.advance(60_000);
    await tell(report({ rawError: 'EPERM' }));
    expect(stored().status!.agentProblems![0]!.since).not.to.equal(since);
  });

  it('are written at most once in ten seconds for a node, whatever it sends', async () => {
    const before = operator.writes().length;
    for (let n = 0; n < 50; n++) await tell(unbound('n1', `error ${n}`));

    expect(operator.writes().length - before).to.equal(1);
  });

  it('of the twenty-first node on are left out, and have room when another one is solved', async () => {
    await tell(...Array.from({ length: 25 }, (_, n) => unbound(`n${n}`)));
    expect(listed()).to.have.length(20);

    await operator.advance(60_000);
    await tell(report({ nodeName: 'n0' }), unbound('n24'));

    expect(listed()).to.have.length(20).and.to.include('n24 BindFailed EADDRINUSE');
  });

  it('of any number of nodes cost no more than 60 writes in ten seconds, also when they come at once', async () => {
    const asked = (): number => world.server.journal.entries({ resource: 'wolconfigs', verb: 'patch' }).length;
    await Promise.all(Array.from({ length: 500 }, (_, n) => problems.report(unbound(`n${n}`))));
    await operator.settle();

    expect(asked()).to.equal(60);
    expect(listed()).to.have.length(20);
  });

  it('of a config that does not exist are ignored', async () => {
    const before = operator.writes().length;
    await tell({ ...unbound('n1'), configName: 'nowhere' });

    expect(operator.writes()).to.have.length(before);
  });

  describe('once every agent is ready', () => {
    it('are removed when they have had time to show in the readiness of a pod', async () => {
      await tell(unbound('n1'));
      await operator.advance(50_000);
      await tell(unbound('n2'));
      await operator.advance(20_000);

      const { problems: left, waitMs } = await problems.clearDisproved(client, stored());
      await operator.settle();

      expect(listed()).to.deep.equal(['n2 BindFailed EADDRINUSE']);
      expect(left.map(({ node }) => node)).to.deep.equal(['n2']);
      expect(waitMs).to.equal(40_000);
    });

    it('stay when they are about Ethernet frames, without which an agent is ready, as long as frames are asked for', async () => {
      await tell(report({ rawError: 'EPERM' }));
      await operator.advance(70_000);
      const asking = { ...stored(), spec: { agent: { rawEthernet: true } } };

      expect(await problems.clearDisproved(client, asking)).to.deep.equal({ problems: stored().status!.agentProblems, waitMs: undefined });
      expect(await problems.clearDisproved(client, stored())).to.deep.equal({ problems: [], waitMs: undefined });
    });
  });
});
