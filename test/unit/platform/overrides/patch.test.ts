import { expect } from 'chai';
import type { Json, JsonMap } from '../../../../src/platform/json';
import { MANAGED_BY_LABEL } from '../../../../src/platform/keys';
import { applyUserPatch } from '../../../../src/platform/overrides/apply-patch';
import { problemText } from '../../../../src/platform/overrides/patch-text';

const desired = (): JsonMap => ({
  apiVersion: 'operator.openshift.io/v1',
  kind: 'KubeDescheduler',
  metadata: { name: 'cluster', namespace: 'descheduler', labels: { [MANAGED_BY_LABEL]: 'virt-steward', team: 'a' } },
  spec: { interval: 60, profiles: ['A', 'B', 'C'], limits: { total: 5, node: null }, nested: { inner: { value: 1 } } },
});

const patch = (operations: unknown): ReturnType<typeof applyUserPatch> =>
  applyUserPatch(desired(), typeof operations === 'string' ? operations : JSON.stringify(operations));

const patched = (operations: unknown): JsonMap => {
  const outcome = patch(operations);
  if (outcome.kind === 'refused') throw new Error(problemText(outcome.problem));
  return outcome.object;
};

const refusal = (operations: unknown): string => {
  const outcome = patch(operations);
  if (outcome.kind === 'patched') throw new Error(`was applied: ${JSON.stringify(outcome.object)}`);
  return problemText(outcome.problem);
};

const spec = (object: JsonMap): Record<string, Json> => object['spec'] as Record<string, Json>;

