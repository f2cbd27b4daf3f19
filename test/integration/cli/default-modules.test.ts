import { expect } from 'chai';
import { PATIENCE_MS, poll } from '../../harness/poll';
import { installCrds, StewardCluster } from '../../harness/steward-cluster';
import { type ManagerProcess, startManager } from '../../harness/steward-processes';

describe('a manager without --modules, on a cluster without KubeVirt, HyperConverged and the definitions of Machines', function () {
  this.timeout(4 * PATIENCE_MS);
  let cluster: StewardCluster;
  let manager: ManagerProcess;

  const untilSaid = (...all: readonly RegExp[]): Promise<string> => {
    let last = '';
    return poll(
      `/readyz?verbose to say ${all.join(' and ')}`,
      async () => {
        last = (await manager.health('/readyz?verbose')).text;
        return all.every((what) => what.test(last)) ? last : undefined;
      },
      { timeoutMs: PATIENCE_MS, onTimeout: () => `${last}\n${manager.process.log.slice(-4_000)}` },
    );
  };

  before(async function () {
    this.timeout(0);
    cluster = await StewardCluster.start({ kubevirt: false, definitions: 'wol.pillon.org' });
    manager = await startManager(cluster, { modules: false });
  });

  after(async () => {
    await manager?.process.stop();
    await cluster?.stop();
  });

  it('runs every module, is ready, and says what each waits for', async () => {
    const starting = await manager.process.until('say how it starts', () => manager.process.logLines('starting')[0]);
    expect(starting).to.deep.include({ modules: ['wol', 'platform', 'machines'] });

    // Each module says so once it has looked.
    await untilSaid(
      /virtualmachines\.kubevirt\.io/,
      /NoVirtualization/,
      /machines-api.+waits for vitistack\.io\/v1alpha1 machines, kubevirtconfigs, networkconfigurations/,
    );
    expect((await manager.health('/readyz')).status).to.equal(200);
  });

  it('logs no failure while it waits', () => {
    const failures = manager.process.log.split('\n').filter((line) => line.includes('"level":"error"'));

    expect(failures).to.deep.equal([]);
  });

  it('begins with Machines by itself once they are defined', async () => {
    await installCrds(cluster.api);

    const text = await untilSaid(/machines-api.+profile first/);
    expect(text).not.to.contain('waits for vitistack.io');
    await poll('the manager to be ready again', async () => (await manager.health('/readyz')).status === 200, {
      timeoutMs: PATIENCE_MS,
      onTimeout: () => text,
    });
  });
});
