import { expect } from 'chai';
import { MODULE_DEFINITIONS, moduleSettings } from '../../../src/cli/modules';
import { managerRightsByPart, printedRights } from '../../../src/cli/rights';
import { Settings } from '../../../src/framework';
import { Helm } from '../../harness/helm';
import { NAMESPACE, type TestObject } from '../../harness/steward-cluster';

interface Rule {
  apiGroups?: string[];
  resources?: string[];
  resourceNames?: string[];
  verbs: string[];
}

/** `Kind: verb group/resource names`, one a verb, sorted. */
function rightsIn(objects: readonly TestObject[], names: readonly string[]): string[] {
  const roles = objects.filter(({ kind, metadata }) => /Role$/.test(kind) && names.includes(metadata.name));
  const lines = roles.flatMap(({ kind, ...role }) =>
    (role['rules'] as Rule[]).flatMap(({ apiGroups = [], resources = [], resourceNames = [], verbs }) =>
      apiGroups.flatMap((group) =>
        resources.flatMap((resource) => verbs.map((verb) => `${kind}: ${verb} ${group}/${resource} ${resourceNames.join()}`)),
      ),
    ),
  );
  return [...new Set(lines)].sort();
}

/** Values of the chart and the flags they become. */
const VARIANTS: Readonly<Record<string, Readonly<Record<string, string>>>> = {
  'tls.mode=self': {},
  'wol.grpc.mtls=true': { grpcMtls: 'true' },
  'tls.mode=cert-manager': { grpcTlsMode: 'cert-manager' },
  'tls.mode=service-ca,openshift.enabled=true': { grpcTlsMode: 'service-ca' },
  'tls.mode=existingSecret,tls.existingSecret=own-pair': { grpcTlsMode: 'existingSecret', grpcTlsSecret: 'own-pair' },
  'tls.mode=existingSecret,tls.existingSecret=own-pair,wol.grpc.mtls=true': {
    grpcTlsMode: 'existingSecret',
    grpcTlsSecret: 'own-pair',
    grpcMtls: 'true',
  },
  'wol.grpc.insecure=true': { grpcInsecure: 'true' },
};

/** The same for the Secrets of the module machines. */
const SECRET_VARIANTS: Readonly<Record<string, Readonly<Record<string, string>>>> = {
  '': { kubevirtConfigsNamespace: NAMESPACE },
  'machines.configsNamespace=clusters': { kubevirtConfigsNamespace: 'clusters' },
  'machines.secretNamespaces={lab,office},machines.secretNames={one,two}': {
    kubevirtConfigsNamespace: NAMESPACE,
    machinesSecretNamespaces: 'lab,office',
    machinesSecretNames: 'one,two',
  },
};

const MANAGER_ROLES = ['virt-steward-manager', 'virt-steward-wol'];

