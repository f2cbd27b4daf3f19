/** B19-B23: what the bundle lets the operator do. R1 to R9 are the rules about rights that hold in the chart as well. */
import { type Bundle, deployments, type GrantedRule, grantedRules, spec } from '../bundle';
import { type Problem, problem, type Rule } from '../rule';
import { at, listOf, mapOf, textOf } from '../values';

const WRITES = new Set(['create', 'update', 'patch', 'delete', 'deletecollection']);
/** Objects of our own kinds that the operator itself makes; all others are made by people. */
const MADE_BY_US = new Set(['networkconfigurations']);

interface Prohibition {
  readonly resource: RegExp;
  readonly groups?: RegExp;
  readonly verbs: (verb: string) => boolean;
  readonly applies?: (rule: GrantedRule) => boolean;
  readonly text: string;
}

const isWrite = (verb: string): boolean => WRITES.has(verb);
const always = (): boolean => true;

/** R2 to R6, for every rule of the bundle. */
const PROHIBITIONS: readonly Prohibition[] = [
  { resource: /^secrets$/, verbs: always, applies: ({ isClusterWide }) => isClusterWide, text: 'Secrets of all namespaces' },
  {
    resource: /^secrets$/,
    // To watch one by its name takes the right to watch; whoever lists sees all at once.
    verbs: (verb) => verb === 'list',
    applies: ({ names }) => names.length === 0,
    text: 'to list Secrets without naming them',
  },
  {
    resource: /^daemonsets$/,
    verbs: isWrite,
    applies: ({ isClusterWide }) => isClusterWide,
    text: 'to write DaemonSets in all namespaces',
  },
  { resource: /^pods\/(exec|attach|portforward)$|^nodes\/proxy$/, verbs: always, text: 'to reach into pods or nodes' },
  { resource: /^nodes$/, verbs: isWrite, text: 'to write Nodes' },
  {
    resource: /^virtualmachines(\/status)?$|^virtualmachineinstances$/,
    groups: /^kubevirt\.io$/,
    verbs: isWrite,
    text: 'to change virtual machines',
  },
  {
    resource: /^(cluster)?role(binding)?s$/,
    verbs: (verb) => verb === 'escalate' || verb === 'bind',
    applies: ({ names }) => names.length === 0,
    text: 'to grant rights without naming the role',
  },
  {
    resource: /^leases$/,
    verbs: (verb) => verb === 'update' || verb === 'patch' || verb === 'get',
    applies: ({ names }) => names.length === 0,
    text: 'to change Leases without naming them',
  },
];

export const PERMISSION_RULES: readonly Rule[] = [
  {
    id: 'B19',
    title: 'no rule has a wildcard, or lets its holder be somebody else (R1)',
    *check(bundle) {
      for (const rule of grantedRules(bundle)) {
        const wildcard = [...rule.groups, ...rule.resources, ...rule.verbs].find((text) => text.includes('*'));
        if (wildcard !== undefined) yield problem(rule.path, rule.field, `it has the wildcard ${wildcard}`);
        const verb = rule.verbs.find((text) => text === 'escalate' || text === 'impersonate');
        if (verb !== undefined) yield problem(rule.path, rule.field, `it has the verb ${verb}`);
      }
    },
  },
  {
    id: 'B20',
    title: 'no rule reads Secrets everywhere, changes virtual machines or nodes, or writes our own kinds (R2 to R6)',
    *check(bundle) {
      const ours = new Set(bundle.crds.map(({ object }) => textOf(at(object, 'spec', 'names', 'plural'))));
      for (const rule of grantedRules(bundle)) {
        yield* prohibitionsIn(rule);
        const made = rule.resources.find((resource) => ours.has(resource) && !MADE_BY_US.has(resource));
        const verb = rule.verbs.find((text) => text === 'create' || text === 'delete');
        if (made !== undefined && verb !== undefined)
          yield problem(rule.path, rule.field, `it grants to ${verb} ${made}, which only people do`);
      }
    },
  },
  {
    id: 'B21',
    title: 'no rule writes CRDs or the SCCs of OpenShift',
    *check(bundle) {
      for (const rule of grantedRules(bundle)) {
        const resource = rule.resources.find((text) => text === 'customresourcedefinitions' || text === 'securitycontextconstraints');
        const verb = rule.verbs.find(isWrite);
        if (resource !== undefined && verb !== undefined) yield problem(rule.path, rule.field, `it grants to ${verb} ${resource}`);
      }
    },
  },
  {
    id: 'B22',
    title: 'every account that is granted something is one that OLM makes, in whatever namespace it installs',
    *check(bundle) {
      const accounts = accountsOf(bundle);
      for (const account of podAccounts(bundle)) {
        if (!accounts.has(account))
          yield problem(
            bundle.csv.path,
            'spec.install.spec',
            `the account ${account} of a pod has no entry in permissions or clusterPermissions`,
          );
      }
      for (const { path, object } of bundle.manifests.filter(({ object }) => /RoleBinding$/.test(textOf(object['kind'])))) {
        for (const subject of listOf(object['subjects'])) {
          const { name, namespace } = mapOf(subject);
          if (!accounts.has(textOf(name))) yield problem(path, 'subjects', `${textOf(name)} is no account of the ClusterServiceVersion`);
          if (namespace !== undefined)
            yield problem(path, 'subjects', 'a namespace would be wrong wherever else the operator is installed: leave it out');
        }
      }
    },
  },
  {
    id: 'B23',
    title: 'no ServiceAccount is shipped that OLM makes itself, and none without rules',
    *check(bundle) {
      const accounts = accountsOf(bundle);
      for (const { path, object } of bundle.manifests) {
        if (object['kind'] === 'ServiceAccount' && accounts.has(textOf(at(object, 'metadata', 'name'))))
          yield problem(path, '', 'OLM makes this account itself');
      }
      for (const key of ['clusterPermissions', 'permissions'] as const) {
        for (const [index, entry] of listOf(spec(bundle, 'install', 'spec', key)).entries()) {
          if (listOf(at(entry, 'rules')).length === 0)
            yield problem(bundle.csv.path, `spec.install.spec.${key}[${index}]`, 'it has no rules');
        }
      }
    },
  },
];

function* prohibitionsIn(rule: GrantedRule): Iterable<Problem> {
  for (const { resource, groups = /^/, verbs, applies = always, text } of PROHIBITIONS) {
    const found =
      rule.resources.some((name) => resource.test(name)) && rule.groups.some((group) => groups.test(group)) && rule.verbs.some(verbs);
    if (found && applies(rule)) yield problem(rule.path, rule.field, `it grants ${text}`);
  }
}

function accountsOf(bundle: Bundle): Set<string> {
  const entries = (['clusterPermissions', 'permissions'] as const).flatMap((key) => listOf(spec(bundle, 'install', 'spec', key)));
  return new Set(entries.map((entry) => textOf(at(entry, 'serviceAccountName'))));
}

/** Of the operator, and of what it is told to deploy. */
function podAccounts(bundle: Bundle): string[] {
  return deployments(bundle).flatMap((deployment) => {
    const pod = mapOf(at(deployment, 'spec', 'template', 'spec'));
    const variables = listOf(pod['containers']).flatMap((container) => listOf(at(container, 'env')).map(mapOf));
    const told = variables.filter(({ name }) => /_SERVICE_ACCOUNT$/.test(textOf(name))).map(({ value }) => textOf(value));
    return [textOf(pod['serviceAccountName']), ...told];
  });
}
