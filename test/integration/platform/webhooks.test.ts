import { expect } from 'chai';
import { AdmissionWebhook } from '../../harness/admission-webhook';
import { type BaselineStage, BaselineStages } from './baseline-stage';

const NAME = 'guard.example.org';
const MINUTE_MS = 60_000;

describe('one object behind a webhook of somebody else', () => {
  const stages = new BaselineStages();
  let stage: BaselineStage;
  let webhook: AdmissionWebhook;

  before(() => stages.open());
  after(() => stages.close());
  beforeEach(async () => {
    stage = await stages.next();
  });
  afterEach(async () => {
    await webhook[Symbol.asyncDispose]();
    stage.close();
  });

  const start = async (kind: 'Validating' | 'Mutating'): Promise<void> => {
    const { controlPlane, namespace } = stage;
    webhook = await AdmissionWebhook.start({ controlPlane, namespace, kind, name: NAME, group: 'example.org', resource: 'gadgets' });
    await webhook.until(probe, () => webhook.requests.length > 0);
    webhook.requests.length = 0;
  };
  /** A dry-run by somebody else. */
  const probe = (): Promise<{ readonly status: number; readonly body: unknown }> =>
    stage.controlPlane.request({
      ...{ method: 'POST', path: `/apis/example.org/v1/namespaces/${stage.namespace}/gadgets?dryRun=All` },
      body: { apiVersion: 'example.org/v1', kind: 'Gadget', metadata: { name: 'probe' }, spec: {} },
    });
  const drifted = async (): Promise<void> => {
    await stage.run(stage.gadget({ size: 1 }));
    await stage.mergeAs('a-person', { spec: { size: 2 } });
    webhook.requests.length = 0;
    stage.told();
  };
  const writes = (): number => webhook.requests.filter(({ dryRun }) => dryRun !== true).length;

  it('that refuses is told by its name and words, tried again with growing pauses, and left behind when it lets pass', async () => {
    await start('Validating');
    await drifted();
    webhook.answer = () => ({ allowed: false, message: 'not in office hours' });

    const first = await stage.run(stage.gadget({ size: 1 }));
    expect(first).to.include({ status: 'Rejected', compliance: 0, wrote: false, retryAfterMs: 1_000 });
    expect(first.message).to.contain(NAME).and.to.contain('not in office hours');
    expect(await stage.run(stage.gadget({ size: 1 }))).to.include({ status: 'Rejected', retryAfterMs: 2_000 });
    expect(writes()).to.equal(0);
    expect(await stage.spec()).to.include({ size: 2 });

    webhook.answer = () => ({ allowed: true });
    expect(await stage.run(stage.gadget({ size: 1 }))).to.include({ status: 'Applied', compliance: 1 });
    expect(await stage.spec()).to.include({ size: 1 });
  });

  it('that refuses dry-runs alone is not gone around, although a write would pass', async () => {
    await start('Validating');
    await drifted();
    webhook.answer = ({ dryRun }) => (dryRun === true ? { allowed: false, message: 'no rehearsals' } : { allowed: true });

    for (let round = 0; round < 3; round++) {
      expect(await stage.run(stage.gadget({ size: 1 }))).to.include({ status: 'Rejected', compliance: 0, wrote: false });
    }

    expect(writes()).to.equal(0);
    expect(await stage.spec()).to.include({ size: 2 });
  });

  it('that does not support dry-runs stands in the way of corrections, but not of creation', async () => {
    await start('Validating');
    await webhook.withSideEffects();
    await webhook.until(probe, (answer) => (answer as Awaited<ReturnType<typeof probe>>).status === 400);
    await drifted();

    const first = await stage.run(stage.gadget({ size: 1 }));
    expect(first).to.include({ status: 'DryRunUnsupported', compliance: 0, wrote: false, retryAfterMs: 1_000 });
    expect(first.message).to.contain(NAME).and.to.contain('does not support dry run');
    let retryAfterMs: number | undefined;
    for (let round = 0; round < 12; round++) ({ retryAfterMs } = await stage.run(stage.gadget({ size: 1 })));

    expect(retryAfterMs).to.equal(10 * MINUTE_MS);
    expect(webhook.requests).to.deep.equal([]);
    expect(await stage.spec()).to.include({ size: 2 });
    expect(stage.told().filter((reason) => reason === 'DriftDetected')).to.deep.equal([]);
  });

  it('that sets another value than ours is not fought with, and what it leaves is corrected', async () => {
    await start('Mutating');
    webhook.answer = () => ({ allowed: true, patch: [{ op: 'add', path: '/spec/color', value: 'theirs' }] });
    const gadget = () => stage.gadget({ size: 1, color: 'ours' });
    expect(await stage.run(gadget())).to.include({ status: 'Applied' });
    expect(await stage.spec()).to.include({ color: 'theirs' });
    const before = writes();
    const version = (await stage.live())?.metadata.resourceVersion;

    for (let round = 0; round < 10; round++) {
      expect(await stage.run(gadget(), { isFull: true })).to.include({ status: 'InSync', wrote: false });
    }
    expect(writes()).to.equal(before);
    expect((await stage.live())?.metadata.resourceVersion).to.equal(version);

    await stage.mergeAs('a-person', { spec: { size: 2 } });
    expect(await stage.run(gadget())).to.include({ status: 'Applied' });
    expect(await stage.spec()).to.include({ size: 1, color: 'theirs' });
  });
});
