import { expect } from 'chai';
import { ConfigMap } from '../../../src/framework';
import { IGNORE_FIELDS_ANNOTATION, MANAGED_BY_LABEL, MODE_ANNOTATION, PATCH_ANNOTATION } from '../../../src/platform/keys';
import { type BaselineStage, BaselineStages, type LiveGadget, specFields } from './baseline-stage';

describe('one object that others write too, on a real API server', () => {
  const stages = new BaselineStages();
  let stage: BaselineStage;

  before(() => stages.open());
  after(() => stages.close());
  beforeEach(async () => {
    stage = await stages.next();
  });
  afterEach(() => stage.close());

  describe('fields that are offered', () => {
    const fill = [
      ['spec', 'size'],
      ['spec', 'deep'],
      ['spec', 'defaulted'],
    ];
    const rules = { fill };

    it('are all set at creation', async () => {
      await stage.run(stage.gadget({ size: 1, defaulted: 'ours' }), { rules });
      expect(await stage.spec()).to.include({ size: 1, defaulted: 'ours' });
    });

    it('are left to whoever set them, leaf by leaf, defaults of the API included', async () => {
      await stage.applyAs('a-person', stage.gadget({ size: 9, deep: { inner: { one: 'theirs' } } }));
      await stage.run(stage.gadget({ size: 1, color: 'red', defaulted: 'ours', deep: { inner: { one: '1', two: '2' } } }), { rules });

      expect(await stage.spec()).to.deep.equal({
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

      expect(await stage.spec()).to.include({ size: 4 });
    });

    it('are forced where the user patched them', async () => {
      await stage.applyAs('a-person', stage.gadget({ size: 9 }));
      await stage.annotate({ [PATCH_ANNOTATION]: '[{"op":"replace","path":"/spec/size","value":3}]' });
      await stage.run(stage.gadget({ size: 1 }), { rules });

      expect(await stage.spec()).to.include({ size: 3 });
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
