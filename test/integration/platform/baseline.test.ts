import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { expect } from 'chai';
import { type ControlPlane, startControlPlane } from '../../../hack/control-plane';
import { ConfigMap, defineKind, type KubernetesObject } from '../../../src/framework';
import {
  IGNORE_FIELDS_ANNOTATION,
  MANAGED_BY_LABEL,
  MODE_ANNOTATION,
  PATCH_ANNOTATION,
  PAUSED_ANNOTATION,
} from '../../../src/platform/keys';
import { RolloutGate } from '../../../src/platform/rollout/rollout-gate';
import type { RolloutMode } from '../../../src/platform/rollout/rollout-mode';
import { AdminApi } from '../../harness/admin-api';
import { poll } from '../../harness/poll';
import { objectsIn, ROOT, type TestObject } from '../../harness/steward-cluster';
import { BaselineStage, type LiveGadget, type ManagedFields } from './baseline-stage';

const MINUTE_MS = 60_000;

describe('one object on a real API server', () => {
  let controlPlane: ControlPlane;
  let stage: BaselineStage;
  let count = 0;

  before(async () => {
    controlPlane = await startControlPlane();
    await BaselineStage.prepare(controlPlane);
  });
  after(() => controlPlane.stop());
  beforeEach(async () => {
    stage = await BaselineStage.set(controlPlane, `stage-${++count}`);
  });
  afterEach(() => stage.close());

  const specOf = async (): Promise<Record<string, unknown>> => (await stage.live())?.spec ?? {};
  const specFields = (entry: ManagedFields | undefined): object => (entry?.fieldsV1['f:spec'] ?? {}) as object;
  const annotationFields = (entry: ManagedFields | undefined): object =>
    ((entry?.fieldsV1['f:metadata'] as Record<string, object> | undefined)?.['f:annotations'] ?? {}) as object;

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
      expect(await specOf()).to.deep.equal({ size: 1, color: 'red', words: ['theirs'], defaulted: 'by the API' });
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
      expect(await specOf()).to.include({ size: 1 });
      expect(stage.told()).to.deep.equal(['AssetApplied']);
    });

    it('gives up a field that the catalog does not want any more', async () => {
      await stage.run(stage.gadget({ size: 1, color: 'red' }));
      await stage.run(stage.gadget({ size: 1 }));

      expect(await specOf()).not.to.have.property('color');
    });
  });

  describe('whose object it is', () => {
    it('is adopted when nobody says that it is his, and keeps its other labels and fields', async () => {
      await stage.applyAs('a-person', stage.gadget({ color: 'blue', size: 9 }, { labels: { team: 'a' } }));

      expect(await stage.run(stage.gadget({ size: 1 }))).to.include({ status: 'Applied' });
      expect(await specOf()).to.include({ color: 'blue', size: 1 });
      expect((await stage.live())?.metadata?.labels).to.deep.equal({ team: 'a', [MANAGED_BY_LABEL]: 'virt-steward' });
      expect(stage.told()).to.deep.equal(['DriftDetected', 'Adopted']);
    });

    it('is kept as it is when the asset takes over nothing', async () => {
      await stage.applyAs('a-person', stage.gadget({ size: 9 }));

      expect(await stage.run(stage.gadget({ size: 1 }), { rules: { adopt: 'never' } })).to.include({ status: 'Conflict', wrote: false });
      expect(await specOf()).to.include({ size: 9 });
      expect(stage.told()).to.deep.equal(['ExistingKept']);
    });

    it('is never touched with the label of another manager', async () => {
      await stage.applyAs('other', stage.gadget({ size: 9 }, { labels: { [MANAGED_BY_LABEL]: 'somebody-else' } }));

      expect(await stage.run(stage.gadget({ size: 1 }))).to.include({ status: 'ForeignManager', compliance: undefined });
      expect(await specOf()).to.include({ size: 9 });
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
      expect(await specOf()).to.include({ size: 1 });
    });
  });

  describe('a patch of the user', () => {
    const gadget = () => stage.gadget({ size: 1, color: 'red', words: ['a'] });
    const patch = (operations: unknown) => stage.annotate({ [PATCH_ANNOTATION]: JSON.stringify(operations) });

    it('changes what is wanted, and drift goes back to the patched value', async () => {
      await stage.run(gadget());
      await patch([{ op: 'replace', path: '/spec/size', value: 7 }]);
      stage.told();

      expect((await stage.run(gadget())).customizations).to.deep.equal({ patch: true, ignore: false, unmanaged: false });
      expect(await specOf()).to.include({ size: 7, color: 'red' });
      expect(stage.told()).to.deep.equal(['PatchApplied', 'DriftDetected', 'DriftCorrected']);
      await stage.mergeAs('rival', { spec: { size: 9 } });
      await stage.run(gadget());
      expect(await specOf()).to.include({ size: 7 });
      expect(annotationFields(await stage.entry('virt-steward'))).to.deep.equal({});
      expect(await stage.run(gadget())).to.include({ status: 'InSync' });
    });

    it('may add a field, which goes again with the patch', async () => {
      await stage.run(gadget());
      await patch([{ op: 'add', path: '/spec/checkInterval', value: '1s' }]);
      await stage.run(gadget());
      expect(specFields(await stage.entry('virt-steward'))).to.include.keys('f:checkInterval');
      await stage.annotate({ [PATCH_ANNOTATION]: null });
      await stage.run(gadget());

      expect(await specOf()).to.deep.equal({ size: 1, color: 'red', words: ['a'], defaulted: 'by the API' });
    });

    it('that is not valid holds the object: neither patched nor taken back, until it is corrected', async () => {
      await stage.run(gadget());
      await patch([{ op: 'replace', path: '/spec/size', value: 7 }]);
      await stage.run(gadget());
      await patch([{ op: 'replace', path: '/spec/gone', value: 7 }]);
      stage.told();

      expect(await stage.run(gadget())).to.include({ status: 'InvalidPatch', compliance: 0, wrote: false });
      await stage.mergeAs('rival', { spec: { color: 'blue' } });
      expect(await stage.run(gadget())).to.include({ status: 'InvalidPatch' });
      expect(await specOf()).to.include({ size: 7, color: 'blue' });
      expect(new Set(stage.told())).to.deep.equal(new Set(['InvalidPatch']));
      await stage.annotate({ [PATCH_ANNOTATION]: null });
      await stage.run(gadget());
      expect(await specOf()).to.include({ size: 1, color: 'red' });
    });

    const HOSTILE: readonly (readonly [string, string])[] = [
      ['the whole object', '[{"op":"replace","path":"","value":{"kind":"Secret"}}]'],
      ['a parent of the name', '[{"op":"replace","path":"/metadata","value":{"name":"b"}}]'],
      ['a path without a slash', '[{"op":"replace","path":"metadata/name","value":"b"}]'],
      ['the same member twice', '[{"op":"add","path":"/spec/color","path":"/metadata/name","value":"b"}]'],
      ['a move from a protected path', '[{"op":"move","from":"/metadata/name","path":"/spec/color"}]'],
      ['a copy to a protected path', '[{"op":"copy","from":"/spec/color","path":"/metadata/namespace"}]'],
      ['the prototype', '[{"op":"add","path":"/spec/__proto__/polluted","value":"x"}]'],
      ['the constructor', '[{"op":"add","path":"/constructor/prototype/polluted","value":"x"}]'],
      ['the status', '[{"op":"add","path":"/status","value":{}}]'],
      ['our label', `[{"op":"remove","path":"/metadata/labels/platform.kubevirt.io~1managed-by"}]`],
      ['our annotations', `[{"op":"add","path":"/metadata/annotations/platform.kubevirt.io~1mode","value":"unmanaged"}]`],
    ];
    for (const [what, text] of HOSTILE) {
      it(`that aims at ${what} changes nothing and is told`, async () => {
        await stage.run(gadget());
        await stage.annotate({ [PATCH_ANNOTATION]: text });
        const before = await stage.live();
        stage.told();

        expect(await stage.run(gadget())).to.include({ status: 'InvalidPatch', compliance: 0 });
        expect(await stage.live()).to.deep.equal(before);
        expect(stage.told()).to.deep.equal(['InvalidPatch']);
        expect(({} as Record<string, unknown>)['polluted']).to.equal(undefined);
      });
    }
  });

  describe('ignored fields', () => {
    const gadget = () => stage.gadget({ size: 1, color: 'red', deep: { inner: { one: '1', two: '2' } } });
    const ignore = (text: string | null) => stage.annotate({ [IGNORE_FIELDS_ANNOTATION]: text });

    it('are the user’s, while another field beside them is corrected', async () => {
      await stage.run(gadget());
      await ignore('/spec/size');
      await stage.mergeAs('a-person', { spec: { size: 5, color: 'blue' } });

      expect((await stage.run(gadget())).customizations).to.include({ ignore: true });
      expect(await specOf()).to.include({ size: 5, color: 'red' });
      expect(await stage.run(gadget())).to.include({ status: 'InSync' });
    });

    it('keep their value when we let go of them, and are then owned by nobody', async () => {
      await stage.run(gadget());
      await ignore('/spec/size,/spec/deep/inner/one');
      stage.told();
      await stage.run(gadget());

      expect(await specOf()).to.deep.include({ size: 1, deep: { inner: { one: '1', two: '2' } } });
      expect(specFields(await stage.entry('virt-steward'))).to.deep.equal({ 'f:color': {}, 'f:deep': { 'f:inner': { 'f:two': {} } } });
      expect(stage.told()).to.include('OwnershipReleased').and.not.to.include('DriftDetected');
      await stage.applyAs('a-person', stage.gadget({ size: 8 }));
      await stage.applyAs('a-person', stage.gadget({}));
      expect(await specOf(), 'the user can take away what he applied').not.to.have.property('size');
      expect(await stage.run(gadget())).to.include({ status: 'InSync' });
      expect(await specOf()).not.to.have.property('size');
    });

    it('keep their value also when nothing else of their parent is left to us', async () => {
      await stage.run(gadget());
      await ignore('/spec/deep/inner/one,/spec/deep/inner/two');
      await stage.run(gadget());

      expect(await specOf()).to.deep.include({ deep: { inner: { one: '1', two: '2' } } });
      expect(specFields(await stage.entry('virt-steward'))).to.have.all.keys('f:size', 'f:color');
    });

    it('come back when the pointer is removed', async () => {
      await stage.run(gadget());
      await ignore('/spec/size');
      await stage.run(gadget());
      await stage.mergeAs('a-person', { spec: { size: 5 } });
      await stage.run(gadget());
      await ignore(null);
      stage.told();
      await stage.run(gadget());

      expect(await specOf()).to.include({ size: 1 });
      expect(stage.told()).to.deep.equal(['DriftDetected', 'DriftCorrected']);
    });

    it('win over a patch of the same field', async () => {
      await stage.run(gadget());
      await stage.annotate({
        [PATCH_ANNOTATION]: '[{"op":"replace","path":"/spec/size","value":7}]',
        [IGNORE_FIELDS_ANNOTATION]: '/spec/size',
      });
      await stage.run(gadget());

      expect(await specOf()).to.include({ size: 1 });
    });

    it('that do not count are told, and the others count', async () => {
      await stage.run(gadget());
      await ignore('spec.color,/spec/size');
      await stage.mergeAs('a-person', { spec: { size: 5, color: 'blue' } });
      stage.events.length = 0;
      await stage.run(gadget());

      expect(await specOf()).to.include({ size: 5, color: 'red' });
      expect(stage.events.find((event) => event.startsWith('InvalidIgnoreFields'))).to.contain('/spec/color');
      await stage.run(gadget());
      expect(stage.told().filter((reason) => reason === 'InvalidIgnoreFields')).to.have.length(1);
    });
  });

  describe('fields that are offered', () => {
    const fill = [
      ['spec', 'size'],
      ['spec', 'deep'],
      ['spec', 'defaulted'],
    ];
    const rules = { fill };

    it('are all set at creation', async () => {
      await stage.run(stage.gadget({ size: 1, defaulted: 'ours' }), { rules });
      expect(await specOf()).to.include({ size: 1, defaulted: 'ours' });
    });

    it('are left to whoever set them, leaf by leaf, defaults of the API included', async () => {
      await stage.applyAs('a-person', stage.gadget({ size: 9, deep: { inner: { one: 'theirs' } } }));
      await stage.run(stage.gadget({ size: 1, color: 'red', defaulted: 'ours', deep: { inner: { one: '1', two: '2' } } }), { rules });

      expect(await specOf()).to.deep.equal({
        size: 9,
        color: 'red',
        defaulted: 'by the API',
        deep: { inner: { one: 'theirs', two: '2' } },
      });
      expect(specFields(await stage.entry('virt-steward'))).to.deep.equal({ 'f:color': {}, 'f:deep': { 'f:inner': { 'f:two': {} } } });
    });

    it('stay ours when we set them, until somebody else changes them', async () => {
      const gadget = stage.gadget({ size: 1 });
      await stage.run(gadget, { rules });
      expect(await stage.run(gadget, { rules })).to.include({ status: 'InSync' });
      await stage.mergeAs('a-person', { spec: { size: 4 } });
      await stage.run(gadget, { rules });

      expect(await specOf()).to.include({ size: 4 });
    });

    it('are forced where the user patched them', async () => {
      await stage.applyAs('a-person', stage.gadget({ size: 9 }));
      await stage.annotate({ [PATCH_ANNOTATION]: '[{"op":"replace","path":"/spec/size","value":3}]' });
      await stage.run(stage.gadget({ size: 1 }), { rules });

      expect(await specOf()).to.include({ size: 3 });
    });
  });

  describe('mode and pause', () => {
    const gadget = () => stage.gadget({ size: 1 });

    it('unmanaged is left alone, wholly, and taken up again when the annotation goes', async () => {
      await stage.run(gadget());
      await stage.annotate({ [MODE_ANNOTATION]: ' unmanaged ' });
      await stage.mergeAs('a-person', { spec: { size: 2 }, metadata: { labels: { [MANAGED_BY_LABEL]: null } } });
      stage.told();

      expect(await stage.run(gadget())).to.include({ status: 'Unmanaged', compliance: undefined, wrote: false });
      expect((await stage.run(gadget())).customizations).to.deep.include({ unmanaged: true });
      expect(stage.told()).to.deep.equal(['UnmanagedMode']);
      await stage.annotate({ [MODE_ANNOTATION]: null });
      await stage.run(gadget());
      expect(await specOf()).to.include({ size: 1 });
    });

    it('another mode is none, and told once', async () => {
      await stage.run(gadget());
      await stage.annotate({ [MODE_ANNOTATION]: 'Unmanaged' });
      await stage.mergeAs('a-person', { spec: { size: 2 } });
      stage.told();
      await stage.run(gadget());
      await stage.run(gadget());

      expect(await specOf()).to.include({ size: 1 });
      expect(stage.told().filter((reason) => reason === 'InvalidMode')).to.have.length(1);
    });

    it('a pause that the user sets stops everything', async () => {
      await stage.run(gadget());
      await stage.annotate({ [PAUSED_ANNOTATION]: 'true' });
      await stage.mergeAs('a-person', { spec: { size: 2 } });

      expect(await stage.run(gadget())).to.include({ status: 'Paused', isPaused: true, compliance: undefined, wrote: false });
      await stage.annotate({ [MODE_ANNOTATION]: 'unmanaged' });
      expect(await stage.run(gadget())).to.include({ status: 'Unmanaged', isPaused: false });
      expect(await specOf()).to.include({ size: 2 });
    });

    it('another value of the pause is none', async () => {
      await stage.run(gadget());
      await stage.annotate({ [PAUSED_ANNOTATION]: 'yes' });
      await stage.mergeAs('a-person', { spec: { size: 2 } });
      await stage.run(gadget());

      expect(await specOf()).to.include({ size: 1 });
    });
  });

  describe('the older operators', () => {
    const older = 'virt-platform-autopilot';
    const label = { [MANAGED_BY_LABEL]: older };

    it('hand over what they own, and none of the user’s annotations is lost', async () => {
      await stage.applyAs(
        older,
        stage.gadget(
          { size: 1, color: 'old', words: ['old'] },
          { labels: label, annotations: { [IGNORE_FIELDS_ANNOTATION]: '/spec/color', note: 'x' } },
        ),
      );
      await stage.annotate({ 'example.org/mine': 'yes' });

      expect(await stage.run(stage.gadget({ size: 1, color: 'new' }))).to.include({ status: 'Applied' });
      const live = (await stage.live())!;
      expect(live.metadata.annotations).to.deep.equal({ [IGNORE_FIELDS_ANNOTATION]: '/spec/color', 'example.org/mine': 'yes' });
      expect(live.spec).to.deep.equal({ size: 1, color: 'old', defaulted: 'by the API' });
      expect(live.metadata.labels).to.deep.equal({ [MANAGED_BY_LABEL]: 'virt-steward' });
      expect(live.metadata.managedFields.map(({ manager }) => manager)).not.to.include(older);
      expect(specFields(await stage.entry('virt-steward'))).to.deep.equal({ 'f:size': {} });
      expect(stage.told()).to.include('OwnershipMigrated');
      expect(await stage.run(stage.gadget({ size: 1, color: 'new' }))).to.include({ status: 'InSync' });
    });

    it('hand over what is only offered as well, unless somebody else has set it too', async () => {
      const rules = {
        fill: [
          ['spec', 'color'],
          ['spec', 'limits'],
        ],
      };
      const wanted = stage.gadget({ size: 1, color: 'new', limits: { memory: '2Gi', pods: 2 } });
      await stage.applyAs(older, stage.gadget({ size: 1, color: 'old', limits: { memory: '1Gi', pods: 1 } }, { labels: label }));
      await stage.applyAs('a-person', stage.gadget({ limits: { pods: 1 } }));
      await stage.run(wanted, { rules });

      const live = (await stage.live())!;
      expect(live.spec).to.deep.include({ color: 'new', limits: { memory: '2Gi', pods: 1 } });
      expect(specFields(await stage.entry('virt-steward'))).to.deep.equal({ 'f:color': {}, 'f:limits': { 'f:memory': {} }, 'f:size': {} });
      expect(await stage.run(wanted, { rules })).to.include({ status: 'InSync' });
    });

    it('hand over what they updated as well as what they applied, but no finalizer', async () => {
      await stage.applyAs('virt-platform-operator', stage.gadget({ size: 1 }, { labels: label }));
      await stage.mergeAs(older, { spec: { color: 'old' }, metadata: { finalizers: ['example.org/f'] } });
      await stage.run(stage.gadget({ size: 1 }));

      const live = (await stage.live())!;
      expect(live.spec).not.to.have.property('color');
      expect(live.metadata?.finalizers).to.deep.equal(['example.org/f']);
      expect(live.metadata.managedFields.map(({ manager }) => manager)).to.deep.equal(['virt-steward']);
    });
  });

  describe('an edit war', () => {
    const gadget = () => stage.gadget({ size: 1 });
    /** A rival that changes the size before each of our runs. */
    const fight = async (rounds: number, pauseMs: number): Promise<string[]> => {
      const statuses: string[] = [];
      for (let round = 0; round < rounds; round++) {
        await stage.mergeAs('rival', { spec: { size: 100 + round } });
        statuses.push((await stage.run(gadget())).status);
        await stage.clock.advance(pauseMs);
      }
      return statuses;
    };

    it('ends with one pause that names the rival, after which nothing is written until the annotation is removed', async () => {
      await stage.run(gadget());
      stage.events.length = 0;
      const statuses = await fight(10, 1_000);

      expect(statuses).to.deep.equal([...Array(4).fill('Applied'), 'Throttled', 'Throttled', 'Paused', 'Paused', 'Paused', 'Paused']);
      expect(stage.thrashing).to.equal(1);
      const thrashing = stage.events.filter((event) => event.startsWith('ThrashingDetected'));
      expect(thrashing).to.have.length(1);
      expect(thrashing[0]).to.contain('"rival" (Update)').and.to.contain('/spec/size');
      const live = (await stage.live())!;
      expect(live.metadata.annotations).to.deep.equal({ [PAUSED_ANNOTATION]: 'true' });
      expect(annotationFields(await stage.entry('virt-steward-pause'))).to.have.property(`f:${PAUSED_ANNOTATION}`);
      expect(live.spec).to.include({ size: 109 });

      stage.restart();
      expect(await stage.run(gadget())).to.include({ status: 'Paused' });
      await stage.annotate({ [PAUSED_ANNOTATION]: null });
      expect(await stage.run(gadget())).to.include({ status: 'Applied' });
      expect(await specOf()).to.include({ size: 1 });
    });

    it('is resumed with a full bucket in the same process', async () => {
      await stage.run(gadget());
      await fight(8, 1_000);
      await stage.annotate({ [PAUSED_ANNOTATION]: null });
      stage.told();

      expect(await fight(5, 1_000)).to.deep.equal(Array(5).fill('Applied'));
      expect(stage.told()[0]).to.equal('Resumed');
    });

    it('at twelve writes a minute is noticed as well', async () => {
      await stage.run(gadget());
      const statuses = await fight(20, 5_000);

      expect(statuses.at(-1)).to.equal('Paused');
      expect(stage.thrashing).to.equal(1);
    });

    it('is none when it is our own input that changes all the time', async () => {
      const statuses: string[] = [];
      for (let round = 0; round < 12; round++) statuses.push((await stage.run(stage.gadget({ size: round }))).status);

      expect(statuses).to.deep.equal([...Array(5).fill('Applied'), ...Array(7).fill('Throttled')]);
      expect(stage.thrashing).to.equal(0);
    });

    for (const [failure, why] of [
      ['refused', 'nobody may annotate this'],
      ['pruned', 'it was removed on the way'],
    ] as const) {
      it(`whose pause is ${failure} is held in memory for ten minutes, and then tried once more`, async () => {
        await stage.run(gadget());
        stage.pauseFailure = failure;
        stage.events.length = 0;
        await fight(7, 1_000);

        const held = await stage.run(gadget());
        expect(held).to.include({ status: 'Paused', isPaused: true, wrote: false });
        expect(held.retryAfterMs).to.be.within(1, 10 * MINUTE_MS);
        expect(stage.events.find((event) => event.includes('in memory'))).to.contain(why);
        await stage.clock.advance(10 * MINUTE_MS);
        stage.pauseFailure = undefined;
        expect(await stage.run(gadget())).to.include({ status: 'Paused', isPaused: true });
        expect((await stage.live())?.metadata.annotations).to.deep.equal({ [PAUSED_ANNOTATION]: 'true' });
        expect(stage.thrashing).to.equal(1);
      });
    }

    it('whose pause somebody removes again and again is held in memory as well', async () => {
      await stage.run(gadget());
      for (let round = 0; round < 4; round++) {
        await fight(8, 100);
        await stage.annotate({ [PAUSED_ANNOTATION]: null });
      }

      expect(stage.told().filter((reason) => reason === 'PauseContested')).to.have.length(1);
      expect(await stage.run(gadget())).to.include({ status: 'Paused', wrote: false });
      await stage.clock.advance(10 * MINUTE_MS);
      expect(await stage.run(gadget())).to.include({ status: 'Applied' });
    });

    it('that is slow is told as a contested field, without a pause', async () => {
      await stage.run(gadget());
      stage.told();
      await fight(11, 5 * MINUTE_MS);

      expect(stage.told().filter((reason) => reason === 'ContestedField')).to.have.length(1);
      expect((await stage.run(gadget())).isContested).to.equal(true);
      expect(stage.thrashing).to.equal(0);
    });
  });

  describe('what stands in the way', () => {
    it('a namespace that is missing takes no token, however often it is looked for', async () => {
      const lost = { ...stage.gadget({ size: 1 }), metadata: { name: 'a', namespace: 'nowhere' } };
      for (let i = 0; i < 20; i++) {
        expect(await stage.run(lost)).to.include({ status: 'NamespaceMissing', compliance: undefined });
        expect(await stage.run(lost, { namespaceState: () => 'absent' })).to.include({ status: 'NamespaceMissing' });
      }
      await stage.api.apply({ apiVersion: 'v1', kind: 'Namespace', metadata: { name: 'nowhere' } });
      expect(await stage.run(lost)).to.include({ status: 'Applied' });
    });

    it('a field that the schema does not declare is named, and nothing is written', async () => {
      const wrong = () => stage.gadget({ size: 1, unheard: 'of' });
      expect(await stage.run(wrong())).to.include({ status: 'SchemaMismatch', compliance: 0 });
      expect(await stage.live()).to.equal(undefined);
      await stage.run(stage.gadget({ size: 1 }));
      const outcome = await stage.run(wrong());

      expect(outcome).to.include({ status: 'SchemaMismatch', wrote: false });
      expect(outcome.message).to.contain('.spec.unheard');
      expect(await stage.run(stage.gadget({ size: 'large' }))).to.include({ status: 'SchemaMismatch' });
    });

    it('a patch that the schema does not allow is named as the reason, and so is each next one', async () => {
      await stage.run(stage.gadget({ size: 1 }));
      const messages: (string | undefined)[] = [];
      for (const path of ['/spec/unheard', '/spec/unknown']) {
        await stage.annotate({ [PATCH_ANNOTATION]: JSON.stringify([{ op: 'add', path, value: 1 }]) });
        stage.told();
        messages.push((await stage.run(stage.gadget({ size: 1 }))).message);
        expect(stage.told(), path).to.include('SchemaMismatch');
      }

      for (const message of messages) expect(message).to.contain(`the annotation ${PATCH_ANNOTATION} changes what is sent`);
      expect(messages[0]).to.contain('.spec.unheard');
      expect(messages[1]).to.contain('.spec.unknown');
    });

    it('an exclusion leaves the object untouched, and so do exclusions that cannot be read', async () => {
      await stage.run(stage.gadget({ size: 1 }));
      await stage.mergeAs('a-person', { spec: { size: 2 } });

      expect(await stage.run(stage.gadget({ size: 1 }), { exclusion: { kind: 'excluded' } })).to.include({
        status: 'Excluded',
        compliance: undefined,
      });
      expect(stage.calls).to.deep.equal([]);
      expect(await stage.run(stage.gadget({ size: 1 }), { exclusion: { kind: 'unknown', problem: 'x' } })).to.include({
        status: 'InvalidExclusions',
      });
      expect(await specOf()).to.include({ size: 2 });
    });

    it('a rollout that is not due holds a node-level write, and takes no token', async () => {
      stage.rollout = { open: false, reason: 'PoolUpdating', pool: 'worker' };
      const rules = { isNodeLevel: true };
      for (let i = 0; i < 10; i++) {
        expect(await stage.run(stage.gadget({ size: 1 }), { rules })).to.include({ status: 'RolloutPending', reason: 'PoolUpdating' });
      }
      stage.rollout = { open: true };
      expect(await stage.run(stage.gadget({ size: 1 }), { rules })).to.include({ status: 'Applied' });
    });

    it('a policy that refuses the write is told with its words, and tried again later', async () => {
      await installPolicy(stage);
      let outcome = await stage.run(stage.gadget({ size: 666 }));
      for (let i = 0; i < 100 && outcome.status === 'Applied'; i++) {
        await stage.delete();
        outcome = await stage.run(stage.gadget({ size: 666 }));
        await stage.clock.advance(MINUTE_MS);
      }

      expect(outcome).to.include({ status: 'Rejected', compliance: 0, retryAfterMs: 1_000 });
      expect(outcome.message).to.contain('no such size');
      expect((await stage.run(stage.gadget({ size: 666 }))).retryAfterMs).to.equal(2_000);
      expect(await stage.run(stage.gadget({ size: 1 }))).to.include({ status: 'Applied', compliance: 1 });
    });
    it('a webhook that sets another value than ours is not fought with: the dry-run shows that nothing would change', async () => {
      await installMutation(stage);
      const gadget = () => stage.gadget({ size: 1, color: 'ours' });
      await poll('the policy to be in force', async () => {
        await stage.clock.advance(MINUTE_MS);
        await stage.run(gadget());
        return (await specOf())['color'] === 'theirs' || void (await stage.delete());
      });
      const before = await stage.live();

      for (let round = 0; round < 10; round++) {
        expect(await stage.run(gadget(), { isFull: true })).to.include({ status: 'InSync', wrote: false });
      }
      expect(await stage.live()).to.deep.equal(before);
    });

    it('a webhook that does not answer is waited for, and told once it does not pass', async () => {
      await stage.run(stage.gadget({ size: 1 }));
      await stage.mergeAs('a-person', { spec: { size: 2 } });
      stage.told();
      const remove = await installDeadWebhook(stage);
      try {
        const first = await poll('the webhook to be in force', async () => {
          const outcome = await stage.run(stage.gadget({ size: 1, color: String(Math.random()) }));
          return outcome.status === 'Applied' ? false : outcome;
        });
        expect(first).to.include({ status: 'Transient', retryAfterMs: 1_000 });
        expect(await stage.run(stage.gadget({ size: 1 }))).to.include({ status: 'Transient', retryAfterMs: 2_000 });
        const third = await stage.run(stage.gadget({ size: 1 }));
        expect(third).to.include({ status: 'Transient', compliance: 0, retryAfterMs: 4_000 });
        expect(third.message).to.contain('gadgets.example.org');
        expect(stage.told().filter((reason) => reason === 'ApplyFailed')).to.have.length(1);
      } finally {
        await remove();
      }
      await stage.clock.advance(MINUTE_MS);
      await poll('the webhook to be gone', async () => (await stage.run(stage.gadget({ size: 1 }))).compliance === 1);
    });
  });

  describe('a MachineConfig', () => {
    const MachineConfig = defineKind('machineconfiguration.openshift.io/v1', 'MachineConfig', 'machineconfigs', { scope: 'Cluster' });
    const SCRIPT = '#!/bin/bash\\necho tune\\n'.repeat(50);
    const gzip = (text: string, level: number) => ({
      compression: 'gzip',
      source: `data:;base64,${gzipSync(text, { level }).toString('base64')}`,
    });
    const machineConfig = (contents: object, version = '3.2.0') => ({
      ...{ apiVersion: 'machineconfiguration.openshift.io/v1', kind: 'MachineConfig' },
      metadata: { name: `50-${stage.namespace}`, labels: { 'machineconfiguration.openshift.io/role': 'worker' } },
      spec: {
        config: { ignition: { version }, storage: { files: [{ path: '/usr/local/bin/tune', mode: 493, overwrite: true, contents }] } },
      },
    });
    const path = () => `/apis/machineconfiguration.openshift.io/v1/machineconfigs/50-${stage.namespace}`;
    const read = () => stage.api.ask<{ metadata: { generation: number; labels: Record<string, string> }; spec: unknown }>({ path: path() });
    const rules = { isNodeLevel: true };

    before(async () => {
      const file = join(ROOT, 'assets', 'crds', 'machine-config', 'machineconfigs.machineconfiguration.openshift.io.yaml');
      const [definition] = objectsIn(await readFile(file, 'utf8')) as [TestObject & { 'x-virt-steward-assumed'?: true }];
      delete definition['x-virt-steward-assumed'];
      const api = new AdminApi(controlPlane);
      await api.apply(definition);
      await api.waitForCondition(definition, 'Established');
    });

    it('of the older operator whose files hold the same bytes is taken over without a change of its spec', async () => {
      const theirs = machineConfig(gzip(SCRIPT, 1), '3.4.0');
      const applied = '?fieldManager=virt-platform-autopilot&force=true';
      await stage.api.ask({ method: 'PATCH', path: `${path()}${applied}`, body: theirs, contentType: 'application/apply-patch+yaml' });
      const before = await read();

      expect(await stage.run(machineConfig(gzip(SCRIPT, 9)), { kind: MachineConfig, rules })).to.include({ compliance: 1 });
      const after = await read();
      expect(after.spec).to.deep.equal(before.spec);
      expect(after.metadata.generation).to.equal(before.metadata.generation);
      expect(after.metadata.labels).to.include({ [MANAGED_BY_LABEL]: 'virt-steward' });
      for (let level = 1; level <= 9; level++) {
        expect(await stage.run(machineConfig(gzip(SCRIPT, level)), { kind: MachineConfig, rules })).to.include({
          status: 'InSync',
          wrote: false,
        });
      }
    });

    it('whose files really change is written, once its pool lets it', async () => {
      await stage.run(machineConfig(gzip(SCRIPT, 9)), { kind: MachineConfig, rules });
      const { metadata: before } = await read();
      stage.rollout = { open: false, reason: 'PoolDegraded', pool: 'worker' };
      const changed = machineConfig(gzip(`${SCRIPT}# more\\n`, 9));

      expect(await stage.run(changed, { kind: MachineConfig, rules })).to.include({ status: 'RolloutPending', reason: 'PoolDegraded' });
      expect((await read()).metadata.generation).to.equal(before.generation);
      stage.rollout = { open: true };
      expect(await stage.run(changed, { kind: MachineConfig, rules })).to.include({ status: 'Applied' });
      expect((await read()).metadata.generation).to.equal(before.generation + 1);
    });

    describe('beside others of its pool', () => {
      const names = ['first', 'second', 'third'];
      const pools = `/apis/machineconfiguration.openshift.io/v1/machineconfigpools`;
      let pool: KubernetesObject;
      let mode: RolloutMode;
      const configs = () =>
        names.map((name) => {
          const config = machineConfig(gzip(SCRIPT, 9));
          const labels = { 'machineconfiguration.openshift.io/role': stage.namespace };
          return { ...config, metadata: { name: `50-${stage.namespace}-${name}`, labels } };
        });
      const runAll = async (): Promise<string[]> => {
        const all: string[] = [];
        for (const [position, config] of configs().entries()) {
          const { status, reason = '' } = await stage.run(config, {
            key: config.metadata.name,
            kind: MachineConfig,
            rules: { ...rules, position },
          });
          all.push(reason === '' ? status : reason);
        }
        return all;
      };
      /** As the API server has it, told as the informer of the manager would. */
      const setPool = async (updatedMachineCount: number): Promise<void> => {
        const isUpdating = updatedMachineCount < 3;
        const status = { observedGeneration: 1, machineCount: 3, updatedMachineCount, conditions: conditionsOf(isUpdating) };
        const request = {
          method: 'PATCH',
          path: `${pools}/${stage.namespace}/status`,
          contentType: 'application/merge-patch+json',
        } as const;
        pool = await stage.api.ask<KubernetesObject>({ ...request, body: { status } });
        gate().observe(pool);
      };
      const gate = (): RolloutGate => stage.gate as RolloutGate;

      before(async () => {
        const file = join(ROOT, 'assets', 'crds', 'machine-config', 'machineconfigpools.machineconfiguration.openshift.io.yaml');
        const [definition] = objectsIn(await readFile(file, 'utf8')) as [TestObject & { 'x-virt-steward-assumed'?: true }];
        delete definition['x-virt-steward-assumed'];
        const api = new AdminApi(controlPlane);
        await api.apply(definition);
        await api.waitForCondition(definition, 'Established');
      });
      beforeEach(async () => {
        const machineConfigSelector = { matchLabels: { 'machineconfiguration.openshift.io/role': stage.namespace } };
        const metadata = { name: stage.namespace };
        const body = {
          apiVersion: 'machineconfiguration.openshift.io/v1',
          kind: 'MachineConfigPool',
          metadata,
          spec: { machineConfigSelector },
        };
        await stage.api.ask({ method: 'POST', path: pools, body });
        stage.gate = new RolloutGate({ clock: stage.clock, pools: () => [pool], mode: () => mode, isDecidedBefore: () => true });
        await setPool(1);
      });

      it('is written together with them in mode batch, and those that come too late wait for the next time', async () => {
        mode = 'batch';
        expect(await runAll()).to.deep.equal(['PoolUpdating', 'PoolUpdating', 'PoolUpdating']);
        await setPool(3);
        const late = names.pop()!;
        expect(await runAll()).to.deep.equal(['Applied', 'Applied']);
        await setPool(1);
        await stage.clock.advance(5_000);
        names.push(late);

        expect(await runAll()).to.deep.equal(['InSync', 'InSync', 'PoolUpdating']);
        await setPool(3);
        expect(await runAll()).to.deep.equal(['InSync', 'InSync', 'Applied']);
      });

      it('is written one after the other in mode serial, each after the pool has updated', async () => {
        mode = 'serial';
        await setPool(3);
        expect(await runAll()).to.deep.equal(['Applied', 'PoolSettling', 'PoolSettling']);
        await setPool(1);
        expect(await runAll()).to.deep.equal(['InSync', 'PoolUpdating', 'PoolUpdating']);
        await setPool(3);

        expect(await runAll()).to.deep.equal(['InSync', 'Applied', 'PoolSettling']);
      });
    });

    it('takes no patch, and says so', async () => {
      await stage.run(machineConfig(gzip(SCRIPT, 9)), { kind: MachineConfig, rules });
      const annotations = { [PATCH_ANNOTATION]: '[{"op":"replace","path":"/spec/config","value":{}}]' };
      await stage.api.ask({
        method: 'PATCH',
        path: path(),
        body: { metadata: { annotations } },
        contentType: 'application/merge-patch+json',
      });
      const outcome = await stage.run(machineConfig(gzip(SCRIPT, 9)), { kind: MachineConfig, rules });

      expect(outcome).to.include({ status: 'InvalidPatch', compliance: 0, wrote: false });
      expect(outcome.message).to.contain('takes no patch');
    });
  });

  describe('one text of an object that belongs to somebody else', () => {
    const map = (data: Record<string, string>) => ({
      apiVersion: 'v1',
      kind: 'ConfigMap',
      metadata: { name: 'theirs', namespace: stage.namespace },
      data,
    });
    const edit = (text: string) =>
      stage.run(map({ text }), {
        kind: ConfigMap,
        rules: { strategy: 'edit' },
        renderOver: async (live) => {
          const before = (live as ReturnType<typeof map>).data['text'] ?? '';
          if (before.includes('unreadable')) throw new Error('the text is no YAML');
          return map({ text: before.includes('ours') ? before : `${before}ours\n` });
        },
      });
    const read = async () => (await stage.api.get<ReturnType<typeof map> & { metadata: LiveGadget['metadata'] }>(map({})))!;

    it('is changed and nothing else of it, without a label of ours', async () => {
      await stage.api.apply(map({ text: '# a comment\ntheirs\n', other: 'x' }));
      expect(await edit('ours\n')).to.include({ status: 'Applied', compliance: 1 });

      const live = await read();
      expect(live.data).to.deep.equal({ text: '# a comment\ntheirs\nours\n', other: 'x' });
      expect(live.metadata).not.to.have.property('labels');
      expect(await edit('ours\n')).to.include({ status: 'InSync', wrote: false });
    });

    it('is created with our label where there is none', async () => {
      await edit('ours\n');

      const live = await read();
      expect(live.data).to.deep.equal({ text: 'ours\n' });
      expect(live.metadata.labels).to.deep.equal({ [MANAGED_BY_LABEL]: 'virt-steward' });
    });

    it('is left alone when it cannot be read, paused or unmanaged', async () => {
      await stage.api.apply(map({ text: 'unreadable' }));
      expect(await edit('ours\n')).to.include({ status: 'RenderFailed', compliance: 0, wrote: false });
      await stage.api.mergePatch(map({}), { data: { text: 'theirs' }, metadata: { annotations: { [MODE_ANNOTATION]: 'unmanaged' } } });

      expect(await edit('ours\n')).to.include({ status: 'Unmanaged' });
      expect((await read()).data).to.deep.equal({ text: 'theirs' });
    });
  });
});

