/**
 * What can be told of an expression without evaluating it.
 *
 * Owns: the rules beyond types (literal arguments, safe patterns, no Secrets, known `vars`) and the lists of what is read.
 * Rights, watches and documents follow from these lists, which is why names are literals.
 */
import { CONTEXT_VARIABLES, LOCAL_VARIABLES } from './environment';
import type { LookUpUse, OptionUse } from './expression';
import { patternProblem } from './safe-pattern';

/** A node of the engine's syntax tree. */
interface Node {
  readonly op: string;
  readonly args: unknown;
}

export interface ExpressionNames {
  /** Names that `vars.<name>` may use; absent = none. */
  readonly vars?: ReadonlySet<string>;
  /** Names that `params.<name>` may use; absent = any. */
  readonly params?: ReadonlySet<string>;
  /** Whether there is an `item`. @default false */
  readonly hasItem?: boolean;
}

export interface SyntaxFindings {
  readonly problems: string[];
  /** Variables of the context. */
  readonly reads: Set<string>;
  /** Variables of the one asset or instance: `params`, `item`, `vars`, `self`. */
  readonly locals: Set<string>;
  readonly lookUps: LookUpUse[];
  readonly options: OptionUse[];
  /** Paths that `file` names. */
  readonly files: string[];
  /** It reads a feature gate of the anchor. */
  readsGates: boolean;
}

const LOOK_UPS: Readonly<Record<string, LookUpUse['type']>> = { get: 'get', list: 'list', has: 'has', enum: 'schema', schemaHas: 'schema' };
const LOCALS: ReadonlySet<string> = new Set(LOCAL_VARIABLES);
const CONTEXT: ReadonlySet<string> = new Set(CONTEXT_VARIABLES);

export function syntaxFindings(root: unknown, names: ExpressionNames): SyntaxFindings {
  const findings: SyntaxFindings = {
    problems: [],
    reads: new Set(),
    locals: new Set(),
    lookUps: [],
    options: [],
    files: [],
    readsGates: false,
  };
  visit(root, (node) => inspect(node, names, findings));
  return findings;
}

function visit(value: unknown, see: (node: Node) => void): void {
  if (Array.isArray(value)) {
    for (const element of value) visit(element, see);
  } else if (isNode(value)) {
    see(value);
    if (value.op !== 'value') visit(value.args, see);
  }
}

function isNode(value: unknown): value is Node {
  return typeof value === 'object' && value !== null && 'op' in value && 'args' in value;
}

function inspect(node: Node, names: ExpressionNames, findings: SyntaxFindings): void {
  const { op, args } = node;
  if (op === 'id') inspectVariable(args as string, names, findings);
  else if (op === '.' || op === '.?') inspectField(args as [Node, string], names, findings);
  else if (op === 'call') inspectCall(args as [string, Node[]], findings);
  else if (op === 'rcall') inspectMethod(args as [string, Node, Node[]], findings);
}

function inspectVariable(name: string, { hasItem = false }: ExpressionNames, { reads, locals, problems }: SyntaxFindings): void {
  if (CONTEXT.has(name)) reads.add(name);
  if (LOCALS.has(name)) locals.add(name);
  if (name === 'item' && !hasItem) problems.push('Unknown variable: item (there is no forEach)');
}

function inspectField([owner, field]: [Node, string], { vars = new Set(), params }: ExpressionNames, findings: SyntaxFindings): void {
  if (owner.op !== 'id') return;
  if (owner.args === 'vars' && !vars.has(field)) findings.problems.push(`Unknown variable: vars.${field}`);
  if (owner.args === 'params' && params !== undefined && !params.has(field)) findings.problems.push(`Unknown variable: params.${field}`);
  if (owner.args === 'settings' && field === 'gates') findings.readsGates = true;
}

function inspectCall([name, args]: [string, Node[]], { problems, options, files }: SyntaxFindings): void {
  if (name === 'option') {
    const [option, fallback, pattern] = args.map(literalText);
    if (option === undefined) problems.push('the name of an option has to be a literal');
    if (args.length === 3 && pattern === undefined) problems.push('the pattern of an option has to be a literal');
    const problem = pattern === undefined ? undefined : patternProblem(pattern);
    if (problem !== undefined) problems.push(problem);
    options.push({
      name: option ?? '',
      ...(fallback === undefined ? {} : { default: fallback }),
      ...(pattern === undefined ? {} : { pattern }),
    });
  } else if (name === 'enabled') {
    const [option] = args.map(literalText);
    if (option === undefined) problems.push('the name in enabled() has to be a literal');
    options.push({ name: `enable-${option}`, default: 'false', pattern: 'true|false' });
  } else if (name === 'refuseOption') {
    if (args[0] === undefined || literalText(args[0]) === undefined) problems.push('the name of an option has to be a literal');
  } else if (name === 'file') {
    const [path] = args.map(literalText);
    if (path === undefined) problems.push('the path in file() has to be a literal');
    else files.push(path);
  }
}

function inspectMethod([method, receiver, args]: [string, Node, Node[]], findings: SyntaxFindings): void {
  if (method === 'matches' && args.length === 1) {
    const pattern = literalText(args[0]!);
    const problem = pattern === undefined ? 'the pattern of matches() has to be a literal' : patternProblem(pattern);
    if (problem !== undefined) findings.problems.push(problem);
  }
  const type = LOOK_UPS[method];
  if (receiver.op === 'id' && receiver.args === 'cluster' && type !== undefined) inspectLookUp(type, method, args, findings);
}

function inspectLookUp(type: LookUpUse['type'], method: string, args: readonly Node[], { problems, lookUps }: SyntaxFindings): void {
  const [apiVersion, kind, namespace, name] = args.map(literalText);
  if (apiVersion === undefined || kind === undefined) {
    problems.push(`apiVersion and kind of cluster.${method}() have to be literals`);
    return;
  }
  if (apiVersion === 'v1' && kind === 'Secret') problems.push('Secrets cannot be looked up');
  const isRead = type === 'get' || type === 'list';
  lookUps.push({
    type,
    apiVersion,
    kind,
    ...(isRead && namespace !== undefined ? { namespace } : {}),
    ...(type === 'get' && name !== undefined ? { name } : {}),
  });
}

function literalText({ op, args }: Node): string | undefined {
  return op === 'value' && typeof args === 'string' ? args : undefined;
}
