import { randomBytes } from 'node:crypto';
import { expect } from 'chai';
import { bundleOf } from '../../../../hack/olm/bundle';
import { findingText } from '../../../../hack/olm/rule';
import { findingsIn, RULES, scorecard } from '../../../../hack/olm/validate';
import {
  ANNOTATIONS,
  annotation,
  brokenBy,
  type Change,
  CRD,
  CSV,
  container,
  csv,
  example,
  file,
  grant,
  json,
  object,
  original,
  owned,
  pod,
  text,
  without,
} from './bundle-fixture';

const SCC = {
  apiVersion: 'security.openshift.io/v1',
  kind: 'SecurityContextConstraints',
  metadata: { name: 'virt-steward-wol-agent' },
  allowHostNetwork: true,
};
const manifest = (kind: string, apiVersion = 'v1', more: object = {}): Change =>
  file('manifests/further.yaml', { apiVersion, kind, metadata: { name: 'further' }, ...more });
const both =
  (...changes: Change[]): Change =>
  (files) => {
    for (const change of changes) change(files);
  };
const BUNDLE_ANNOTATION = 'operators.operatorframework.io.bundle';
const remove = (name: string) => (from: Record<string, unknown>) => {
  delete from[name];
};

/** Title to what is done to the bundle and the rules that it breaks: its own, and those that cannot hold without it. */
const CASES: Readonly<Record<string, readonly [Change, ...string[]]>> = {
  'a file of it is missing': [without('tests/scorecard/config.yaml'), 'B01'],
  'manifests/ holds another file': [file('manifests/notes.txt', 'x'), 'B01'],
  'a file has capitals in its name': [file('manifests/Role.yaml', { apiVersion: 'v1', kind: 'Service', metadata: { name: 'x' } }), 'B01'],
  'an annotation is missing': [
    object(ANNOTATIONS, ({ annotations }) => delete annotations['operators.operatorframework.io.test.config.v1']),
    'B02',
  ],
  'the label of the image is another one': [text('bundle.Dockerfile', 'scorecard+v1', 'scorecard+v2'), 'B02'],
  'the media type is that of another format': [annotation('operators.operatorframework.io.bundle.mediatype.v1', 'plain+v0'), 'B02'],
  'there are two ClusterServiceVersions': [(files) => files.set('manifests/second.yaml', files.get(CSV)!), 'B03'],
  'a key is there twice': [
    text('manifests/virt-steward-manager.pdb.yaml', 'kind: PodDisruptionBudget', 'kind: PodDisruptionBudget\nkind: Service'),
    'B04',
  ],
  'a file holds two objects': [
    text('manifests/virt-steward-grpc.service.yaml', /$/, '---\napiVersion: v1\nkind: Service\nmetadata: {name: second}\n'),
    'B04',
  ],
  'an object has no kind': [text('manifests/virt-steward-grpc.service.yaml', 'kind: Service\n', ''), 'B04', 'B34'],
  'it does not fit into the API server': [
    file('manifests/large.yaml', { apiVersion: 'v1', kind: 'Service', metadata: { name: randomBytes(2 ** 20).toString('base64') } }),
    'B05',
  ],
  'the name is of another version': [csv(({ metadata }) => Object.assign(metadata, { name: 'virt-steward.v9.9.9' })), 'B06'],
  'the version is none': [
    csv(({ spec, metadata }) => [Object.assign(spec, { version: '1.0' }), Object.assign(metadata, { name: 'virt-steward.v1.0' })]),
    'B06',
  ],
  'the version is 0.0.0': [
    csv(({ spec, metadata }) => [Object.assign(spec, { version: '0.0.0' }), Object.assign(metadata, { name: 'virt-steward.v0.0.0' })]),
    'B06',
  ],
  'there is no icon': [csv(({ spec }) => delete spec.icon), 'B07'],
  'the icon is no picture': [csv(({ spec }) => Object.assign(spec.icon[0], { base64data: Buffer.from('text').toString('base64') })), 'B07'],
  'the icon is of a type that nobody shows': [csv(({ spec }) => Object.assign(spec.icon[0], { mediatype: 'image/webp' })), 'B07'],
  'the description is missing': [csv(({ spec }) => delete spec.description), 'B08'],
  'the display name is too long': [csv(({ spec }) => Object.assign(spec, { displayName: 'x'.repeat(51) })), 'B08'],
  'the provider has no name': [csv(({ spec }) => Object.assign(spec, { provider: {} })), 'B08'],
  'there is no link': [csv(({ spec }) => Object.assign(spec, { links: [] })), 'B09'],
  'a maintainer has no e-mail address': [csv(({ spec }) => Object.assign(spec.maintainers[0], { email: 'somebody' })), 'B09'],
  'there is no keyword': [csv(({ spec }) => Object.assign(spec, { keywords: [] })), 'B10'],
  'the lowest Kubernetes is not told': [csv(({ spec }) => delete spec.minKubeVersion), 'B11'],
  'the lowest OpenShift is not told': [
    both(text(ANNOTATIONS, /.*openshift\.versions.*\n/, ''), text('bundle.Dockerfile', /LABEL com\.redhat.*\n/, '')),
    'B11',
  ],
  'the lowest Kubernetes is above that of the lowest OpenShift': [
    csv(({ spec }) => Object.assign(spec, { minKubeVersion: '1.31.0' })),
    'B11',
  ],
  'it replaces itself': [csv(({ spec, metadata }) => Object.assign(spec, { replaces: metadata.name })), 'B12'],
  'it skips a range': [csv(({ metadata }) => Object.assign(metadata.annotations, { 'olm.skipRange': '>=0.0.1' })), 'B12'],
  'a CRD is not owned': [
    csv(({ spec }) => {
      const kinds = spec.customresourcedefinitions;
      kinds.owned = kinds.owned.filter(({ kind }: { kind: string }) => kind !== 'WolConfig');
    }),
    'B13',
    'S5',
  ],
  'an owned kind has no CRD': [owned((entry) => Object.assign(entry, { name: 'others.example.com' })), 'B13'],
  'an owned kind has no description': [owned(remove('description')), 'B14'],
  'a descriptor has no description': [owned(({ specDescriptors }) => delete specDescriptors[0].description), 'B14'],
  'a CRD has no subresource status': [text(CRD, '      subresources:\n        status: {}\n', ''), 'B15', 'B17'],
  'a CRD stores no version': [text(CRD, 'storage: true', 'storage: false'), 'B15', 'B17'],
  'a CRD keeps unknown fields': [text(CRD, '  scope: Cluster\n', '  scope: Cluster\n  preserveUnknownFields: true\n'), 'B16', 'B17'],
  'a field of a CRD has no type': [
    object(CRD, ({ spec }) => delete spec.versions[0].schema.openAPIV3Schema.properties.spec.properties.cacheTTL.type),
    'B16',
    'B17',
  ],
  'a CRD is not that of crds/': [text(CRD, 'shortNames', 'categories'), 'B17'],
  'an object is of a version that was removed': [text('manifests/virt-steward-manager.pdb.yaml', 'policy/v1', 'policy/v1beta1'), 'B18'],
  'a rule has a wildcard': [grant({ apiGroups: ['apps'], resources: ['*'], verbs: ['get'] }), 'B19'],
  'a rule lets its holder be somebody else': [grant({ apiGroups: [''], resources: ['users'], verbs: ['impersonate'] }), 'B19'],
  'Secrets may be read everywhere': [grant({ apiGroups: [''], resources: ['secrets'], resourceNames: ['one'], verbs: ['get'] }), 'B20'],
  'Secrets may be listed in the namespace': [
    object('manifests/virt-steward-manager.role.yaml', ({ rules }) =>
      rules.push({ apiGroups: [''], resources: ['secrets'], verbs: ['list'] }),
    ),
    'B20',
  ],
  'DaemonSets may be written everywhere': [grant({ apiGroups: ['apps'], resources: ['daemonsets'], verbs: ['patch'] }), 'B20'],
  'commands may be run in pods': [grant({ apiGroups: [''], resources: ['pods/exec'], verbs: ['create'] }), 'B20'],
  'virtual machines may be changed': [grant({ apiGroups: ['kubevirt.io'], resources: ['virtualmachines'], verbs: ['patch'] }), 'B20'],
  'WolConfigs may be deleted': [grant({ apiGroups: ['wol.pillon.org'], resources: ['wolconfigs'], verbs: ['delete'] }), 'B20'],
  'CRDs may be created': [
    grant({ apiGroups: ['apiextensions.k8s.io'], resources: ['customresourcedefinitions'], verbs: ['create'] }),
    'B21',
  ],
  'SCCs may be changed': [
    grant({ apiGroups: ['security.openshift.io'], resources: ['securitycontextconstraints'], verbs: ['update'] }),
    'B21',
  ],
  'the pod has an account that OLM does not make': [pod((spec) => Object.assign(spec, { serviceAccountName: 'somebody' })), 'B22'],
  'a binding names a namespace': [
    object('manifests/virt-steward-manager.rolebinding.yaml', ({ subjects }) => Object.assign(subjects[0], { namespace: 'one' })),
    'B22',
  ],
  'an account is shipped that OLM makes': [manifest('ServiceAccount', 'v1', { metadata: { name: 'virt-steward-manager' } }), 'B23', 'B34'],
  'an account has no rules': [csv(({ spec }) => Object.assign(spec.install.spec.permissions[1], { rules: [] })), 'B23'],
  'the container has another name': [container((one) => Object.assign(one, { name: 'operator' })), 'B24'],
  'the selector is not that of the pods': [
    csv(({ spec }) => Object.assign(spec.install.spec.deployments[0].spec.selector.matchLabels, { other: 'label' })),
    'B24',
  ],
  'a container requests no memory': [container((one) => delete one.resources.requests.memory), 'B25'],
  'a container requests nothing': [container(remove('resources')), 'B25'],
  'a container has no probe': [container(remove('readinessProbe')), 'B26'],
  'a container may get further rights': [container((one) => Object.assign(one.securityContext, { allowPrivilegeEscalation: true })), 'B27'],
  'a container adds a capability': [container((one) => Object.assign(one.securityContext.capabilities, { add: ['NET_RAW'] })), 'B27'],
  'a pod says which user it is': [pod((spec) => Object.assign(spec.securityContext, { runAsUser: 65_532 })), 'B27'],
  'a pod uses the host network': [pod((spec) => Object.assign(spec, { hostNetwork: true })), 'B27'],
  'a pod mounts a path of the host': [pod((spec) => Object.assign(spec, { volumes: [{ name: 'x', hostPath: { path: '/' } }] })), 'B27'],
  'an image is not related': [csv(({ spec }) => spec.relatedImages.pop()), 'B28'],
  'a related image is used nowhere': [csv(({ spec }) => spec.relatedImages.push({ name: 'x', image: 'example.com/x:1' })), 'B28'],
  'an image is the latest': [container((one) => Object.assign(one, { image: 'example.com/virt-steward/manager:latest' })), 'B28'],
  'an image has no version': [container((one) => Object.assign(one, { image: 'example.com/virt-steward/manager' })), 'B28'],
  'the capabilities are none of the known levels': [
    csv(({ metadata }) => Object.assign(metadata.annotations, { capabilities: 'Everything' })),
    'B29',
  ],
  'a category is none of the known ones': [csv(({ metadata }) => Object.assign(metadata.annotations, { categories: 'Machines' })), 'B29'],
  'the short description is missing': [csv(({ metadata }) => delete metadata.annotations.description), 'B29'],
  'an example has an unknown field': [example(({ spec }) => Object.assign(spec, { wakeEverything: true })), 'B30', 'S3', 'S5'],
  'an example has an unknown field further down': [example(({ spec }) => Object.assign(spec.vmSelector, { labels: {} })), 'B30'],
  'an example has a value of the wrong type': [example(({ spec }) => Object.assign(spec, { wolPorts: ['nine'] })), 'B30'],
  'there is no example': [csv(({ metadata }) => Object.assign(metadata.annotations, { 'alm-examples': '[]' })), 'B30'],
  'the first object is of no kind of ours': [
    json('operatorframework.io/initialization-resource', (one) => Object.assign(one, { kind: 'Other' })),
    'B31',
  ],
  'the suggested namespace forbids agents': [
    json(
      'operatorframework.io/suggested-namespace-template',
      ({ metadata }) => delete metadata.labels['pod-security.kubernetes.io/enforce'],
    ),
    'B32',
  ],
  'a feature is neither claimed nor denied': [
    csv(({ metadata }) => delete metadata.annotations['features.operators.openshift.io/cni']),
    'B33',
  ],
  'an SCC is in it': [file('manifests/virt-steward-wol-agent.scc.yaml', SCC), 'B34'],
  'a ServiceMonitor is in it': [manifest('ServiceMonitor', 'monitoring.coreos.com/v1'), 'B34'],
  'a NetworkPolicy is in it': [manifest('NetworkPolicy', 'networking.k8s.io/v1'), 'B34'],
  'it installs into one namespace': [csv(({ spec }) => Object.assign(spec.installModes[0], { supported: true })), 'B35'],
  'it depends on KubeVirt': [file('metadata/dependencies.yaml', { dependencies: [] }), 'B36'],
  'it brings a webhook': [csv(({ spec }) => Object.assign(spec, { webhookdefinitions: [{}] })), 'B36'],
  'its channel is of its own making': [
    both(annotation(`${BUNDLE_ANNOTATION}.channels.v1`, 'edge'), annotation(`${BUNDLE_ANNOTATION}.channel.default.v1`, 'edge')),
    'B37',
  ],
  'its default channel is not the first one': [annotation('operators.operatorframework.io.bundle.channel.default.v1', 'fast'), 'B37'],
  'an example has no spec': [example(remove('spec')), 'S1'],
  'an owned kind has no resources': [owned(remove('resources')), 'S4'],
  'a field of an example is not described': [
    owned((entry: Record<string, { path: string }[]>) =>
      Object.assign(entry, { specDescriptors: entry['specDescriptors']!.filter(({ path }) => path !== 'wolPorts') }),
    ),
    'S5',
  ],
  'a field of the status is not described': [owned(remove('statusDescriptors')), 'S6'],
};