function conditionsOf(isUpdating: boolean): object[] {
  const lastTransitionTime = '2026-01-01T00:00:00Z';
  return [
    { type: 'Updating', status: String(isUpdating), lastTransitionTime },
    { type: 'Updated', status: String(!isUpdating), lastTransitionTime },
  ].map((condition) => ({ ...condition, status: condition.status === 'true' ? 'True' : 'False' }));
}

async function installMutation({ api, namespace }: BaselineStage): Promise<void> {
  const root = '/apis/admissionregistration.k8s.io/v1';
  const apiVersion = 'admissionregistration.k8s.io/v1';
  const resourceRules = [{ apiGroups: ['example.org'], apiVersions: ['v1'], operations: ['CREATE', 'UPDATE'], resources: ['gadgets'] }];
  const namespaceSelector = { matchLabels: { 'kubernetes.io/metadata.name': namespace } };
  const mutations = [{ patchType: 'ApplyConfiguration', applyConfiguration: { expression: 'Object{spec: Object.spec{color: "theirs"}}' } }];
  const kind = 'MutatingAdmissionPolicy';
  const spec = { matchConstraints: { resourceRules, namespaceSelector }, reinvocationPolicy: 'Never', failurePolicy: 'Fail', mutations };
  const metadata = { name: namespace };
  await api.ask({ method: 'POST', path: `${root}/mutatingadmissionpolicies`, body: { apiVersion, kind, metadata, spec } });
  const body = { apiVersion, kind: `${kind}Binding`, metadata, spec: { policyName: namespace } };
  await api.ask({ method: 'POST', path: `${root}/mutatingadmissionpolicybindings`, body });
}

