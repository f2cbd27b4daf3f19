import { expect } from 'chai';
import { ConfigMap, conditionOf } from 'virt-steward/framework';
import { FakeApiServer, FakeClock, TestOperator } from 'virt-steward/framework/testing';
import { WolConfig } from 'virt-steward/wol';
import { CONTACT } from './contact-handler';
import { operatorOptions, rights } from './operator';

const ENVIRONMENT = { GRPC_INSECURE: 'true', GRPC_BIND_ADDRESS: '127.0.0.1:0' };

describe('19-own-operator-package', () => {
  it('runs the added, the overridden and the inherited handlers on one WolConfig', async () => {
    const clock = new FakeClock();
    await using server = await FakeApiServer.start({ clock, kinds: [WolConfig] });
    server.objects.create(WolConfig, { metadata: { name: 'lab', annotations: { [CONTACT]: 'Ada' } }, spec: {} });
    server.objects.create(WolConfig, { metadata: { name: 'attic' }, spec: {} });
    // Everything but what TestOperator brings itself: the clock, the cluster and what is served.
    const { kubeConfig: _k, clock: _c, healthAddress: _h, leaderElection: _l, logger: _, ...options } = operatorOptions(ENVIRONMENT);
    await using _operator = await TestOperator.start({ ...options, server, clock });

    const [lab, attic] = ['lab', 'attic'].map((name) => server.objects.get(WolConfig, name)!);
    // Added:
    expect(server.objects.list(ConfigMap).map(({ data }) => data)).to.deep.equal([{ contact: 'nobody' }, { contact: 'Ada' }]);
    // Overridden:
    expect(conditionOf(lab!, 'Contactable')).to.include({ status: 'True', message: 'call Ada' });
    expect(conditionOf(attic!, 'Contactable')).to.include({ status: 'False', reason: 'NoContact' });
    // Inherited: `index` filled the wake map that the status is made of.
    expect(lab?.status).to.include({ managedVMs: 0 });
    expect(conditionOf(lab!, 'Ready')).to.not.equal(undefined);
  });

  it('asks for the rights of its own handlers, by their own names', () => {
    expect(rights(ENVIRONMENT))
      .to.include('DirectoryHandler: the directory of the help desk')
      .and.include('ContactHandler.reconcile: watch');
    expect(rights(ENVIRONMENT)).not.to.include('WolConfigHandler');
  });
});