describe('a patch of the user', () => {
  it('adds, removes, replaces, moves, copies and tests in the order written', () => {
    const object = patched([
      { op: 'test', path: '/spec/limits', value: { node: null, total: 5 } },
      { op: 'replace', path: '/spec/interval', value: 30 },
      { op: 'add', path: '/spec/profiles/1', value: 'X' },
      { op: 'add', path: '/spec/profiles/-', value: 'Z' },
      { op: 'remove', path: '/spec/limits/node' },
      { op: 'move', from: '/spec/nested/inner', path: '/spec/moved' },
      { op: 'copy', from: '/spec/moved', path: '/spec/copied' },
      { op: 'replace', path: '/spec/copied/value', value: 2 },
    ]);

    expect(spec(object)).to.deep.equal({
      interval: 30,
      profiles: ['A', 'X', 'B', 'C', 'Z'],
      limits: { total: 5 },
      nested: {},
      moved: { value: 1 },
      copied: { value: 2 },
    });
  });

  it('leaves the object it was given as it was, and the result shares nothing with it', () => {
    const before = desired();
    const outcome = applyUserPatch(before, '[{"op":"replace","path":"/spec/nested/inner/value","value":9}]');

    expect(before).to.deep.equal(desired());
    expect(outcome.kind).to.equal('patched');
  });

  it('may be empty', () => expect(patch('[]')).to.deep.equal({ kind: 'patched', object: desired(), operations: 0 }));

  it('adds an annotation or a label to an object that has none', () => {
    const object = applyUserPatch(
      { apiVersion: 'v1', kind: 'ConfigMap', metadata: { name: 'a' } },
      '[{"op":"add","path":"/metadata/annotations/example.com~1y","value":"1"},{"op":"add","path":"/metadata/labels/x","value":"2"}]',
    );

    expect(object).to.deep.include({
      object: {
        apiVersion: 'v1',
        kind: 'ConfigMap',
        metadata: { name: 'a', annotations: { 'example.com/y': '1' }, labels: { x: '2' } },
      },
    });
  });

  it('creates no other parent that is missing', () => {
    expect(refusal([{ op: 'add', path: '/spec/absent/x', value: 1 }])).to.equal('operation 0 at /spec/absent/x: there is no /spec/absent');
    expect(refusal([{ op: 'add', path: '/metadata/labels/a/b', value: 1 }])).to.contain('there is no /metadata/labels/a');
  });

  it('applies nothing when one operation does not', () => {
    const outcome = patch([
      { op: 'replace', path: '/spec/interval', value: 1 },
      { op: 'remove', path: '/spec/absent' },
    ]);

    expect(outcome).to.deep.equal({ kind: 'refused', problem: { index: 1, pointer: '/spec/absent', why: 'there is no such member' } });
  });

  it('ignores members that RFC 6902 does not define', () => {
    expect(spec(patched([{ op: 'replace', path: '/spec/interval', value: 1, comment: 'faster', from: '/metadata' }]))['interval']).to.equal(
      1,
    );
  });

  it('takes null as a value', () => expect(spec(patched([{ op: 'add', path: '/spec/limits', value: null }]))['limits']).to.equal(null));

  const MALFORMED: readonly (readonly [string, string, string])[] = [
    ['no JSON', 'op: add', 'a value is missing at character 1'],
    ['an object instead of a list', '{"op":"remove","path":"/spec"}', 'no list of operations'],
    ['text after the list', '[] []', 'text follows the value'],
    ['a list that does not end', '[{"op":"remove"', '"," or "}" is missing'],
    ['an operation that is no object', '["remove"]', 'operation 0: it is no object'],
    ['an unknown operation', '[{"op":"_get","path":"/spec"}]', '"op" is none of'],
    ['an operation in another case', '[{"op":"Add","path":"/spec/x","value":1}]', '"op" is none of'],
    ['members in another case', '[{"OP":"add","path":"/spec/x","value":1}]', '"op" is none of'],
    ['an operation inherited from Object', '[{"op":"toString","path":"/spec"}]', '"op" is none of'],
    ['a path that is no text', '[{"op":"remove","path":["spec"]}]', '"path" is no text'],
    ['no path', '[{"op":"remove"}]', '"path" is no text'],
    ['a move without from', '[{"op":"move","path":"/spec/x"}]', '"from" is no text'],
    ['an add without value', '[{"op":"add","path":"/spec/x"}]', '"add" needs "value"'],
    ['a test without value', '[{"op":"test","path":"/spec/x"}]', '"test" needs "value"'],
    ['the same member twice', '[{"op":"add","path":"/spec/x","path":"/kind","value":1}]', 'the member "path" is there twice'],
    ['the same member twice by an escape', '[{"op":"add","path":"/spec/x","p\\u0061th":"/kind","value":1}]', 'is there twice'],
    ['the same member twice inside a value', '[{"op":"add","path":"/spec/x","value":{"a":1,"a":2}}]', 'the member "a" is there twice'],
    ['an integer beyond 2^53-1', '[{"op":"add","path":"/spec/x","value":9007199254740993}]', 'beyond 2^53-1'],
    ['an integer beyond it in another writing', '[{"op":"add","path":"/spec/x","value":1e300}]', 'beyond 2^53-1'],
    ['a number beyond all', '[{"op":"add","path":"/spec/x","value":1e999}]', 'too large'],
    ['a member named __proto__ in a value', '[{"op":"add","path":"/spec/x","value":{"__proto__":{"a":1}}}]', '__proto__'],
    ['half a surrogate pair', '[{"op":"add","path":"/spec/\\ud800","value":1}]', 'no well-formed Unicode'],
    ['a comment', '[/* none */]', 'a value is missing'],
    ['a comma too many', '[{"op":"remove","path":"/spec/limits"},]', 'a value is missing'],
    ['a byte order mark', '\ufeff[]', 'a value is missing'],
  ];
  for (const [name, text, expected] of MALFORMED) {
    it(`is refused with ${name}`, () => expect(refusal(text)).to.contain(expected));
  }

  it('is refused above 64 KiB, 256 operations or 100 levels', () => {
    expect(refusal(JSON.stringify([{ op: 'add', path: '/spec/x', value: 'x'.repeat(70_000) }]))).to.contain('longer than 65536 bytes');
    expect(refusal(Array.from({ length: 257 }, () => ({ op: 'test', path: '/spec/interval', value: 60 })))).to.contain('257 operations');
    expect(refusal(`[${'['.repeat(150)}${']'.repeat(150)}]`)).to.contain('more than 100 levels');
  });

  it('cannot grow without bound by copying the object into itself', () => {
    const doubling = Array.from({ length: 200 }, (_, index) => ({ op: 'copy', from: '/spec', path: `/spec/copy${index}` }));
    expect(refusal(doubling)).to.contain('the copies hold more than');
  });

  it('cannot nest without bound by adding below what was added', () => {
    const deep = (levels: number): Json => (levels === 0 ? {} : { a: deep(levels - 1) });
    expect(
      refusal([
        { op: 'add', path: '/spec/x', value: deep(60) },
        { op: 'add', path: `/spec/x${'/a'.repeat(60)}/b`, value: deep(60) },
      ]),
    ).to.contain('more than 100 levels');
  });

  const PATHS: readonly (readonly [string, string])[] = [
    ['', 'the empty pointer'],
    ['/', 'there is no such member'],
    ['spec/interval', 'starts with "/"'],
    ['spec.interval', '"/spec/interval"'],
    ['/spec/~2', 'after "~" only'],
    ['/spec/interval~', 'after "~" only'],
    ['/spec/__proto__', '"__proto__" is refused'],
    ['/spec/__proto__/polluted', '"__proto__" is refused'],
    ['/spec/constructor/prototype/polluted', '"constructor" is refused'],
    ['/spec/toString', 'there is no such member'],
    ['/toString', 'there is no such member'],
    ['/spec/profiles/-', 'the list there has 3 elements'],
    ['/spec/profiles/3', 'the list there has 3 elements'],
    ['/spec/profiles/01', 'the list there has 3 elements'],
    ['/spec/profiles/-1', 'the list there has 3 elements'],
    ['/spec/profiles/1e0', 'the list there has 3 elements'],
    ['/spec/profiles/length', 'the list there has 3 elements'],
    ['/spec/interval/x', 'neither an object nor a list'],
    ['/spec/limits/node/x', 'neither an object nor a list'],
  ];
  for (const [path, expected] of PATHS) {
    for (const op of ['remove', 'replace', 'test', 'copy']) {
      it(`is refused when it wants to ${op} ${JSON.stringify(path)}`, () => {
        const operation = op === 'copy' ? { op, from: path, path: '/spec/target' } : { op, path, value: 1 };
        expect(refusal([operation])).to.contain(expected);
      });
    }
  }

  it('adds to a list at its end, and not behind it', () => {
    expect(spec(patched([{ op: 'add', path: '/spec/profiles/3', value: 'D' }]))['profiles']).to.deep.equal(['A', 'B', 'C', 'D']);
    expect(refusal([{ op: 'add', path: '/spec/profiles/4', value: 'D' }])).to.contain('no position of a list of 3');
    expect(refusal([{ op: 'add', path: '/spec/profiles/length', value: 0 }])).to.contain('no position of a list of 3');
  });

  it('moves nothing below itself, and judges the target after the removal', () => {
    expect(refusal([{ op: 'move', from: '/spec/nested', path: '/spec/nested/inner' }])).to.contain('cannot be moved below itself');
    expect(refusal([{ op: 'move', from: '/spec/profiles/0', path: '/spec/profiles/3' }])).to.contain('no position of a list of 2');
    expect(spec(patched([{ op: 'move', from: '/spec/profiles/0', path: '/spec/profiles/2' }]))['profiles']).to.deep.equal(['B', 'C', 'A']);
  });

  it('compares whole values, in whatever order their members are', () => {
    expect(refusal([{ op: 'test', path: '/spec/limits', value: { total: 5 } }])).to.contain('another one');
    expect(refusal([{ op: 'test', path: '/spec/limits', value: { hasOwnProperty: 1, total: 5 } }])).to.contain('another one');
    expect(refusal([{ op: 'test', path: '/spec/interval', value: '60' }])).to.contain('another one');
  });
});

