import { expect } from 'chai';
import * as fc from 'fast-check';
import { parse, parseAllDocuments, stringify } from 'yaml';
import { containerOf, defaultSettings, handlersOf } from '../../../src/cli/modules';
import { allRules, managerRightsByPart, printedRights, type RightsFormat, type RightsPart } from '../../../src/cli/rights';
import {
  buildRegistry,
  ConfigMap,
  Handler,
  type HandlerClass,
  type InjectionToken,
  OnDelete,
  OPERATOR_NAMESPACE,
  Pod,
  Reconcile,
  rbacRules,
  rbacSources,
  Secret,
} from '../../../src/framework';
import { type ChartRelease, renderTemplate } from '../../harness/chart-template';

interface Rule {
  apiGroups: string[];
  resources: string[];
  resourceNames?: string[];
  verbs: string[];
}

interface RbacObject {
  kind: string;
  metadata: { name: string; namespace?: string };
  rules?: Rule[];
  roleRef?: { kind: string; name: string };
  subjects?: { kind: string; name: string; namespace?: string }[];
}

const NAMES = { name: 'steward', namespace: 'ns', serviceAccount: 'account' };
const ALL_FORMATS: readonly (RightsFormat | 'explanation')[] = ['yaml', 'json', 'helm', 'olm', 'markdown', 'explanation'];

@Handler({
  rbac: [
    { kind: Secret, verbs: ['get', 'watch'], names: ['tls'], namespace: OPERATOR_NAMESPACE, why: 'the {{ certificate }} | of "gRPC"' },
    { kind: ConfigMap, verbs: ['delete'], names: ['extension'], namespace: 'kube-system', why: 'who may call # us: <everybody>' },
  ],
})
class Certificates {
  @OnDelete(Pod)
  async gone(): Promise<void> {}
}

@Handler()
class Maps {
  @Reconcile(ConfigMap, { owns: [Pod] })
  async reconcile(): Promise<void> {}
}

const get = <T>(token: InjectionToken<T>): T => containerOf(defaultSettings()).resolve(token);

/** All parts there are, beside a module that needs everything a rule can say. */
function sampleParts(handlers: readonly HandlerClass[] = [Certificates, Maps]): RightsPart[] {
  const registry = buildRegistry({ handlers: [...handlersOf(['wol']), ...handlers], domain: 'example.org' });
  const sources = rbacSources(registry, { lease: 'lease', secureMetrics: true, get });
  return [
    { name: 'core', rules: sources.framework },
    { name: 'leaderElection', rules: sources.leaderElection },
    { name: 'secureMetrics', rules: sources.secureMetrics },
    { name: 'wol', rules: sources.handlers },
  ];
}

const objectsIn = (text: string): RbacObject[] =>
  parseAllDocuments(text).flatMap((document) => {
    expect(document.errors).to.deep.equal([]);
    return document.toJS() === null ? [] : [document.toJS() as RbacObject];
  });

/** What the account may do where, one line a verb: the same for all ways to write it. */
function granted(objects: readonly RbacObject[]): string[] {
  const lines = objects.flatMap(({ kind, metadata, rules = [] }) =>
    rules.flatMap(({ apiGroups, resources, resourceNames = ['*'], verbs }) =>
      verbs.map((verb) => `${kind === 'Role' ? metadata.namespace : '*'} ${verb} ${apiGroups} ${resources} ${resourceNames}`),
    ),
  );
  return [...new Set(lines)].sort();
}

const VALUES = {
  rbac: { create: true },
  manager: { leaderElection: true },
  metrics: { enabled: true, secure: true },
  wol: { enabled: true },
};

function rendered(parts: readonly RightsPart[], values: object = {}): RbacObject[] {
  const helpers = {
    'virt-steward.fullname': 'release',
    'virt-steward.labels': 'app.kubernetes.io/name: virt-steward',
    'virt-steward.serviceAccountName': 'account',
  };
  const release: ChartRelease = { namespace: 'ns', values: { ...VALUES, ...values }, helpers };
  return objectsIn(renderTemplate(printedRights(parts, 'helm', NAMES), release));
}

/** What OLM makes of a bundle in namespace ns that serves all namespaces, for the rights alone. */
function installed(parts: readonly RightsPart[]): RbacObject[] {
  const [csv, ...manifests] = objectsIn(printedRights(parts, 'olm', NAMES)) as unknown as [
    Record<string, { rules: Rule[] }[]>,
    ...RbacObject[],
  ];
  const lifted = [...csv['clusterPermissions']!, ...csv['permissions']!];
  return [
    ...lifted.map(({ rules }) => ({ kind: 'ClusterRole', metadata: { name: 'generated' }, rules })),
    ...manifests.map((object) => ({ ...object, metadata: { namespace: 'ns', ...object.metadata } })),
  ];
}

