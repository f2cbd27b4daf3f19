import { expect } from 'chai';
import { conditionOf } from 'virt-steward/framework';
import { FakeApiServer, FakeClock, TestOperator } from 'virt-steward/framework/testing';
import { WolConfig } from 'virt-steward/wol';
import { handlers, options } from './handler';

describe('16-subclass-a-shipped-handler', () => {
  it('does what the shipped handler does, once, and adds a condition of its own', async () => {
    const clock = new FakeClock();
    await using server = await FakeApiServer.start({ clock, crdFiles: ['crds/wol.pillon.org_wolconfigs.yaml'] });
    server.objects.create(WolConfig, { metadata: { name: 'lab', annotations: { 'example.org/team': 'green' } } });
    server.objects.create(WolConfig, { metadata: { name: 'office' } });
    await using operator = await TestOperator.start({ handlers, server, clock, ...options });

    const conditions = (name: string, type: string) => conditionOf(server.objects.get(WolConfig, name) ?? {}, type);
    expect(conditions('lab', 'TeamKnown')).to.include({ status: 'True', message: 'green' });
    expect(conditions('office', 'TeamKnown')).to.include({ status: 'False', reason: 'NoTeam' });
    expect(conditions('office', 'Ready')).to.not.equal(undefined);
    const controllers = operator.key(WolConfig, 'lab').history.map(({ controller }) => controller);
    expect(controllers).to.include('TeamWolConfigHandler.reconcile').and.not.include('WolConfigHandler.reconcile');
  });
});