describe('rules about bundles for OLM', () => {
  it('pass for the bundle of the repository, and so does each test of the scorecard', () => {
    const findings = findingsIn(original);

    expect(findings.map(findingText)).to.deep.equal([]);
    expect(Object.values(scorecard(findings))).to.deep.equal(Array(6).fill('pass'));
    expect(original.manifests).to.have.length.above(7);
  });

  for (const [title, [change, ...ids]] of Object.entries(CASES)) {
    it(`${ids[0]} fails when ${title}`, () => {
      expect(brokenBy(change)).to.deep.equal([...ids].sort());
    });
  }

  it('have a case each, and ids of their own', () => {
    const ids = RULES.map(({ id }) => id);

    expect(new Set(ids).size).to.equal(ids.length);
    expect(ids.filter((id) => !Object.values(CASES).some(([, first]) => first === id))).to.deep.equal([
      // The fields that the schema lacks are unknown to it as well, so B30 comes first.
      'S3',
    ]);
  });

  it('let a bundle be checked without the repository that it came from', () => {
    expect(brokenBy(text(CRD, 'shortNames', 'categories'), { isAlone: true })).to.deep.equal([]);
  });

  it('tell rule, file, field and what is allowed, in one line', () => {
    const files = new Map(original.files);
    csv(({ spec }) => Object.assign(spec, { displayName: 'x' }))(files);

    expect(findingsIn(bundleOf(files)).map(findingText)).to.deep.equal([
      `B08 error ${CSV} spec.displayName: it has 1 characters; allowed: 3 to 50`,
    ]);
  });

  it('fail the test of the scorecard that they stand for', () => {
    const files = new Map(original.files);
    owned(remove('resources'))(files);

    const results = scorecard(findingsIn(bundleOf(files)));

    expect(Object.entries(results).filter(([, result]) => result === 'fail')).to.deep.equal([['olm-crds-have-resources', 'fail']]);
  });
});
