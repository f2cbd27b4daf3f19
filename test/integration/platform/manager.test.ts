import { expect } from 'chai';
import { MANAGED_BY_LABEL, PATCH_ANNOTATION } from '../../../src/platform/keys';
import { poll } from '../../harness/poll';
import { NAMESPACE } from '../../harness/steward-cluster';
import { type LiveObject, PlatformStage } from './platform-stage';

const asset = (header: string, object: string): string => `asset:\n${header.replace(/^/gm, '  ')}\n---\n${object}`;
const configMap = (name: string, data: string, namespace = 'default'): string =>
  `apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: ${name}\n  namespace: ${namespace}\ndata:\n  ${data}\n`;

const expression = (text: string): string => `$\{ ${text} }`;
const ITEM = expression('item');

const CATALOG = {
  'golden.yaml': asset(
    'name: golden\norder: 0\ncreate: false\nrequires: ["feature:hco"]\napiVersions: [hco.kubevirt.io/v1]\nfill: [/spec/virtualization/vmiCPUAllocationRatio]',
    `apiVersion: hco.kubevirt.io/v1\nkind: HyperConverged\nmetadata:\n  name: kubevirt-hyperconverged\n  namespace: ${expression('settings.namespace')}\n  annotations:\n    platform.kubevirt.io/version: ${expression('operator.catalogVersion')}\n`,
  ),
  'plain.yaml': asset('name: plain', configMap('plain', 'key: value')),
  'optional.yaml': asset(
    'name: optional\ninstall: opt-in\nswitch: optional',
    configMap('optional', `size: ${expression('option("size", "1")')}`),
  ),
  'account.yaml': asset('name: account', 'apiVersion: v1\nkind: ServiceAccount\nmetadata:\n  name: helper\n  namespace: default\n'),
  'late.yaml': asset('name: late', configMap('late', 'key: value', 'late')),
  'descheduler.yaml': asset(
    'name: descheduler',
    'apiVersion: operator.openshift.io/v1\nkind: KubeDescheduler\nmetadata:\n  name: cluster\n  namespace: default\nspec:\n  deschedulingIntervalSeconds: 60\n',
  ),
  'each.yaml': asset('name: each\nforEach: parseList(option("sizes", "small,large"))', configMap(`each-${ITEM}`, `size: ${ITEM}`)),
};

const map = (name: string, namespace = 'default') => ({ apiVersion: 'v1', kind: 'ConfigMap', metadata: { name, namespace } });
const DESCHEDULER = {
  apiVersion: 'operator.openshift.io/v1',
  kind: 'KubeDescheduler',
  metadata: { name: 'cluster', namespace: 'default' },
};

