/**
 * Makes the chart's roles from the handlers, for every way in which agents and manager can trust each other.
 *
 *     node build/hack/generators/chart-rights.js            writes what differs
 *     node build/hack/generators/chart-rights.js --check    writes nothing, exits 1 and shows the difference
 *
 * Owns: under which values of the chart a right is granted. Never: derives a right.
 * Invariant: rendered with some values, the roles grant what `virt-steward rbac` prints with the flags that those values become.
 */

import { MODULE_NAMES } from '../../src/cli/module-names';
import { MODULE_DEFINITIONS, moduleSettings } from '../../src/cli/modules';
import { managerRightsByPart, printedRights, type RightsPart } from '../../src/cli/rights';
import { mergeRules, type RbacRule, Settings } from '../../src/framework';
import { TLS_MODES } from '../../src/wol/grpc-settings';
import { GENERATED_MARK, type GeneratedFiles } from './generated-files';
import { type Generator, main } from './generator-command';

const FOLDER = 'charts/virt-steward/templates/rbac';
/** Stands for the Secret that a release names. */
const EXISTING_SECRET = 'secret-named-by-the-release';
const NAMES = { name: '', namespace: '', serviceAccount: '' };
const LABELS = '  labels:\n    {{- include "virt-steward.labels" . | nindent 4 }}';
const METADATA = '  {{- include "virt-steward.metadata" (list . "manager") | nindent 2 }}';

/** What the helper `virt-steward.trust` may give, with the flags of the manager that it stands for. */
function trustFlags(): ReadonlyMap<string, Readonly<Record<string, string>>> {
  const flags = new Map<string, Readonly<Record<string, string>>>([['insecure', { grpcInsecure: 'true' }]]);
  for (const mode of TLS_MODES) {
    const secret = mode === 'existingSecret' ? { grpcTlsSecret: EXISTING_SECRET } : {};
    flags.set(mode, { grpcTlsMode: mode, ...secret });
    flags.set(`${mode}-mtls`, { grpcTlsMode: mode, ...secret, grpcMtls: 'true' });
  }
  return flags;
}

function rightsWith(flags: Readonly<Record<string, string>>): RightsPart[] {
  // The chart writes the Roles for Secrets by its values, see machines-secrets.yaml.
  const given = { ...flags, kubevirtConfigsNamespace: '*' };
  const settings = moduleSettings(new Settings(MODULE_DEFINITIONS, given, {}), 'virt-steward-system');
  return managerRightsByPart(MODULE_NAMES, { leaderElection: true, secureMetrics: true }, settings);
}

/** The generated files; they follow from the code alone. */
export function chartRights(): GeneratedFiles {
  const variants = [...trustFlags()].map(([trust, flags]) => ({ trust, parts: rightsWith(flags) }));
  const names = [...new Set(variants.flatMap(({ parts }) => parts.map(({ name }) => name)))];
  const parts = [...names.flatMap((name) => partsOf(name, variants)), ...switchedRights()];
  const roles = printedRights(parts, 'helm', NAMES)
    .replaceAll(LABELS, METADATA)
    .replaceAll(EXISTING_SECRET, '{{ .Values.tls.existingSecret | quote }}');
  const mark = `{{- /* ${GENERATED_MARK}${CHART_RIGHTS.source}; DO NOT EDIT. */}}`;
  return new Map([
    [`${FOLDER}/roles.yaml`, `${mark}\n${roles}`],
    [`${FOLDER}/_modules.tpl`, `${mark}\n${modulesHelper()}`],
  ]);
}

type Variant = { readonly trust: string; readonly parts: readonly RightsPart[] };

/** Rights that a module has only with a flag of its own, by the condition of the chart that stands for it. */
function switchedRights(): RightsPart[] {
  const usual = new Set(rightsWith({}).flatMap(rightKeys));
  return rightsWith({ legacyPvcCleanup: 'true' }).flatMap(({ name, rules }) => {
    const further = rules.flatMap(singleRights).filter((rule) => !usual.has(keyOf(name, rule)));
    const condition = `include "virt-steward.${name}.legacyPvcCleanup" .`;
    return further.length === 0 ? [] : [{ name, condition, rules: mergeRules(further) }];
  });
}

function rightKeys({ name, rules }: RightsPart): string[] {
  return rules.flatMap(singleRights).map((rule) => keyOf(name, rule));
}

function keyOf(part: string, { group, resource, names, verbs, namespace }: RbacRule): string {
  return JSON.stringify([part, group, resource, names, verbs, String(namespace)]);
}

/** Rights that a part has in the same variants are one part; those it has in all of them need no condition. */
function partsOf(name: RightsPart['name'], variants: readonly Variant[]): RightsPart[] {
  const trustsByRight = new Map<string, { rule: RbacRule; trusts: string[] }>();
  for (const { trust, parts } of variants) {
    for (const rule of parts.find((part) => part.name === name)?.rules.flatMap(singleRights) ?? []) {
      const key = keyOf(name, rule);
      const known = trustsByRight.get(key);
      trustsByRight.set(key, { rule: known?.rule ?? rule, trusts: [...(known?.trusts ?? []), trust] });
    }
  }
  const groups = Map.groupBy(trustsByRight.values(), ({ trusts }) => trusts.join(' '));
  return [...groups.values()]
    .map((rights) => ({ trusts: rights[0]!.trusts, rules: mergeRules(rights.map(({ rule }) => rule)) }))
    .sort((a, b) => b.trusts.length - a.trusts.length)
    .map(({ trusts, rules }) => ({ name, rules, ...(trusts.length === variants.length ? {} : { condition: isOneOf(trusts) }) }));
}

/** One rule a verb, with the reasons for that verb. */
function singleRights(rule: RbacRule): RbacRule[] {
  return rule.verbs.map((verb) => {
    const reasons = rule.reasons.filter(({ verbs }) => verbs.includes(verb)).map((reason) => ({ ...reason, verbs: [verb] }));
    return { ...rule, verbs: [verb], reasons };
  });
}

function isOneOf(trusts: readonly string[]): string {
  return `has (include "virt-steward.trust" .) (list ${trusts.map((trust) => JSON.stringify(trust)).join(' ')})`;
}

/** The modules that values turn on, joined by commas. */
function modulesHelper(): string {
  const lines = MODULE_NAMES.map((name) => `{{- if .Values.${name}.enabled }}{{ $names = append $names "${name}" }}{{ end }}`);
  return ['{{- define "virt-steward.modules" -}}', '{{- $names := list }}', ...lines, '{{- join "," $names }}', '{{- end }}', ''].join(
    '\n',
  );
}

export const CHART_RIGHTS: Generator = { folder: FOLDER, source: 'the handlers', files: chartRights };

if (require.main === module) main(CHART_RIGHTS);