/** @returns removes it again. */
async function installDeadWebhook({ api, namespace, controlPlane }: BaselineStage): Promise<() => Promise<void>> {
  const path = '/apis/admissionregistration.k8s.io/v1/validatingwebhookconfigurations';
  const webhook = {
    name: 'gadgets.example.org',
    clientConfig: { url: 'https://127.0.0.1:1/' },
    rules: [{ apiGroups: ['example.org'], apiVersions: ['v1'], operations: ['CREATE', 'UPDATE'], resources: ['gadgets'] }],
    namespaceSelector: { matchLabels: { 'kubernetes.io/metadata.name': namespace } },
    ...{ sideEffects: 'None', admissionReviewVersions: ['v1'], failurePolicy: 'Fail', timeoutSeconds: 1 },
  };
  const body = {
    apiVersion: 'admissionregistration.k8s.io/v1',
    kind: 'ValidatingWebhookConfiguration',
    metadata: { name: namespace },
    webhooks: [webhook],
  };
  await api.ask({ method: 'POST', path, body });
  return async () => {
    await controlPlane.request({ method: 'DELETE', path: `${path}/${namespace}` });
  };
}

async function installPolicy({ api, namespace }: BaselineStage): Promise<void> {
  const root = '/apis/admissionregistration.k8s.io/v1';
  const metadata = { name: namespace };
  const kind = 'ValidatingAdmissionPolicy';
  const apiVersion = 'admissionregistration.k8s.io/v1';
  const rule = { apiGroups: ['example.org'], apiVersions: ['v1'], operations: ['CREATE', 'UPDATE'], resources: ['gadgets'] };
  const validations = [{ expression: 'object.spec.size != 666', message: 'no such size' }];
  await api.ask({
    method: 'POST',
    path: `${root}/validatingadmissionpolicies`,
    body: { apiVersion, kind, metadata, spec: { matchConstraints: { resourceRules: [rule] }, validations } },
  });
  const spec = { policyName: namespace, validationActions: ['Deny'] };
  await api.ask({
    method: 'POST',
    path: `${root}/validatingadmissionpolicybindings`,
    body: { apiVersion, kind: `${kind}Binding`, metadata, spec },
  });
}