describe('the manager with the platform module', () => {
  let stage: PlatformStage;

  before(async () => {
    stage = await PlatformStage.set({ catalog: CATALOG });
    await stage.startManager();
  });
  after(() => stage?.end());

  it('applies nothing without an anchor', async () => {
    await poll('the module to be ready', async () => (await stage.manager!.health('/readyz?verbose')).text.includes('HcoAbsent'));

    expect(await stage.get(map('plain'))).to.equal(undefined);
  });

  it('applies its catalog as soon as there is one, by server-side apply and with its label', async () => {
    await stage.anchor();
    const plain = await stage.until('the asset is there', map('plain'), () => true);

    expect(plain.data).to.deep.equal({ key: 'value' });
    expect(plain.metadata.labels).to.deep.equal({ [MANAGED_BY_LABEL]: 'virt-steward' });
    expect(plain.metadata.managedFields.map(({ manager, operation }) => [manager, operation])).to.deep.equal([['virt-steward', 'Apply']]);
    await stage.until(
      'a built-in kind is there',
      { apiVersion: 'v1', kind: 'ServiceAccount', metadata: { name: 'helper', namespace: 'default' } },
      () => true,
    );
    await stage.until(
      'the anchor has the version',
      stage.hco,
      ({ metadata }) => metadata.annotations?.['platform.kubevirt.io/version'] === '1.0.0',
    );
    await stage.untilEvent('AssetApplied', 'ConfigMap default/plain');
    await poll('the row of what nobody has switched on', async () => (await stage.status()).includes('optional:'));
    expect(await stage.get(map('optional'))).to.equal(undefined);
  });

  it('makes one object for each element of a list, and follows the list', async () => {
    await stage.until('the small one', map('each-small'), () => true);
    await stage.until('the large one', map('each-large'), () => true);
    await stage.anchor({ 'platform.kubevirt.io/sizes': 'small,huge' });

    await stage.until('the huge one', map('each-huge'), ({ data }) => data?.['size'] === 'huge');
  });

  it('sets a changed object back, also one of a built-in kind, and tells about it', async () => {
    await stage.merge(map('plain'), { data: { key: 'other', more: 'theirs' } });
    const plain = await stage.until('the value is back', map('plain'), ({ data }) => data?.['key'] === 'value');

    expect(plain.data).to.deep.equal({ key: 'value', more: 'theirs' });
    await stage.untilEvent('DriftCorrected', 'ConfigMap default/plain');
    await poll('compliance', async () => (await stage.metric('compliance_status{kind="ConfigMap",name="plain"')) === '1');
  });

  it('creates a deleted object anew, and puts back its label', async () => {
    const before = (await stage.get(map('plain')))!;
    await stage.delete(map('plain'));
    await stage.until('another one is there', map('plain'), ({ metadata }) => metadata.uid !== before.metadata.uid);
    await stage.merge(map('plain'), { metadata: { labels: { [MANAGED_BY_LABEL]: null } } });

    await stage.until('the label is back', map('plain'), ({ metadata }) => metadata.labels?.[MANAGED_BY_LABEL] === 'virt-steward');
  });

  it('follows switches and options of the anchor', async () => {
    await stage.anchor({ 'platform.kubevirt.io/enable-optional': 'true', 'platform.kubevirt.io/size': '7' });
    await stage.until('the size', map('optional'), ({ data }) => data?.['size'] === '7');
    await stage.anchor({ 'platform.kubevirt.io/size': '8' });
    await stage.until('the new size', map('optional'), ({ data }) => data?.['size'] === '8');
    await stage.anchor({ 'platform.kubevirt.io/enable-optional': null });
    await stage.untilEvent('AssetSkipped', 'optional');
    await stage.untilEvent('OrphansPresent', '/ConfigMap/default/optional');

    expect(await stage.get(map('optional'))).not.to.equal(undefined);
  });

  it('respects a patch of the user, and excludes what the administrator excludes', async () => {
    await stage.merge(map('plain'), {
      metadata: { annotations: { [PATCH_ANNOTATION]: '[{"op":"replace","path":"/data/key","value":"mine"}]' } },
    });
    await stage.until('the patched value', map('plain'), ({ data }) => data?.['key'] === 'mine');
    await stage.anchor({ 'platform.kubevirt.io/disabled-resources': '- {kind: ConfigMap, name: pl*}' });
    await poll('the exclusion', async () => (await stage.status()).includes('EXCLUDED'));
    await stage.merge(map('plain'), { metadata: { annotations: { [PATCH_ANNOTATION]: null } } });
    await stage.anchor({ 'platform.kubevirt.io/disabled-resources': null });

    await stage.until('the value of the catalog', map('plain'), ({ data }) => data?.['key'] === 'value');
  });

  it('waits for a namespace and writes when it comes', async () => {
    await stage.untilEvent('NamespaceMissing', 'late');
    await stage.cluster.api.apply({ apiVersion: 'v1', kind: 'Namespace', metadata: { name: 'late' } });

    await stage.until('the object', map('late', 'late'), () => true);
  });

  it('begins with a kind when its definition appears, and again when it comes back, without a restart', async () => {
    await stage.untilEvent('CRDMissing', 'KubeDescheduler');
    for (let round = 0; round < 2; round++) {
      await stage.define('descheduler/kubedeschedulers.operator.openshift.io.yaml');
      await stage.until('the object', DESCHEDULER, ({ spec }) => spec?.['deschedulingIntervalSeconds'] === 60);
      await stage.merge(DESCHEDULER, { spec: { deschedulingIntervalSeconds: 5 } });
      await stage.until('the value is back', DESCHEDULER, ({ spec }) => spec?.['deschedulingIntervalSeconds'] === 60);
      await poll('the kind to be missed no more', async () => !(await stage.status()).includes('CRDMissing'));
      const name = 'kubedeschedulers.operator.openshift.io';
      const definition = { apiVersion: 'apiextensions.k8s.io/v1', kind: 'CustomResourceDefinition', metadata: { name } };
      await stage.cluster.api.delete(definition);
      await poll('the definition to be gone', async () => (await stage.cluster.api.get(definition)) === undefined);
      await poll('the kind to be missed', async () => (await stage.status()).includes('CRDMissing'));
    }
    await stage.untilEvent('CRDDiscovered', 'KubeDescheduler');
  });

  it('writes nothing and asks nothing while everything is as it should be, and nothing after a restart', async () => {
    const objects = [map('plain'), map('late', 'late'), stage.hco];
    const versions = async (): Promise<(string | undefined)[]> =>
      Promise.all(objects.map(async (one) => (await stage.get(one))?.metadata.resourceVersion));
    const before = await versions();
    await stage.stopManager();
    await stage.startManager();
    for (const one of objects) {
      const figure = `compliance_status{kind="${one.kind}",name="${one.metadata.name}"`;
      await poll(`${one.kind} ${one.metadata.name} to be in sync`, async () => (await stage.metric(figure)) === '1');
    }

    expect(await versions()).to.deep.equal(before);
  });

  it('stops at once when the module is switched off, and says so', async () => {
    await stage.anchor({ 'platform.kubevirt.io/autopilot': 'false' });
    await poll('inactive', async () => (await stage.status()).includes('Disabled'));
    await stage.merge(map('plain'), { data: { key: 'other' } });
    await stage.anchor({ 'platform.kubevirt.io/autopilot': 'account' });
    await poll('a list', async () => (await stage.status()).includes('Allowlist'));

    expect((await stage.get(map('plain')))?.data?.['key']).to.equal('other');
    await stage.anchor({ 'platform.kubevirt.io/autopilot': null });
    await stage.until('the value is back', map('plain'), ({ data }) => data?.['key'] === 'value');
  });

  it('pauses an object that somebody else changes every second, names him, and goes on when the annotation is removed', async () => {
    let round = 0;
    await poll(
      'a pause',
      async () => {
        await stage.merge(map('plain'), { data: { key: `theirs-${round++}` } }, 'rival');
        const { metadata } = (await stage.get(map('plain')))!;
        return metadata.annotations?.['platform.kubevirt.io/reconcile-paused'] === 'true';
      },
      { intervalMs: 1_000 },
    );
    const event = await stage.untilEvent('ThrashingDetected', '"rival"');
    expect(event.note).to.contain('/data/key');
    await poll('the paused figure', async () => (await stage.metric('paused_resources{kind="ConfigMap",name="plain"')) === '1');
    let [last, unanswered] = ['', 0];
    await poll(
      'the rival to write without an answer',
      async () => {
        if (last !== '') expect((await stage.get(map('plain')))?.metadata.resourceVersion).to.equal(last);
        const written = await stage.merge(map('plain'), { data: { key: `paused-${unanswered}` } }, 'rival');
        last = (written as LiveObject).metadata.resourceVersion;
        return ++unanswered > 5;
      },
      { intervalMs: 1_000 },
    );
    await stage.merge(map('plain'), { metadata: { annotations: { 'platform.kubevirt.io/reconcile-paused': null } } });

    await stage.until('the value is back', map('plain'), ({ data }) => data?.['key'] === 'value');
    await stage.untilEvent('Resumed');
  });

  it('keeps one row a key in the status, in the namespace of the operator', async () => {
    const status = await stage.status();

    for (const key of ['golden', 'plain', 'account', 'late', 'each[small]', 'descheduler']) expect(status).to.contain(`${key}:`);
    expect(NAMESPACE).to.equal('virt-steward-system');
  });
});
