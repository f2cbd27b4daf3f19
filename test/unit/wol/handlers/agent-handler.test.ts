import { expect } from 'chai';
import { DaemonSet } from '../../../../src/framework';
import { closeAtOnce, delayMs, status, type TestOperator } from '../../../../src/framework/testing';
import { AgentHandler } from '../../../../src/wol/handlers/agent-handler';
import { WolConfig } from '../../../../src/wol/wol-config';
import { endWorlds } from '../../framework/faults/world';
import { aWolWorld, NAMESPACE, type WolWorld } from './wol-world';

const keyOf = (config: string): string => `${NAMESPACE}/wol-agent-${config}`;

describe('the handler that deploys agents', () => {
  let world: WolWorld;
  let operator: TestOperator;

  beforeEach(async () => {
    world = await aWolWorld();
  });
  afterEach(endWorlds);

  const daemonSet = (config: string): DaemonSet | undefined => world.server.objects.get(DaemonSet, keyOf(config));
  const healthPort = (config: string): string | undefined => daemonSet(config)?.metadata?.annotations?.['wol.pillon.org/health-port'];

  it('resolves a health port that two configs have got because they were decided on at the same time', async () => {
    const { server } = world;
    server.objects.create(WolConfig, { metadata: { name: 'older' }, spec: { discoveryMode: 'Explicit' } });
    operator = await world.start([AgentHandler]);
    server.faults.add({ on: { verb: 'patch', kind: DaemonSet, name: 'wol-agent-younger' }, do: delayMs(5_000) });
    server.faults.add({ on: { verb: 'patch', kind: DaemonSet, name: 'wol-agent-older' }, do: delayMs(10_000) });

    await operator.advance(1_000);
    server.objects.create(WolConfig, { metadata: { name: 'younger' } });
    await operator.settle();
    server.objects.update(WolConfig, 'older', (config) => {
      config.spec = {};
    });
    await operator.settle();
    await operator.advance(30_000);

    expect([healthPort('older'), healthPort('younger')]).to.deep.equal(['8080', '8081']);
  });

  it('does not take a DaemonSet that somebody made while the manager did not look', async () => {
    const { server } = world;
    operator = await world.start([AgentHandler]);
    server.faults.add({ on: { verb: ['list', 'watch'], kind: DaemonSet }, do: status(503), times: Number.POSITIVE_INFINITY });
    server.faults.strike({ verb: 'watch', kind: DaemonSet }, closeAtOnce());
    const stranger = { name: 'wol-agent-lab', namespace: NAMESPACE, labels: { app: 'something-else' } };
    server.objects.create(DaemonSet, { metadata: stranger, spec: { selector: { matchLabels: { app: 'something-else' } } } });
    server.objects.create(WolConfig, { metadata: { name: 'lab' } });
    await operator.advance(10_000);

    expect(daemonSet('lab')?.spec).to.deep.equal({ selector: { matchLabels: { app: 'something-else' } } });
    expect(daemonSet('lab')?.metadata?.labels).to.deep.equal({ app: 'something-else' });
    expect(server.journal.entries({ resource: 'daemonsets', verb: 'patch' }), 'it tried').not.to.deep.equal([]);
  });

  it('writes each DaemonSet once, and nothing more however often it looks', async () => {
    const { server } = world;
    for (let n = 0; n < 20; n++) server.objects.create(WolConfig, { metadata: { name: `config-${n}` } });
    operator = await world.start([AgentHandler]);
    const writes = (): number => operator.writes().filter(({ resource, isDryRun }) => resource === 'daemonsets' && !isDryRun).length;
    expect(writes()).to.equal(20);
    expect(new Set(Array.from({ length: 20 }, (_, n) => healthPort(`config-${n}`))).size).to.equal(20);

    await operator.restart();
    await operator.advance(60_000);

    expect(writes()).to.equal(20);
  });

  it('comes to rest with settings of a namespace whose DaemonSets it does not see', async () => {
    const { server } = world;
    for (const name of ['one', 'other']) server.objects.create(WolConfig, { metadata: { name } });
    operator = await world.start([AgentHandler], {}, 'elsewhere');
    const asked = (): number => operator.writes().filter(({ resource }) => resource === 'daemonsets').length;
    await operator.advance(1_000);
    const before = asked();
    expect(before).to.be.at.least(2);

    await operator.advance(60_000);

    expect(asked()).to.equal(before);
  });

  it('tries a DaemonSet that was refused again, with growing pauses, without a change of the config', async () => {
    const { server } = world;
    const refusal = server.faults.add({ on: { verb: 'patch', kind: DaemonSet }, do: status(422), times: Number.POSITIVE_INFINITY });
    server.objects.create(WolConfig, { metadata: { name: 'lab' } });
    operator = await world.start([AgentHandler]);
    await operator.advance(120_000);
    expect(refusal.strikes).to.be.within(4, 20);

    refusal.remove();
    await operator.advance(300_000);

    expect(daemonSet('lab')).not.to.equal(undefined);
  });
});
