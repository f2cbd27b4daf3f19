/** All rules about bundles, and what they find. Pure. */
import type { Bundle } from './bundle';
import type { Finding, Rule } from './rule';
import { ANNOTATION_RULES } from './rules/annotations';
import { CRD_RULES } from './rules/crds';
import { FORMAT_RULES } from './rules/format';
import { KIND_RULES } from './rules/kinds';
import { PERMISSION_RULES } from './rules/permissions';
import { POD_RULES } from './rules/pods';
import { SCORECARD_RULES } from './rules/scorecard';
import { SERVICE_VERSION_RULES } from './rules/service-version';

export const RULES: readonly Rule[] = [
  ...FORMAT_RULES,
  ...SERVICE_VERSION_RULES,
  ...CRD_RULES,
  ...PERMISSION_RULES,
  ...POD_RULES,
  ...ANNOTATION_RULES,
  ...KIND_RULES,
  ...SCORECARD_RULES,
];

/** In the order of the rules; empty for a bundle that passes. */
export function findingsIn(bundle: Bundle): Finding[] {
  return RULES.flatMap(({ id, check }) => [...check(bundle)].map((found) => ({ id, ...found })));
}

/** Tests of the upstream scorecard, by the rules that stand for each. */
const SCORECARD: Readonly<Record<string, RegExp>> = {
  'basic-check-spec': /^S1$/,
  'olm-bundle-validation': /^B(0[1-9]|1[0-8]|30|3[4-7])$/,
  'olm-crds-have-validation': /^S3$/,
  'olm-crds-have-resources': /^S4$/,
  'olm-spec-descriptors': /^S5$/,
  'olm-status-descriptors': /^S6$/,
};

/** What the upstream scorecard would say, by the name of the test. */
export function scorecard(findings: readonly Finding[]): Record<string, 'pass' | 'fail'> {
  const result = (rules: RegExp): 'pass' | 'fail' => (findings.some(({ id }) => rules.test(id)) ? 'fail' : 'pass');
  return Object.fromEntries(Object.entries(SCORECARD).map(([name, rules]) => [name, result(rules)]));
}
