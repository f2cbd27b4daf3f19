import { execFileSync } from 'node:child_process';
import { isDeepStrictEqual } from 'node:util';
import { expect } from 'chai';
import { type ControlPlane, startControlPlane } from '../../../hack/control-plane';
import { AdminApi } from '../../harness/admin-api';
import { renderTemplate } from '../../harness/chart-template';
import { poll } from '../../harness/poll';
import { MAIN, objectsIn, type TestObject } from '../../harness/steward-cluster';

interface Rule {
  apiGroups?: string[];
  resources?: string[];
  resourceNames?: string[];
  verbs: string[];
}

interface RoleObject extends TestObject {
  rules?: Rule[];
}

const RBAC = 'rbac.authorization.k8s.io/v1';
const ACCOUNT = 'manager';

const rbac = (...args: readonly string[]): string => execFileSync(process.execPath, [MAIN, 'rbac', ...args], { encoding: 'utf8' });
const flags = (namespace: string): string[] => [`--namespace=${namespace}`, `--service-account=${ACCOUNT}`, `--name=${namespace}`];

/** What people apply, by format; each into a namespace of its own that is called like it. */
const FORMS: Readonly<Record<string, () => TestObject[]>> = {
  yaml: () => objectsIn(rbac(...flags('yaml'))),
  json: () => (JSON.parse(rbac('--output=json', ...flags('json'))) as { items: TestObject[] }).items,
  helm: () => objectsIn(renderTemplate(rbac('--output=helm'), RELEASE)),
  olm: () => installed(rbac('--output=olm', ...flags('olm')), 'olm'),
};

const RELEASE = {
  namespace: 'helm',
  values: {
    rbac: { create: true },
    manager: { leaderElection: true },
    metrics: { enabled: true, secure: true },
    wol: { enabled: true },
    platform: { enabled: true },
    machines: { enabled: true },
  },
  helpers: {
    'virt-steward.fullname': 'helm',
    'virt-steward.labels': 'app.kubernetes.io/name: virt-steward',
    'virt-steward.serviceAccountName': ACCOUNT,
  },
};

interface Permissions {
  serviceAccountName: string;
  rules: Rule[];
}

/** What OLM makes of a bundle for all namespaces: permissions of both kinds hold everywhere, manifests go into the namespace. */
function installed(text: string, namespace: string): TestObject[] {
  const [csv, ...manifests] = objectsIn(text) as [
    TestObject & Record<'clusterPermissions' | 'permissions', Permissions[]>,
    ...TestObject[],
  ];
  const generated = [...csv.clusterPermissions, ...csv.permissions].flatMap(({ serviceAccountName, rules }, index) => {
    const metadata = { name: `${namespace}-generated-${index}` };
    const roleRef = { apiGroup: 'rbac.authorization.k8s.io', kind: 'ClusterRole', name: metadata.name };
    const subjects = [{ kind: 'ServiceAccount', name: serviceAccountName, namespace }];
    return [
      { apiVersion: RBAC, kind: 'ClusterRole', metadata, rules },
      { apiVersion: RBAC, kind: 'ClusterRoleBinding', metadata, roleRef, subjects },
    ];
  });
  return [...generated, ...manifests.map((object) => ({ ...object, metadata: { namespace, ...object.metadata } }))];
}

/** One line a verb, so that it does not matter how rules are grouped. */
function lines(rules: readonly Rule[]): string[] {
  const all = rules.flatMap(({ apiGroups = [], resources = [], resourceNames = [], verbs }) =>
    apiGroups.flatMap((group) =>
      resources.flatMap((resource) => verbs.map((verb) => `${verb} ${group}/${resource} ${[...resourceNames].sort().join()}`)),
    ),
  );
  const distinct = new Set(all);
  // A module that asks for an object by its name adds nothing where another may see all of them.
  return [...distinct].filter((line) => line.endsWith(' ') || !distinct.has(line.slice(0, line.lastIndexOf(' ') + 1))).sort();
}

describe('printed rights on a real API server', () => {
  let controlPlane: ControlPlane;
  let api: AdminApi;

  before(async function () {
    this.timeout(0);
    controlPlane = await startControlPlane({ controllerManager: false });
    api = new AdminApi(controlPlane);
    for (const name of [...Object.keys(FORMS), 'nobody']) {
      await api.apply({ apiVersion: 'v1', kind: 'Namespace', metadata: { name } });
      await api.apply({ apiVersion: 'v1', kind: 'ServiceAccount', metadata: { name: ACCOUNT, namespace: name } });
    }
  });

  after(() => controlPlane?.stop());

  /** What the API server says that the account of a namespace may do there, or elsewhere. */
  async function rightsOf(account: string, namespace: string): Promise<string[]> {
    const token = await controlPlane.serviceAccountToken(account, ACCOUNT);
    const body = { apiVersion: 'authorization.k8s.io/v1', kind: 'SelfSubjectRulesReview', spec: { namespace } };
    const path = '/apis/authorization.k8s.io/v1/selfsubjectrulesreviews';
    const { body: answer } = await controlPlane.request({ method: 'POST', path, body }, token);
    const { status } = answer as { status: { resourceRules: Rule[]; incomplete: boolean } };
    expect(status.incomplete).to.equal(false);
    return lines(status.resourceRules);
  }

  for (const [form, objects] of Object.entries(FORMS)) {
    it(`applied as ${form} are what yaml says, in the namespace of the manager and elsewhere`, async () => {
      const printed = FORMS['yaml']!() as RoleObject[];
      const everywhere = printed.filter(({ kind }) => kind === 'ClusterRole').flatMap(({ rules = [] }) => rules);
      // KubevirtConfigs and their Secrets have a namespace of their own.
      const isHere = ({ kind, metadata }: RoleObject): boolean => kind === 'Role' && metadata['namespace'] === 'yaml';
      const here = printed.filter(isHere).flatMap(({ rules = [] }) => rules);
      const expected = { here: lines([...everywhere, ...here]), elsewhere: lines(everywhere) };
      expect(expected.here).to.include('update coordination.k8s.io/leases virt-steward-manager');
      expect(expected.elsewhere).to.include('update subresources.kubevirt.io/virtualmachines/start ');

      for (const object of objects()) await api.apply(object);

      const own = async (namespace: string): Promise<string[]> => {
        const lines = await rightsOf(form, namespace);
        // Asked for last: an API server that has just started may not have read what everybody may do.
        const everybody = await rightsOf('nobody', 'nobody');
        return lines.filter((line) => !everybody.includes(line));
      };
      let seen: unknown;
      await poll(
        'the API server to have noticed',
        async () => {
          seen = { here: await own(form), elsewhere: await own('nobody') };
          return isDeepStrictEqual(seen, expected);
        },
        { onTimeout: () => JSON.stringify({ seen, expected }, undefined, 2) },
      );
    });
  }
});