describe('printed rights', () => {
  it('say the same in every format that can be applied', () => {
    const parts = sampleParts();
    const asYaml = granted(objectsIn(printedRights(parts, 'yaml', NAMES)));

    expect(asYaml).to.include.members([
      '* list  pods *',
      'kube-system delete  configmaps extension',
      'ns watch  secrets tls',
      'ns update coordination.k8s.io leases lease',
    ]);
    expect(granted((JSON.parse(printedRights(parts, 'json', NAMES)) as { items: RbacObject[] }).items)).to.deep.equal(asYaml);
    expect(granted(rendered(parts))).to.deep.equal(asYaml);
    expect(granted(installed(parts))).to.deep.equal(asYaml);
  });

  it('bind every role to the account, and olm leaves the namespace of the account to the binding', () => {
    for (const objects of [objectsIn(printedRights(sampleParts(), 'yaml', NAMES)), rendered(sampleParts())]) {
      const roles = objects.filter(({ rules }) => rules !== undefined);
      const bindings = objects.filter(({ roleRef }) => roleRef !== undefined);
      expect(bindings.map(({ roleRef, metadata }) => [roleRef?.kind, roleRef?.name, metadata.namespace])).to.deep.equal(
        roles.map(({ kind, metadata }) => [kind, metadata.name, metadata.namespace]),
      );
      for (const { subjects } of bindings) {
        expect(subjects).to.deep.equal([{ kind: 'ServiceAccount', name: 'account', namespace: 'ns' }]);
      }
    }
    const binding = installed(sampleParts()).find(({ kind }) => kind === 'RoleBinding');
    expect(binding?.subjects).to.deep.equal([{ kind: 'ServiceAccount', name: 'account' }]);
  });

  it('do not depend on the order of handlers', () => {
    const handlers: HandlerClass[] = [Certificates, Maps];
    const expected = ALL_FORMATS.map((format) => printedRights(sampleParts(), format, NAMES));
    fc.assert(
      fc.property(fc.shuffledSubarray(handlers, { minLength: 2 }), (shuffled) => {
        expect(ALL_FORMATS.map((format) => printedRights(sampleParts(shuffled), format, NAMES))).to.deep.equal(expected);
      }),
    );
  });

  it('are the rights of all handlers together, part by part', () => {
    const features = { lease: 'virt-steward-manager', secureMetrics: true, get };
    const registry = buildRegistry({ handlers: handlersOf(['wol']), domain: 'virt-steward.io' });

    expect(allRules(managerRightsByPart(['wol'], { leaderElection: true, secureMetrics: true }))).to.deep.equal(
      rbacRules(registry, features),
    );
  });

  it('of the manager have no wildcard, no verb that widens rights, and no Secret without a name but for SecureOn', () => {
    for (const { group, resource, verbs, names, namespace, reasons } of allRules(
      managerRightsByPart(['wol'], { leaderElection: true, secureMetrics: true }),
    )) {
      expect([group, resource, ...verbs].join(' ')).not.to.match(/\*|\b(escalate|bind|impersonate)\b/);
      // What does not exist yet cannot be named in a rule, and people name the Secrets of their passwords.
      const takesAnyName = ['create', 'get', 'get,create'].includes(verbs.join()) && namespace === OPERATOR_NAMESPACE;
      if (resource === 'secrets' && group === '' && !takesAnyName) expect(names).not.to.deep.equal([]);
      for (const { why } of reasons) expect(why).not.to.equal('');
    }
  });
});

describe('the template of the chart', () => {
  const kinds = (objects: readonly RbacObject[]): string[] => objects.map(({ kind, metadata }) => `${kind} ${metadata.name}`);

  it('has one ClusterRole a module and one Role a namespace', () => {
    expect(kinds(rendered(sampleParts())).filter((text) => !text.includes('Binding'))).to.deep.equal([
      'ClusterRole release-manager',
      'ClusterRole release-wol',
      'Role release-manager',
      'Role release-manager',
    ]);
  });

  it('leaves no rule and no empty role of what is turned off', () => {
    const off = { metrics: { enabled: true, secure: false }, wol: { enabled: false }, manager: { leaderElection: false } };
    const objects = rendered(managerRightsByPart(['wol'], { leaderElection: true, secureMetrics: true }), off);

    expect(kinds(objects)).to.deep.equal(['ClusterRole release-manager', 'ClusterRoleBinding release-manager']);
    expect(granted(objects).join('\n')).not.to.match(/review|kubevirt|wolconfigs|leases/);
  });

  it('renders nothing when the chart is not to create rights', () => {
    expect(rendered(sampleParts(), { rbac: { create: false } })).to.deep.equal([]);
  });

  it('shows a reason that looks like a template action as it is', () => {
    const template = printedRights(sampleParts(), 'helm', NAMES);

    expect(template).to.contain('# Certificates: the {{ "{{" }} certificate }} | of "gRPC"');
  });
});

describe('the reference page of rights', () => {
  it('has a row for each rule with its reasons, in cells that hold', () => {
    const page = printedRights(sampleParts(), 'markdown', NAMES);
    const rows = page.split('\n').filter((line) => line.startsWith('| ') && !line.startsWith('| API group'));

    expect(rows).to.have.length(sampleParts().flatMap(({ rules }) => rules).length);
    for (const row of rows) expect(row.split(/(?<!\\)\|/)).to.have.length(7);
    expect(page).to.contain('who may call # us: &lt;everybody>');
  });
});

describe('explained rights', () => {
  it('tell for each verb who needs it and why', () => {
    const text = printedRights(managerRightsByPart(['wol'], { leaderElection: true, secureMetrics: false }), 'explanation', NAMES);

    expect(text).to.contain(
      [
        'wolconfigs/status.wol.pillon.org, everywhere: get, patch',
        '  get, patch  AgentHandler.deploy         status and conditions',
        '  patch       WakeServer                  lastWake and agentProblems',
        '  get, patch  WolConfigHandler.reconcile  status and conditions',
      ].join('\n'),
    );
    expect(text).to.match(/^leases\S+ named virt-steward-manager, in the manager's namespace: get, update$/m);
    expect(text).not.to.contain('subjectaccessreviews');
  });
});

describe('comments in printed rights', () => {
  it('do not reach the objects', () => {
    const text = printedRights(sampleParts(), 'yaml', NAMES);
    const objects = objectsIn(text);

    expect(text).to.contain('# Certificates: who may call # us: <everybody>');
    expect(parse(stringify(objects))).to.deep.equal((JSON.parse(printedRights(sampleParts(), 'json', NAMES)) as { items: unknown }).items);
  });
});