describe('rights in the rendered chart', () => {
  let helm: Helm;

  before(async function () {
    this.timeout(0);
    helm = await Helm.find(4);
  });

  after(() => helm?.remove());

  for (const [values, flags] of Object.entries(VARIANTS)) {
    for (const [further, features] of [
      ['', { leaderElection: true, secureMetrics: true }],
      [',manager.leaderElection=false,manager.replicas=1,metrics.secure=false', { leaderElection: false, secureMetrics: false }],
    ] as const) {
      it(`with ${values}${further} are those that the manager needs with the flags of the values`, async () => {
        const settings = moduleSettings(new Settings(MODULE_DEFINITIONS, flags, {}), NAMESPACE);
        const names = { name: 'virt-steward-manager', namespace: NAMESPACE, serviceAccount: 'virt-steward-manager' };
        const printed = JSON.parse(printedRights(managerRightsByPart(['wol'], features, settings), 'json', names)) as {
          items: TestObject[];
        };

        const objects = await helm.objects(`--set=missingApis=render,${values}${further}`);

        expect(rightsIn(objects, MANAGER_ROLES)).to.deep.equal(rightsIn(printed.items, ['virt-steward-manager']));
      });
    }
  }

  it('hold no wildcard, no right over all Secrets, and no write to virtual machines, nodes, roles or CRDs', async () => {
    for (const values of Object.keys(VARIANTS)) {
      const rights = rightsIn(await helm.objects(`--set=missingApis=render,${values}`), MANAGER_ROLES);

      expect(rights.filter((right) => /\*|escalate|impersonate|\bbind\b/.test(right))).to.deep.equal([]);
      expect(rights.filter((right) => /^ClusterRole: .* \/secrets /.test(right) || /: (list|watch) \/secrets $/.test(right))).to.deep.equal(
        [],
      );
      expect(
        rights.filter((right) => /: (create|update|patch|delete\w*) (kubevirt\.io\/|\/nodes|\/pods|rbac\.|apiextensions)/.test(right)),
      ).to.deep.equal([]);
      expect(rights.filter((right) => /^ClusterRole: .*daemonsets/.test(right))).to.deep.equal([]);
    }
  });

  for (const [values, flags] of Object.entries(SECRET_VARIANTS)) {
    it(`with ${values || 'default values'} let the module machines read Secrets where they are, as the manager needs with these values`, async () => {
      const settings = moduleSettings(new Settings(MODULE_DEFINITIONS, flags, {}), NAMESPACE);
      const parts = managerRightsByPart(['machines'], { leaderElection: false, secureMetrics: false }, settings);
      const names = { name: 'printed', namespace: NAMESPACE, serviceAccount: 'virt-steward-manager' };
      const printed = (JSON.parse(printedRights(parts, 'json', names)) as { items: TestObject[] }).items;
      const roles = (objects: readonly TestObject[], name: string): Record<string, string[]> =>
        Object.fromEntries(
          objects
            .filter(({ kind, metadata }) => kind === 'Role' && metadata.name === name)
            .map((role) => [role.metadata.namespace ?? '', rightsIn([role], [name])]),
        );

      const objects = await helm.objects(`--set=wol.enabled=false,machines.enabled=true${values && `,${values}`}`);

      expect(roles(objects, 'virt-steward-machines-secrets')).to.deep.equal(roles(printed, 'printed'));
    });
  }

  for (const [values, flags] of [
    ['machines.legacyPvcCleanup=true', { legacyPvcCleanup: 'true' }],
    ['machines.extraEnv.LEGACY_PVC_CLEANUP="true"', { legacyPvcCleanup: 'true' }],
    ['machines.extraEnv.LEGACY_PVC_CLEANUP="false"', {}],
    ['', {}],
  ] as const) {
    it(`with ${values || 'default values'} let the module machines delete claims on this cluster only if it is to clean them up`, async () => {
      const settings = moduleSettings(new Settings(MODULE_DEFINITIONS, { kubevirtConfigsNamespace: '*', ...flags }, {}), NAMESPACE);
      const parts = managerRightsByPart(['machines'], { leaderElection: false, secureMetrics: false }, settings);
      const own = parts.filter(({ name }) => name === 'machines');
      const names = { name: 'printed', namespace: NAMESPACE, serviceAccount: 'virt-steward-manager' };
      const printed = (JSON.parse(printedRights(own, 'json', names)) as { items: TestObject[] }).items;
      const isOfClaims = (right: string): boolean => right.includes('persistentvolumeclaims');

      const objects = await helm.objects(`--set=machines.enabled=true`, ...(values === '' ? [] : [`--set-json=${values}`]));
      const rights = rightsIn(objects, ['virt-steward-machines']);

      expect(rights).to.deep.equal(rightsIn(printed, ['printed']));
      expect(rights.filter(isOfClaims)).to.deep.equal(
        'legacyPvcCleanup' in flags ? ['delete', 'list'].map((verb) => `ClusterRole: ${verb} /persistentvolumeclaims `) : [],
      );
    });
  }

  it('let the manager get the named passwords in other namespaces, and nothing else there', async () => {
    const objects = await helm.objects(
      '--set=wol.secureOnSecrets[0].namespace=lab,wol.secureOnSecrets[0].name=one,wol.secureOnSecrets[1].namespace=lab,wol.secureOnSecrets[1].name=two',
    );

    expect(rightsIn(objects, ['virt-steward-secureon'])).to.deep.equal(['Role: get /secrets one,two']);
    expect(objects.find(({ kind, metadata }) => kind === 'Role' && metadata.name === 'virt-steward-secureon')?.metadata.namespace).to.equal(
      'lab',
    );
  });

  it('let people view and edit Machines, through the roles of Kubernetes unless told otherwise, and no KubevirtConfig', async () => {
    const rolesFor = async (values: string): Promise<TestObject[]> =>
      (await helm.objects(`--set=machines.enabled=true${values}`)).filter(({ metadata }) => /-machines-(view|edit)$/.test(metadata.name));
    const labels = (roles: readonly TestObject[]): string[][] =>
      roles
        .map(({ metadata }) => Object.keys(metadata.labels ?? {}).filter((name) => name.startsWith('rbac.')))
        .map((names) => names.sort());
    const roles = await rolesFor('');
    const aggregate = (...names: string[]): string[] => names.map((name) => `rbac.authorization.k8s.io/aggregate-to-${name}`);

    expect(roles.map(({ metadata }) => metadata.name)).to.deep.equal(['virt-steward-machines-edit', 'virt-steward-machines-view']);
    expect(labels(roles)).to.deep.equal([aggregate('admin', 'edit'), aggregate('admin', 'edit', 'view')]);
    expect(rightsIn(roles, ['virt-steward-machines-view'])).to.deep.equal(
      ['machines', 'machines/status', 'networkconfigurations', 'networkconfigurations/status']
        .flatMap((resource) =>
          (resource.endsWith('/status') ? ['get'] : ['get', 'list', 'watch']).map(
            (verb) => `ClusterRole: ${verb} vitistack.io/${resource} `,
          ),
        )
        .sort(),
    );
    expect(rightsIn(roles, ['virt-steward-machines-edit']).join())
      .to.contain('delete vitistack.io/machines ')
      .and.not.contain('kubevirtconfigs');
    expect(labels(await rolesFor(',rbac.aggregateToDefaultRoles=false'))).to.deep.equal([[], []]);
    expect(await rolesFor(',rbac.userRoles=false')).to.deep.equal([]);
  });
});
