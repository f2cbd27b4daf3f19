import { expect } from 'chai';
import { MANAGED_BY_LABEL, PATCH_ANNOTATION } from '../../../src/platform/keys';
import { type BaselineStage, BaselineStages, specFields } from './baseline-stage';

const MINUTE_MS = 60_000;

describe('one object on a real API server', () => {
  const stages = new BaselineStages();
  let stage: BaselineStage;

  before(() => stages.open());
  after(() => stages.close());
  beforeEach(async () => {
    stage = await stages.next();
  });
  afterEach(() => stage.close());

  describe('creation and drift', () => {
    it('is created by server-side apply under our field manager, with our label', async () => {
      const outcome = await stage.run(stage.gadget({ size: 1 }));

      expect(outcome).to.include({ status: 'Applied', compliance: 1, wrote: true });
      const entry = await stage.entry('virt-steward');
      expect(entry).to.deep.include({ operation: 'Apply' });
      expect(entry?.fieldsV1).to.deep.equal({
        'f:metadata': { 'f:labels': { [`f:${MANAGED_BY_LABEL}`]: {} } },
        'f:spec': { 'f:size': {} },
      });
      expect(stage.told()).to.deep.equal(['AssetApplied']);
      expect(stage.calls).to.deep.equal(['get', 'apply']);
    });

    it('is left alone while it is as wanted, at the price of one read and one dry-run after a restart and of nothing later', async () => {
      const gadget = stage.gadget({ size: 1 });
      await stage.run(gadget);
      const before = await stage.live();
      stage.restart();
      stage.told();

      expect(await stage.run(gadget, { cached: before! })).to.include({ status: 'InSync', compliance: 1, wrote: false });
      expect(stage.calls).to.deep.equal(['get', 'dry-run']);
      expect(await stage.run(gadget, { cached: before! })).to.include({ status: 'InSync', compliance: 1 });
      expect(stage.calls).to.deep.equal([]);
      expect((await stage.live())?.metadata.resourceVersion).to.equal(before?.metadata.resourceVersion);
      expect(stage.told()).to.deep.equal([]);
    });

    it('costs nothing when only its status changes', async () => {
      const gadget = stage.gadget({ size: 1 });
      await stage.run(gadget);
      const cached = { ...(await stage.live())!, status: { phase: 'Ready' } };

      expect(await stage.run(gadget, { cached })).to.include({ status: 'InSync' });
      expect(stage.calls).to.deep.equal([]);
    });

    it('is looked at wholly at a resync', async () => {
      const gadget = stage.gadget({ size: 1 });
      await stage.run(gadget);
      await stage.run(gadget, { cached: (await stage.live())!, isFull: true });

      expect(stage.calls).to.deep.equal(['get', 'dry-run']);
    });

    it('gets back what somebody changed, by force, and keeps what is not ours', async () => {
      const gadget = stage.gadget({ size: 1, color: 'red' });
      await stage.run(gadget);
      await stage.applyAs('rival', stage.gadget({ size: 2, words: ['theirs'] }, { labels: { theirs: 'yes' } }));
      stage.told();

      expect(await stage.run(gadget)).to.include({ status: 'Applied', compliance: 1 });
      expect(await stage.spec()).to.deep.equal({ size: 1, color: 'red', words: ['theirs'], defaulted: 'by the API' });
      expect((await stage.live())?.metadata?.labels).to.include({ theirs: 'yes' });
      expect(stage.told()).to.deep.equal(['DriftDetected', 'DriftCorrected']);
      expect(specFields(await stage.entry('rival'))).to.deep.equal({ 'f:words': {} });
    });

    it('names what differs in the Event, and no value', async () => {
      const gadget = stage.gadget({ color: 'red' });
      await stage.run(gadget);
      await stage.mergeAs('rival', { spec: { color: 'secret-value' } });
      stage.events.length = 0;
      await stage.run(gadget);

      expect(stage.events[0]).to.contain('/spec/color').and.not.to.contain('secret-value');
    });

    it('does not drift by another way of writing a quantity or a duration', async () => {
      const gadget = stage.gadget({ limits: { memory: '1Gi' }, checkInterval: '90s' });
      await stage.run(gadget);
      await stage.mergeAs('rival', { spec: { limits: { memory: '1024Mi' }, checkInterval: '1m30s' } });
      // Ownership went with the change, so it is taken back; no value is anybody's mistake.
      stage.told();
      await stage.run(gadget);

      expect(stage.told()).to.deep.equal([]);
      expect(await stage.run(gadget)).to.include({ status: 'InSync' });
    });

    it('is created anew after somebody deleted it', async () => {
      const gadget = stage.gadget({ size: 1 });
      await stage.run(gadget);
      await stage.annotate({ [PATCH_ANNOTATION]: '[{"op":"replace","path":"/spec/size","value":5}]' });
      await stage.run(gadget);
      await stage.delete();
      stage.told();

      await stage.run(gadget);
      expect(await stage.spec()).to.include({ size: 1 });
      expect(stage.told()).to.deep.equal(['AssetApplied']);
    });

    it('gives up a field that the catalog does not want any more', async () => {
      await stage.run(stage.gadget({ size: 1, color: 'red' }));
      await stage.run(stage.gadget({ size: 1 }));

      expect(await stage.spec()).not.to.have.property('color');
    });
  });

  describe('whose object it is', () => {
    it('is adopted when nobody says that it is his, and keeps its other labels and fields', async () => {
      await stage.applyAs('a-person', stage.gadget({ color: 'blue', size: 9 }, { labels: { team: 'a' } }));

      expect(await stage.run(stage.gadget({ size: 1 }))).to.include({ status: 'Applied' });
      expect(await stage.spec()).to.include({ color: 'blue', size: 1 });
      expect((await stage.live())?.metadata?.labels).to.deep.equal({ team: 'a', [MANAGED_BY_LABEL]: 'virt-steward' });
      expect(stage.told()).to.deep.equal(['DriftDetected', 'Adopted']);
    });

    it('is kept as it is when the asset takes over nothing', async () => {
      await stage.applyAs('a-person', stage.gadget({ size: 9 }));

      expect(await stage.run(stage.gadget({ size: 1 }), { rules: { adopt: 'never' } })).to.include({ status: 'Conflict', wrote: false });
      expect(await stage.spec()).to.include({ size: 9 });
      expect(stage.told()).to.deep.equal(['ExistingKept']);
    });

    it('is never touched with the label of another manager', async () => {
      await stage.applyAs('other', stage.gadget({ size: 9 }, { labels: { [MANAGED_BY_LABEL]: 'somebody-else' } }));

      expect(await stage.run(stage.gadget({ size: 1 }))).to.include({ status: 'ForeignManager', compliance: undefined });
      expect(await stage.spec()).to.include({ size: 9 });
      expect(stage.told()).to.deep.equal(['ForeignManager']);
    });

    it('gets its label back when it was removed or changed', async () => {
      const gadget = stage.gadget({ size: 1 });
      await stage.run(gadget);
      for (const value of [null, 'somebody-else']) {
        await stage.mergeAs('a-person', { metadata: { labels: { [MANAGED_BY_LABEL]: value } } });
        expect(await stage.run(gadget)).to.include({ status: 'Applied' });
        expect((await stage.live())?.metadata?.labels).to.deep.equal({ [MANAGED_BY_LABEL]: 'virt-steward' });
      }
    });

    it('is only looked after when it exists, if the asset says so', async () => {
      expect(await stage.run(stage.gadget({ size: 1 }), { rules: { create: false } })).to.include({ status: 'TargetAbsent' });
      expect(await stage.live()).to.equal(undefined);
    });

    it('is not written while it is being deleted, and people are told after five minutes', async () => {
      const gadget = stage.gadget({ size: 1 });
      await stage.run(gadget);
      await stage.mergeAs('a-person', { metadata: { finalizers: ['example.org/wait'] }, spec: { size: 3 } });
      await stage.delete();
      stage.told();

      const cached = (await stage.live())!;
      expect(await stage.run(gadget, { cached })).to.include({ status: 'Terminating', retryAfterMs: 5 * MINUTE_MS, wrote: false });
      expect(await stage.run(gadget), 'no watch follows it').to.include({ status: 'Terminating', retryAfterMs: 30_000 });
      await stage.clock.advance(5 * MINUTE_MS);
      expect((await stage.run(gadget)).message).to.contain('example.org/wait');
      expect(stage.told()).to.deep.equal(['WaitingForDeletion']);
      await stage.mergeAs('a-person', { metadata: { finalizers: null } });
      expect(await stage.run(gadget)).to.include({ status: 'Applied' });
      expect(await stage.spec()).to.include({ size: 1 });
    });
  });
});
