import { expect } from 'chai';
import { parse } from 'yaml';
import { MANAGED_BY_LABEL } from '../../../src/platform/keys';
import { poll } from '../../harness/poll';
import { NAMESPACE } from '../../harness/steward-cluster';
import { PlatformStage } from './platform-stage';

const DOMAIN = 'platform.kubevirt.io/';
const map = (name: string, namespace = 'default') => ({ apiVersion: 'v1', kind: 'ConfigMap', metadata: { name, namespace } });
const asset = (header: string, name: string): string =>
  `asset:\n${header.replace(/^/gm, '  ')}\n---\napiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: ${name}\n  namespace: default\ndata:\n  key: value\n`;
const tombstone = (name: string, namespace: string): string =>
  `apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: ${name}\n  namespace: ${namespace}\n`;

const CATALOG = {
  'base.yaml': asset('name: base', 'base'),
  'extra.yaml': asset('name: extra\nswitch: extra', 'extra'),
  'spared.yaml': asset('name: spared\nswitch: spared', 'spared'),
  'edit.yaml': [
    'asset:\n  name: edit\n  switch: edit\n  strategy: edit\n  vars:',
    `    text: cluster.get("v1", "ConfigMap", "default", "edited").?data[?"config.yaml"].orValue("")`,
    '---\napiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: edited\n  namespace: default',
    `data:\n  config.yaml: $${'{'} yamlSet(vars.text, "ours.enabled", true) }\n`,
  ].join('\n'),
  'tidy.yaml': asset('name: tidy\nswitch: tidy\nonUnwanted: delete', 'tidy'),
  'retired/dropped.yaml': tombstone('dropped', 'default').replace('v1', 'discovery.k8s.io/v1').replace('ConfigMap', 'EndpointSlice'),
  'tombstones/old.yaml': [
    tombstone('old', '$' + '{ settings.namespace }'),
    tombstone('theirs', 'default'),
    tombstone('own', 'default'),
    tombstone('old-metrics', 'default').replace('ConfigMap', 'Service'),
  ].join('---\n'),
};

const DROPPED = {
  apiVersion: 'discovery.k8s.io/v1',
  kind: 'EndpointSlice',
  metadata: { name: 'dropped', namespace: 'default', labels: { [MANAGED_BY_LABEL]: 'virt-steward' } },
  ...{ addressType: 'IPv4', endpoints: [], ports: [] },
};
const DROPPED_FIGURE = 'orphaned_resources{kind="EndpointSlice",name="dropped",namespace="default"}';

