import { expect } from 'chai';
import {
  IGNORE_FIELDS_ANNOTATION,
  MANAGED_BY_LABEL,
  MODE_ANNOTATION,
  PATCH_ANNOTATION,
  PAUSED_ANNOTATION,
} from '../../../src/platform/keys';
import { annotationFields, type BaselineStage, BaselineStages, specFields } from './baseline-stage';

describe('overrides of one object on a real API server', () => {
  const stages = new BaselineStages();
  let stage: BaselineStage;

  before(() => stages.open());
  after(() => stages.close());
  beforeEach(async () => {
    stage = await stages.next();
  });
  afterEach(() => stage.close());

  describe('a patch of the user', () => {
    const gadget = () => stage.gadget({ size: 1, color: 'red', words: ['a'] });
    const patch = (operations: unknown) => stage.annotate({ [PATCH_ANNOTATION]: JSON.stringify(operations) });

    it('changes what is wanted, and drift goes back to the patched value', async () => {
      await stage.run(gadget());
      await patch([{ op: 'replace', path: '/spec/size', value: 7 }]);
      stage.told();

      expect((await stage.run(gadget())).customizations).to.deep.equal({ patch: true, ignore: false, unmanaged: false });
      expect(await stage.spec()).to.include({ size: 7, color: 'red' });
      expect(stage.told()).to.deep.equal(['PatchApplied', 'DriftDetected', 'DriftCorrected']);
      await stage.mergeAs('rival', { spec: { size: 9 } });
      await stage.run(gadget());
      expect(await stage.spec()).to.include({ size: 7 });
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

      expect(await stage.spec()).to.deep.equal({ size: 1, color: 'red', words: ['a'], defaulted: 'by the API' });
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
      expect(await stage.spec()).to.include({ size: 7, color: 'blue' });
      expect(new Set(stage.told())).to.deep.equal(new Set(['InvalidPatch']));
      await stage.annotate({ [PATCH_ANNOTATION]: null });
      await stage.run(gadget());
      expect(await stage.spec()).to.include({ size: 1, color: 'red' });
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
      expect(await stage.spec()).to.include({ size: 5, color: 'red' });
      expect(await stage.run(gadget())).to.include({ status: 'InSync' });
    });

    it('keep their value when we let go of them, and are then owned by nobody', async () => {
      await stage.run(gadget());
      await ignore('/spec/size,/spec/deep/inner/one');
      stage.told();
      await stage.run(gadget());

      expect(await stage.spec()).to.deep.include({ size: 1, deep: { inner: { one: '1', two: '2' } } });
      expect(specFields(await stage.entry('virt-steward'))).to.deep.equal({ 'f:color': {}, 'f:deep': { 'f:inner': { 'f:two': {} } } });
      expect(stage.told()).to.include('OwnershipReleased').and.not.to.include('DriftDetected');
      await stage.applyAs('a-person', stage.gadget({ size: 8 }));
      await stage.applyAs('a-person', stage.gadget({}));
      expect(await stage.spec(), 'the user can take away what he applied').not.to.have.property('size');
      expect(await stage.run(gadget())).to.include({ status: 'InSync' });
      expect(await stage.spec()).not.to.have.property('size');
    });

    it('keep their value also when nothing else of their parent is left to us', async () => {
      await stage.run(gadget());
      await ignore('/spec/deep/inner/one,/spec/deep/inner/two');
      await stage.run(gadget());

      expect(await stage.spec()).to.deep.include({ deep: { inner: { one: '1', two: '2' } } });
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

      expect(await stage.spec()).to.include({ size: 1 });
      expect(stage.told()).to.deep.equal(['DriftDetected', 'DriftCorrected']);
    });

    it('win over a patch of the same field', async () => {
      await stage.run(gadget());
      await stage.annotate({
        [PATCH_ANNOTATION]: '[{"op":"replace","path":"/spec/size","value":7}]',
        [IGNORE_FIELDS_ANNOTATION]: '/spec/size',
      });
      await stage.run(gadget());

      expect(await stage.spec()).to.include({ size: 1 });
    });

    it('that do not count are told, and the others count', async () => {
      await stage.run(gadget());
      await ignore('spec.color,/spec/size');
      await stage.mergeAs('a-person', { spec: { size: 5, color: 'blue' } });
      stage.events.length = 0;
      await stage.run(gadget());

      expect(await stage.spec()).to.include({ size: 5, color: 'red' });
      expect(stage.events.find((event) => event.startsWith('InvalidIgnoreFields'))).to.contain('/spec/color');
      await stage.run(gadget());
      expect(stage.told().filter((reason) => reason === 'InvalidIgnoreFields')).to.have.length(1);
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
      expect(await stage.spec()).to.include({ size: 1 });
    });

    it('another mode is none, and told once', async () => {
      await stage.run(gadget());
      await stage.annotate({ [MODE_ANNOTATION]: 'Unmanaged' });
      await stage.mergeAs('a-person', { spec: { size: 2 } });
      stage.told();
      await stage.run(gadget());
      await stage.run(gadget());

      expect(await stage.spec()).to.include({ size: 1 });
      expect(stage.told().filter((reason) => reason === 'InvalidMode')).to.have.length(1);
    });

    it('a pause that the user sets stops everything', async () => {
      await stage.run(gadget());
      await stage.annotate({ [PAUSED_ANNOTATION]: 'true' });
      await stage.mergeAs('a-person', { spec: { size: 2 } });

      expect(await stage.run(gadget())).to.include({ status: 'Paused', isPaused: true, compliance: undefined, wrote: false });
      await stage.annotate({ [MODE_ANNOTATION]: 'unmanaged' });
      expect(await stage.run(gadget())).to.include({ status: 'Unmanaged', isPaused: false });
      expect(await stage.spec()).to.include({ size: 2 });
    });

    it('another value of the pause is none', async () => {
      await stage.run(gadget());
      await stage.annotate({ [PAUSED_ANNOTATION]: 'yes' });
      await stage.mergeAs('a-person', { spec: { size: 2 } });
      await stage.run(gadget());

      expect(await stage.spec()).to.include({ size: 1 });
    });
  });
});
