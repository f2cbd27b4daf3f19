import { expect } from 'chai';
import type { Json, JsonMap } from '../../../../src/platform/json';
import { CURRENT_CRDS, catalogCrd, withGeneration } from '../../../harness/catalog-crds';
import { anHco, OPENSHIFT, objectOf, rowOf, type Sample } from '../../../harness/catalog-sample';
import { deschedulerRules, object, SELF_NODE_REMEDIATION, switchedOn } from '../../../harness/catalog-samples';

const specOf = async (key: string, sample: Sample): Promise<JsonMap> => (await objectOf(key, sample))['spec'] as JsonMap;

describe('the node health check', () => {
  const KEY = 'node-health-check';
  const check = (selector: Json, name = 'theirs') => object('remediation.medik8s.io/v1alpha1', 'NodeHealthCheck', { name }, { selector });
  const term = (key: string, operator: string) => ({ matchExpressions: [{ key: `node-role.kubernetes.io/${key}`, operator }] });
  const with_ = (...objects: NonNullable<Sample['objects']>): Sample => ({ objects: [SELF_NODE_REMEDIATION, ...objects] });

  it('uses the template where it was found, the best place first', async () => {
    const template = (namespace: string) => ({ ...SELF_NODE_REMEDIATION, metadata: { ...SELF_NODE_REMEDIATION.metadata, namespace } });
    const place = async (...namespaces: string[]): Promise<unknown> => {
      const { remediationTemplate } = await specOf(KEY, { objects: namespaces.map(template) });
      return (remediationTemplate as JsonMap)['namespace'];
    };
    expect(await place('a-team', 'openshift-operators', 'openshift-workload-availability')).to.equal('openshift-workload-availability');
    expect(await place('a-team', 'openshift-operators')).to.equal('openshift-operators');
    expect(await place('z-team', 'a-team')).to.equal('a-team');
  });

  for (const [why, sample] of [
    ['there is no template', {}],
    ['the template has another name', { objects: [{ ...SELF_NODE_REMEDIATION, metadata: { name: 'other', namespace: 'a' } }] }],
    ['there are two workers', { ...with_(), topology: { ...OPENSHIFT, workerCount: 2 } }],
    ['storage-based remediation is asked for', { ...with_(), anchor: anHco(switchedOn('node-remediation')) }],
    ['another check names the workers', with_(check(term('worker', 'Exists')))],
    ['another check names the workers by a label', with_(check({ matchLabels: { 'node-role.kubernetes.io/worker': '' } }))],
    ['another check takes all but masters', with_(check(term('control-plane', 'DoesNotExist')))],
    ['another check takes every node', with_(check({}))],
  ] as const) {
    it(`is not wanted when ${why}`, async () => {
      expect((await rowOf(KEY, sample as Sample)).kind).to.equal('unwanted');
    });
  }

  it('does not mind itself, a check of masters, or one of other nodes', async () => {
    const others = [check(term('worker', 'Exists'), 'virt-node-health-check'), check(term('control-plane', 'Exists'), 'masters')];
    const custom = check({ matchLabels: { rack: '7' } }, 'rack-7');
    expect((await rowOf(KEY, with_(...others, custom))).kind).to.equal('object');
  });
});