describe('protected paths', () => {
  const MEMBERS = [
    '/apiVersion',
    '/kind',
    '/metadata/name',
    '/metadata/namespace',
    '/metadata/generateName',
    '/metadata/uid',
    '/metadata/resourceVersion',
    '/metadata/managedFields',
    '/metadata/ownerReferences',
    '/metadata/finalizers',
    '/status',
    '/metadata/labels/platform.kubevirt.io~1managed-by',
    '/metadata/annotations/platform.kubevirt.io~1patch',
    '/metadata/annotations/platform.kubevirt.io~1anything',
  ];
  const ANCESTORS = ['/metadata', '/metadata/labels', '/metadata/annotations'];
  const touched = [...MEMBERS, ...MEMBERS.map((path) => `${path}/0`), ...ANCESTORS];
  for (const path of touched) {
    it(`refuse every operation on ${path}`, () => {
      for (const op of ['add', 'remove', 'replace', 'test']) expect(refusal([{ op, path, value: 'x' }])).to.contain('protected');
      for (const op of ['move', 'copy']) {
        expect(refusal([{ op, from: path, path: '/spec/x' }])).to.contain('protected');
        expect(refusal([{ op, from: '/spec/interval', path }])).to.contain('protected');
      }
    });
  }

  it('leave look-alikes alone', () => {
    const paths = [
      '/metadata/nameX',
      '/kindred',
      '/statusUpdate',
      '/apiversion',
      '/metadata/annotations/platform.kubevirt.io',
      '/metadata/labels/example.com~1x',
      '/spec/metadata',
    ];
    for (const path of paths) expect(patch([{ op: 'add', path, value: 'x' }]).kind, path).to.equal('patched');
  });
});

