/**
 * Everything that is wrong with the options of an operator, as one list.
 *
 * Owns: what each option may be. Never: the handlers themselves, which the registry checks.
 * Invariant: each option has a rule, so that none is ignored because of its type.
 */
import type { ConfigProblem } from '../errors/config-error';
import { type LeaderElectionOptions, leaderElectionMistakes } from '../leader/leader-options';
import { textOf } from '../registry/option-check';
import { parseListenAddress } from '../serving/address';
import type { MetricsOptions, OperatorOptions } from './operator-options';

type Rule = readonly [holds: (value: unknown) => boolean, allowed: string];
type Rules<T> = Readonly<Record<keyof T, Rule>>;

const matches =
  (pattern: RegExp) =>
  (value: unknown): boolean =>
    typeof value === 'string' && pattern.test(value);
const isObject = (value: unknown): boolean => typeof value === 'object' && value !== null && !Array.isArray(value);
const isDuration = (value: unknown): boolean => typeof value === 'number' && value >= 0 && value < 3_600_000;

/** RFC 1123 label: the operator's name is that of its namespace where none is given. */
const LABEL: Rule = [matches(/^[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?$/), 'lower-case letters, digits and -, at most 63'];
const DOMAIN: Rule = [
  (value) => matches(/^[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*$/)(value) && (value as string).length <= 253,
  'a domain name in lower case such as example.org',
];
/** It goes into headers, names and labels. */
const TEXT: Rule = [matches(/^[\x20-\x7e]{1,128}$/), 'printable ASCII text of 1 to 128 characters'];
const PATH: Rule = [(value) => typeof value === 'string' && value !== '', 'the path of a file'];
const BOOLEAN: Rule = [(value) => typeof value === 'boolean', 'true, false'];
const FUNCTION: Rule = [(value) => typeof value === 'function', 'a function'];
const TEXTS: Rule = [(value) => Array.isArray(value) && value.every((one) => typeof one === 'string'), 'a list of texts'];
const DURATION: Rule = [isDuration, '0 to 3599999'];
const TOKEN: Rule = [
  (value) => ['string', 'symbol', 'function', 'object'].includes(typeof value) && value !== null,
  'a token of the container',
];
const ANY: Rule = [() => true, ''];
const object = (what: string): Rule => [isObject, what];
const ADDRESS: Rule = [isAddress, '[host]:port, or 0 for off'];

const RULES: Rules<OperatorOptions> = {
  name: LABEL,
  namespace: LABEL,
  domain: DOMAIN,
  fieldManager: TEXT,
  adoptedManagers: TEXTS,
  handlers: ANY,
  exceptionalRights: TEXTS,
  leaderElection: object('an object with the options lease, leaseDurationMs, renewDeadlineMs, retryMs'),
  kubeConfig: object('a KubeConfig'),
  healthAddress: ADDRESS,
  metrics: object('an object with the options address, certFile, keyFile, secure, certificateOf'),
  logger: object('a Logger'),
  version: TEXT,
  modules: TEXTS,
  handleProcessErrors: BOOLEAN,
  clock: object('a Clock'),
  random: FUNCTION,
  freezeCache: BOOLEAN,
  stripLastApplied: BOOLEAN,
  container: object('a container of createContainer()'),
  shutdownTimeoutMs: DURATION,
  shutdownDelayMs: DURATION,
  instance: TEXT,
  onRun: FUNCTION,
  onListed: FUNCTION,
};
const METRICS: Rules<MetricsOptions> = { address: ADDRESS, secure: BOOLEAN, certFile: PATH, keyFile: PATH, certificateOf: TOKEN };
/** Their ranges depend on one another. */
const ELECTION: Rules<LeaderElectionOptions> = { lease: ANY, leaseDurationMs: ANY, renewDeadlineMs: ANY, retryMs: ANY };

export function operatorOptionProblems(options: OperatorOptions): ConfigProblem[] {
  if (!isObject(options)) return [problem('OPTION_RANGE', `its options are ${textOf(options)}; allowed: an object`)];
  const { leaderElection, metrics = {} } = options;
  const problems = problemsIn(options, RULES, '');
  // Required, hence no rule for what is given would see it.
  if (options.name === undefined) problems.push(mistake('name', undefined, RULES.name));
  if (isObject(leaderElection)) {
    const election = leaderElection as LeaderElectionOptions;
    problems.push(...problemsIn(election, ELECTION, 'leaderElection'));
    problems.push(...leaderElectionMistakes(election).map((text) => problem('OPTION_RANGE', text)));
  }
  if (isObject(metrics)) problems.push(...problemsIn(metrics, METRICS, 'metrics'), ...halfOfFiles(metrics));
  return problems;
}

function problemsIn<T extends object>(options: T, rules: Rules<T>, path: string): ConfigProblem[] {
  const known = rules as Readonly<Record<string, Rule>>;
  return Object.entries(options).flatMap(([name, value]) => {
    const rule = Object.hasOwn(known, name) ? known[name] : undefined;
    if (rule === undefined) {
      const owner = path === '' ? 'there is' : `${path} has`;
      return [problem('OPTION_UNKNOWN', `${owner} no option ${name}; allowed: ${Object.keys(known).sort().join(', ')}`)];
    }
    return value === undefined || rule[0](value) ? [] : [mistake(path === '' ? name : `${path}.${name}`, value, rule)];
  });
}

function halfOfFiles({ certFile, keyFile }: MetricsOptions): ConfigProblem[] {
  if ((certFile === undefined) === (keyFile === undefined)) return [];
  const name = certFile === undefined ? 'certFile' : 'keyFile';
  return [problem('OPTION_RANGE', `metrics.${name} is missing; allowed: both files, or none`)];
}

function isAddress(value: unknown): boolean {
  if (typeof value !== 'string') return false;
  try {
    parseListenAddress(value);
    return true;
  } catch {
    return false;
  }
}

function mistake(name: string, value: unknown, [, allowed]: Rule): ConfigProblem {
  return problem('OPTION_RANGE', `${name} is ${textOf(value)}; allowed: ${allowed}`);
}

function problem(code: string, text: string): ConfigProblem {
  return { code, text: `createOperator: ${text}` };
}