describe('the descheduler', () => {
  const KEY = 'descheduler-loadaware';
  const anchor = anHco(switchedOn('loadaware'));
  const RECORD = 'descheduler:node:linear_amplified_ideal_point_positive_distance:k3:avg1m';
  const generation = (name: string): readonly string[] => withGeneration(CURRENT_CRDS, `kubedeschedulers.operator.openshift.io@${name}`);

  it('goes from profile to profile as its operator is upgraded', async () => {
    const profile = async (served: readonly string[]): Promise<Json | undefined> => (await specOf(KEY, { anchor, served }))['profiles'];
    expect(await profile(generation('long-lifecycle'))).to.deep.equal(['LongLifecycle']);
    expect(await profile(generation('dev'))).to.deep.equal(['DevKubeVirtRelieveAndMigrate']);
    expect(await profile(CURRENT_CRDS)).to.deep.equal(['KubeVirtRelieveAndMigrate']);
  });

  it('assumes the profile in between when the schema lists none', async () => {
    const schemas = { 'operator.openshift.io/v1 KubeDescheduler': { type: 'object' } };
    expect((await specOf(KEY, { anchor, schemas }))['profiles']).to.deep.equal(['DevKubeVirtRelieveAndMigrate']);
  });

  it('measures what the rules of its namespace can tell', async () => {
    const customizations = async (objects: NonNullable<Sample['objects']>): Promise<unknown> =>
      (await specOf(KEY, { anchor, objects }))['profileCustomizations'];
    expect(await customizations([])).to.equal(undefined);
    expect(await customizations(deschedulerRules('other'))).to.deep.equal({ devActualUtilizationProfile: 'PrometheusCPUCombined' });
    expect(await customizations(deschedulerRules(RECORD))).to.deep.equal({
      devActualUtilizationProfile: 'PrometheusCPUMemoryCombinedProfile',
    });
  });

  it('evicts no faster than virtual machines may migrate', async () => {
    const limits = async (spec: JsonMap, served = CURRENT_CRDS): Promise<unknown> =>
      (await specOf(KEY, { anchor: anHco(switchedOn('loadaware'), spec), served }))['evictionLimits'];
    expect(await limits({})).to.deep.equal({ total: 5, node: 2 });
    const spec = { virtualization: { liveMigrationConfig: { parallelMigrationsPerCluster: 20, parallelOutboundMigrationsPerNode: 3 } } };
    expect(await limits(spec)).to.deep.equal({ total: 20, node: 3 });
    expect(await limits(spec, generation('dev'))).to.deep.equal({ total: 20 });
  });
});

describe('quota for virtual machines', () => {
  const anchor = anHco(switchedOn('aaq'), {}, 'hco.kubevirt.io/v1beta1');
  const served = withGeneration(CURRENT_CRDS, 'hyperconvergeds.hco.kubevirt.io@v1beta1');

  it('is turned on by a field of v1beta1, or by a gate where there is no such field', async () => {
    const now = await specOf('hco-golden-config', { anchor, served });
    expect(now['enableApplicationAwareQuota']).to.equal(true);
    expect(now).not.to.have.property('featureGates');
    const schema = structuredClone(catalogCrd('hyperconvergeds.hco.kubevirt.io@v1beta1').spec.versions[0]!.schema.openAPIV3Schema);
    delete (schema.properties!['spec']!.properties as Record<string, unknown>)['enableApplicationAwareQuota'];
    const schemas = { 'hco.kubevirt.io/v1beta1 HyperConverged': schema as unknown as Json };
    const before = await specOf('hco-golden-config', { anchor, served, schemas });
    expect(before).not.to.have.property('enableApplicationAwareQuota');
    expect(before['featureGates']).to.deep.equal({ enableApplicationAwareQuota: true });
  });
});

describe('the operator for node maintenance', () => {
  const KEY = 'node-maintenance-operator';
  const anchor = anHco(switchedOn('node-maintenance'));
  const installed = CURRENT_CRDS;
  const absent = CURRENT_CRDS.filter((name) => !name.startsWith('nodemaintenances.'));
  const subscription = (metadata: Readonly<Record<string, unknown>>) =>
    object('operators.coreos.com/v1alpha1', 'Subscription', metadata, { name: KEY, source: 's', sourceNamespace: 'n' });
  const labels = { 'platform.kubevirt.io/managed-by': 'virt-steward' };

  for (const [why, sample, kind] of [
    ['nobody has installed it', { served: absent }, 'object'],
    ['it was installed without a Subscription', { served: installed }, 'unwanted'],
    [
      'we have installed it',
      { served: installed, objects: [subscription({ name: KEY, namespace: 'openshift-operators', labels })] },
      'object',
    ],
    ['somebody else has', { served: installed, objects: [subscription({ name: KEY, namespace: 'openshift-operators' })] }, 'unwanted'],
    ['somebody subscribed elsewhere', { served: absent, objects: [subscription({ name: 'nmo', namespace: 'team' })] }, 'unwanted'],
  ] as const) {
    it(`is ${kind === 'object' ? 'subscribed' : 'left alone'} when ${why}`, async () => {
      expect((await rowOf(KEY, { anchor, ...sample })).kind).to.equal(kind);
    });
  }

  it('comes from the catalog and channel that are asked for', async () => {
    const options = { ...switchedOn('node-maintenance'), 'node-maintenance-channel': 'candidate', 'node-maintenance-source': 'my-catalog' };
    const spec = await specOf(KEY, { anchor: anHco(options), served: absent });
    expect(spec).to.include({ channel: 'candidate', source: 'my-catalog', sourceNamespace: 'openshift-marketplace' });
  });
});