describe('sensitive kinds', () => {
  const KINDS: readonly (readonly [string, string])[] = [
    ['machineconfiguration.openshift.io/v1', 'MachineConfig'],
    ['machineconfiguration.openshift.io/v1', 'KubeletConfig'],
    ['machineconfiguration.openshift.io/v1', 'ContainerRuntimeConfig'],
    ['rbac.authorization.k8s.io/v1', 'ClusterRole'],
    ['rbac.authorization.k8s.io/v1beta1', 'ClusterRoleBinding'],
    ['rbac.authorization.k8s.io/v1', 'Role'],
    ['rbac.authorization.k8s.io/v1', 'RoleBinding'],
    ['v1', 'Namespace'],
    ['v1', 'Secret'],
    ['v1', 'ServiceAccount'],
    ['v1', 'Pod'],
    ['policy/v1beta1', 'PodSecurityPolicy'],
    ['security.openshift.io/v1', 'SecurityContextConstraints'],
    ['admissionregistration.k8s.io/v1', 'ValidatingWebhookConfiguration'],
    ['apiextensions.k8s.io/v1', 'CustomResourceDefinition'],
    ['apiregistration.k8s.io/v1', 'APIService'],
    ['fence-agents-remediation.medik8s.io/v1alpha1', 'FenceAgentsRemediationTemplate'],
    ['perses.dev/v1alpha2', 'PersesDatasource'],
    ['perses.dev/v1alpha2', 'PersesGlobalDatasource'],
    ['operators.coreos.com/v1alpha1', 'Subscription'],
    ['operators.coreos.com/v1', 'OperatorGroup'],
    ['operators.coreos.com/v1alpha1', 'CatalogSource'],
  ];
  for (const [apiVersion, kind] of KINDS) {
    it(`take no patch: ${kind} of ${apiVersion}`, () => {
      const outcome = applyUserPatch({ apiVersion, kind, metadata: { name: 'x' } }, '[{"op":"add","path":"/x","value":1}]');
      expect(outcome.kind).to.equal('refused');
    });
  }

  it('are told apart by group', () => {
    const object = { apiVersion: 'example.com/v1', kind: 'Secret', metadata: { name: 'x' } };
    expect(applyUserPatch(object, '[{"op":"add","path":"/x","value":1}]').kind).to.equal('patched');
  });

  const workload = (pod: JsonMap, kind = 'DaemonSet'): JsonMap => ({
    apiVersion: kind === 'CronJob' ? 'batch/v1' : 'apps/v1',
    kind,
    metadata: { name: 'x', namespace: 'y' },
    spec: kind === 'CronJob' ? { jobTemplate: { spec: { template: { spec: pod } } } } : { template: { spec: pod } },
  });
  const container = (securityContext: JsonMap): JsonMap => ({ containers: [{ name: 'a', securityContext }] });
  const ACCESS: readonly (readonly [string, JsonMap])[] = [
    ['hostNetwork', { hostNetwork: true }],
    ['hostPID', { hostPID: true }],
    ['hostIPC', { hostIPC: true }],
    ['a hostPath volume', { volumes: [{ name: 'a', hostPath: { path: '/' } }] }],
    ['a privileged container', container({ privileged: true })],
    ['added capabilities', container({ capabilities: { add: ['SYS_ADMIN'] } })],
    ['a container that may become root', container({ runAsUser: 0 })],
    ['a container that may become root', { securityContext: { runAsUser: 0 }, initContainers: [{ name: 'a' }] }],
  ];
  for (const [why, pod] of ACCESS) {
    for (const kind of ['DaemonSet', 'CronJob']) {
      const place = kind === 'CronJob' ? '/spec/jobTemplate/spec/template/spec' : '/spec/template/spec';
      it(`are workloads with ${why} before the patch (${kind}, ${JSON.stringify(pod)})`, () => {
        const outcome = applyUserPatch(workload(pod, kind), `[{"op":"add","path":"${place}/x","value":1}]`);
        expect(outcome.kind === 'refused' && outcome.problem.why).to.contain(why);
      });
      it(`are workloads with ${why} after the patch (${kind}, ${JSON.stringify(pod)})`, () => {
        const operation = { op: 'replace', path: place, value: { ...pod } };
        const outcome = applyUserPatch(workload({ containers: [{ name: 'a' }] }, kind), JSON.stringify([operation]));
        expect(outcome.kind === 'refused' && outcome.problem.why).to.contain(why);
      });
    }
  }

  it('are workloads whose service account the patch changes, and no others', () => {
    const plain = workload({
      serviceAccountName: 'a',
      containers: [{ name: 'a', securityContext: { runAsUser: 0, allowPrivilegeEscalation: false } }],
    });
    const path = '/spec/template/spec';

    expect(applyUserPatch(plain, `[{"op":"replace","path":"${path}/serviceAccountName","value":"b"}]`).kind).to.equal('refused');
    expect(applyUserPatch(plain, `[{"op":"add","path":"${path}/serviceAccount","value":"b"}]`).kind).to.equal('refused');
    expect(applyUserPatch(plain, `[{"op":"add","path":"${path}/nodeSelector","value":{"a":"b"}}]`).kind).to.equal('patched');
  });
});