describe('removal by the platform module', () => {
  let stage: PlatformStage;

  before(async () => {
    stage = await PlatformStage.set({ catalog: CATALOG, root: { tombstones: ['tombstones/old.yaml'], retired: ['retired/dropped.yaml'] } });
    const labels = { [MANAGED_BY_LABEL]: 'virt-platform-autopilot' };
    await stage.cluster.api.apply({ ...map('old', NAMESPACE), metadata: { name: 'old', namespace: NAMESPACE, labels } });
    await stage.cluster.api.apply(map('theirs'));
    const annotations = { [`${DOMAIN}mode`]: 'unmanaged' };
    await stage.cluster.api.apply({ ...map('own'), metadata: { name: 'own', namespace: 'default', labels, annotations } });
    await stage.cluster.api.apply({ ...map('edited'), data: { 'config.yaml': '# theirs\ntheirs: 1\n' } });
    await stage.startManager();
    await stage.anchor();
    for (const name of ['base', 'extra', 'spared', 'tidy']) await stage.until(`${name} is there`, map(name), () => true);
  });
  after(() => stage?.end());

  const gone = (name: string, namespace?: string): Promise<true> =>
    poll(`${name} to be gone`, async () => (await stage.get(map(name, namespace))) === undefined || undefined);
  const inStatus = (text: string): Promise<true> =>
    poll(`${text} in the status`, async () => (await stage.status()).includes(text) || undefined);
  const figure = (part: string, value: string | undefined): Promise<true> =>
    poll(`${part} to be ${value}`, async () => (await stage.metric(part)) === value || undefined);
  const row = (key: string, reason: string): Promise<true> =>
    poll(`${key} to be ${reason}`, async () => {
      const { data } = (await stage.get(map('virt-steward-platform-status', NAMESPACE))) ?? {};
      const rows = (parse(data?.['assets.yaml'] ?? '{}') ?? {}) as Record<string, { reason: string }>;
      return rows[key]?.reason === reason || undefined;
    });

  const TEXT = '# theirs\ntheirs: 1\nours:\n  enabled: true\n';
  const remembered = (value: string | undefined): Promise<true> =>
    poll(`edits ${value}`, async () => {
      const status = await stage.get(map('virt-steward-platform-status', NAMESPACE));
      return status?.metadata.annotations?.[`${DOMAIN}edited`] === value || undefined;
    });

  it("deletes what tombstones name, if it carries our label, and skips what is somebody else's or unmanaged", async () => {
    await gone('old', NAMESPACE);
    await stage.untilEvent('TombstoneDeleted', `ConfigMap ${NAMESPACE}/old`);
    await stage.untilEvent('TombstoneSkipped', 'ConfigMap default/theirs');
    await stage.untilEvent('TombstoneSkipped', 'ConfigMap default/own');

    await figure(`tombstone_status{kind="ConfigMap",name="old",namespace="${NAMESPACE}"}`, '0');
    await figure('tombstone_status{kind="ConfigMap",name="theirs",namespace="default"}', '-2');
    expect(await stage.get(map('theirs'))).not.to.equal(undefined);
    expect(await stage.get(map('own'))).not.to.equal(undefined);
  });

  it('deletes what comes back, of a kind that no asset has', async () => {
    const service = { apiVersion: 'v1', kind: 'Service', metadata: { name: 'old-metrics', namespace: 'default' } };
    const labels = { [MANAGED_BY_LABEL]: 'virt-platform-operator' };
    await stage.cluster.api.apply({ ...service, metadata: { ...service.metadata, labels }, spec: { ports: [{ port: 80 }] } });

    await stage.untilEvent('TombstoneDeleted', 'Service default/old-metrics');
    expect(await stage.get(service)).to.equal(undefined);
  });

  it('keeps what is switched off, and shows that it is left behind', async () => {
    await stage.anchor({ [`${DOMAIN}enable-extra`]: 'false' });

    const event = await stage.untilEvent('OrphansPresent', '/ConfigMap/default/extra');
    expect(event.note).to.match(/^1 objects are left behind/);
    await figure('orphaned_resources{kind="ConfigMap",name="extra",namespace="default"}', '1');
    await inStatus('1 left behind: /ConfigMap/default/extra');
    await stage.merge(map('extra'), { data: { key: 'changed' } });
    await stage.merge(map('base'), { data: { key: 'changed' } });
    await stage.until('another object to be set back', map('base'), ({ data }) => data?.['key'] === 'value');
    expect((await stage.get(map('extra')))?.data?.['key']).to.equal('changed');
  });

  it('looks after it again when it is switched on', async () => {
    await stage.anchor({ [`${DOMAIN}enable-extra`]: null });

    await stage.until('the value is back', map('extra'), ({ data }) => data?.['key'] === 'value');
    await figure('orphaned_resources{kind="ConfigMap",name="extra",namespace="default"}', undefined);
    await inStatus('NoOrphans');
  });

  it('shows what an earlier version kept of a kind that the catalog dropped, and keeps it', async () => {
    await stage.applyAs('virt-steward', DROPPED);

    await stage.untilEvent('OrphansPresent', 'discovery.k8s.io/EndpointSlice/default/dropped');
    await figure(DROPPED_FIGURE, '1');
    await inStatus('1 left behind: discovery.k8s.io/EndpointSlice/default/dropped');
    expect(await stage.get(DROPPED)).not.to.equal(undefined);
  });

  it('deletes what the catalog dropped once the user says so, and names the right that is missing for what is not even retired', async () => {
    const unnamed = { ...map('unnamed'), metadata: { ...map('unnamed').metadata, labels: { [MANAGED_BY_LABEL]: 'virt-steward' } } };
    await stage.applyAs('virt-steward', unnamed);
    stage.cluster.expectDenial('get configmaps');
    await stage.anchor({ [`${DOMAIN}on-removal`]: 'delete' });

    await poll('it to be gone', async () => (await stage.get(DROPPED)) === undefined || undefined);
    await stage.untilEvent('ResourceRemoved', 'EndpointSlice default/dropped');
    await stage.untilEvent(
      'Forbidden',
      'ConfigMap default/unnamed cannot be deleted: not allowed to get configmaps named unnamed in default',
    );
    await inStatus('1 left behind: /ConfigMap/default/unnamed');
    await stage.delete(unnamed);
    await stage.anchor({ [`${DOMAIN}on-removal`]: null });
    await inStatus('NoOrphans');
  });

  it('deletes at once what its asset does not want to leave behind', async () => {
    await stage.anchor({ [`${DOMAIN}enable-tidy`]: 'false' });

    await gone('tidy');
    const event = await stage.untilEvent('ResourceRemoved', 'ConfigMap default/tidy');
    expect(event.regarding).to.include({ kind: 'HyperConverged', name: 'kubevirt-hyperconverged' });
    expect(event['related']).to.include({ kind: 'ConfigMap', name: 'tidy', namespace: 'default' });
    expect(event['action']).to.equal('ResourceRemoved /ConfigMap/default/tidy');
    expect(event['reportingController']).to.equal('virt-steward');
  });

  it('spares under the policy delete what is unmanaged or excluded, and deletes the rest', async () => {
    await stage.merge(map('spared'), { metadata: { annotations: { [`${DOMAIN}mode`]: 'unmanaged' } } });
    await stage.anchor({ [`${DOMAIN}on-removal`]: 'delete', [`${DOMAIN}disabled-resources`]: '- {kind: ConfigMap, name: base}' });
    await inStatus('EXCLUDED');
    await stage.anchor({ [`${DOMAIN}enable-extra`]: 'false', [`${DOMAIN}enable-spared`]: 'false' });

    await gone('extra');
    await stage.untilEvent('ResourceRemoved', 'ConfigMap default/extra');
    await row('spared', 'SwitchedOff');
    // What no asset has any more goes last, so everything before it has been decided on.
    await stage.applyAs('virt-steward', DROPPED);
    await poll('what was dropped to be gone', async () => (await stage.get(DROPPED)) === undefined || undefined);
    await figure(DROPPED_FIGURE, undefined);
    await inStatus('NoOrphans');
    expect(await stage.get(map('spared'))).not.to.equal(undefined);
    expect(await stage.get(map('base'))).not.to.equal(undefined);
  });

  it('leaves under the policy keep what was set in a text of somebody else', async () => {
    await stage.until('the text', map('edited'), ({ data }) => data?.['config.yaml'] === TEXT);
    await remembered('edit');
    await stage.anchor({ [`${DOMAIN}on-removal`]: 'keep', [`${DOMAIN}enable-edit`]: 'false' });
    await stage.untilEvent('AssetSkipped', 'edit is not wanted');
    await row('edit', 'SwitchedOff');
    // Whoever tells of it has looked at everything that is left behind.
    await stage.applyAs('virt-steward', DROPPED);
    await figure(DROPPED_FIGURE, '1');

    expect((await stage.get(map('edited')))?.data?.['config.yaml']).to.equal(TEXT);
  });

  it('takes it out under the policy delete, after a restart and somebody else’s change as well, and nothing more', async () => {
    await stage.stopManager();
    await stage.merge(map('edited'), { data: { 'config.yaml': `${TEXT}more: 2\n` } });
    await stage.anchor({ [`${DOMAIN}on-removal`]: 'delete' });
    await stage.startManager();

    const { metadata } = await stage.until(
      'the text',
      map('edited'),
      ({ data }) => data?.['config.yaml'] === '# theirs\ntheirs: 1\nmore: 2\n',
    );

    expect(metadata).not.to.have.property('labels');
    await stage.untilEvent('ResourceRemoved', 'what edit had set in ConfigMap default/edited');
    await remembered(undefined);
  });

  it('sets it again when it is switched on', async () => {
    await stage.anchor({ [`${DOMAIN}enable-edit`]: null });

    await stage.until(
      'the text',
      map('edited'),
      ({ data }) => data?.['config.yaml'] === '# theirs\ntheirs: 1\nmore: 2\nours:\n  enabled: true\n',
    );
  });

  it('deletes nothing because the API server restarts, and goes on afterwards', async () => {
    await stage.anchor({ [`${DOMAIN}disabled-resources`]: null, [`${DOMAIN}enable-extra`]: null });
    const uids = async (): Promise<(string | undefined)[]> =>
      Promise.all(['base', 'extra', 'spared'].map(async (name) => (await stage.get(map(name)))?.metadata.uid));
    await stage.until('extra is there again', map('extra'), () => true);
    const before = await uids();

    for (let restart = 0; restart < 2; restart++) {
      await stage.cluster.controlPlane.stopApiServer('SIGKILL');
      await stage.cluster.controlPlane.startApiServer();
      await stage.merge(map('base'), { data: { key: 'changed' } });
      await stage.until('the value is back', map('base'), ({ data }) => data?.['key'] === 'value');
    }

    expect(await uids()).to.deep.equal(before);
    expect(await stage.get(stage.hco)).not.to.equal(undefined);
  });

  it('removes everything after the anchor was deleted while nobody looked, since the policy is remembered', async () => {
    await poll('the policy to be remembered', async () => {
      const status = await stage.get(map('virt-steward-platform-status', NAMESPACE));
      return status?.metadata.annotations?.[`${DOMAIN}on-removal`] === 'delete' || undefined;
    });
    await stage.stopManager();
    await stage.delete(stage.hco);
    await stage.startManager();

    await gone('extra');
    await gone('base');
    await inStatus('NoAnchor');
    await stage.until('the text', map('edited'), ({ data }) => data?.['config.yaml'] === '# theirs\ntheirs: 1\nmore: 2\n');
    expect(await stage.get(map('spared'))).not.to.equal(undefined);
    expect(await stage.get(map('theirs'))).not.to.equal(undefined);
  });
});
