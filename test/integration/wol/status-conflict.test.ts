import { expect } from 'chai';
import { HttpFaultProxy, stall, status } from '../../../src/framework/testing';
import { NAMESPACE, SERVICE_ACCOUNT, StewardCluster } from '../../harness/steward-cluster';
import { type ManagerProcess, startManager } from '../../harness/steward-processes';
import { aWolConfig } from '../../harness/virtual-machines';
import { untilStatus } from '../../harness/wol-objects';

const CONFIGS = '/apis/wol.pillon.org/v1beta1/wolconfigs/contended';

describe('a status write that meets a newer version of its WolConfig', () => {
  let cluster: StewardCluster;
  let proxy: HttpFaultProxy;
  let manager: ManagerProcess;

  before(async function () {
    this.timeout(0);
    cluster = await StewardCluster.start({ modules: 'wol', kubevirt: false });
    const { server, ca } = cluster.controlPlane;
    proxy = await HttpFaultProxy.start({ target: server, targetCa: ca });
    const token = await cluster.controlPlane.serviceAccountToken(NAMESPACE, SERVICE_ACCOUNT);
    manager = await startManager(cluster, { kubeconfig: cluster.controlPlane.writeFile('proxied.kubeconfig', proxy.kubeconfig(token)) });
  });

  after(async () => {
    await manager?.process.stop();
    await proxy?.stop();
    await cluster?.stop();
  });

  it('reads the config again through its status, and writes then', async () => {
    const seen: string[] = [];
    const observe = ({ method, path }: { method: string; path: string }): boolean => {
      if (path.startsWith(CONFIGS)) seen.push(`${method} ${path.slice(CONFIGS.length)}`);
      return false;
    };
    proxy.faults.add({ on: { when: observe }, do: stall() });
    const conflict = proxy.faults.add({ on: { verb: 'patch', subresource: 'status' }, do: status(409, { reason: 'Conflict' }) });

    await cluster.api.apply(aWolConfig('contended'));
    await untilStatus(cluster.api, 'contended', 'to be written', ({ observedGeneration }) => observedGeneration === 1);

    expect(conflict.strikes).to.equal(1);
    expect(seen.slice(0, 3)).to.deep.equal(['PATCH /status', 'GET /status', 'PATCH /status']);
  });
});
