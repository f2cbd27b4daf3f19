/**
 * A document of the catalog with `${ }` in its values.
 *
 * Owns: where expressions may stand, and what they leave: the value itself where a text is nothing but one expression, text where it is
 * more. Null and none drop the member or the element.
 * Never: evaluates a text that an expression gave, evaluates keys.
 */
import { isJsonMap, type Json } from '../json';
import { type CompiledExpression, type CompileOptions, compileExpression } from './compile';
import { ExpressionError, ExpressionSyntaxError, excerptOf } from './expression-error';
import type { ExpressionScope } from './expression-scope';
import { scanText } from './text-parts';

type Evaluate = (scope: ExpressionScope) => Json | undefined;

export interface Template {
  /** Everything between `${` and `}`. */
  readonly expressions: readonly CompiledExpression[];
  /** Set when there is no expression. */
  readonly constant?: Json | undefined;
  /** @returns `undefined` when the whole of it is null or none. @throws {ExpressionError} */
  evaluate(scope: ExpressionScope): Promise<Json | undefined>;
  /** Inside `settled` of the scope only. */
  evaluateNow(scope: ExpressionScope): Json | undefined;
}

/** Told of what cannot be compiled. @param path such as `spec.files[0].mode`; empty for the whole document. */
export type TellProblem = (path: string, error: ExpressionSyntaxError) => void;

/**
 * @param tell absent = the first problem is thrown. What it is told of renders to nothing.
 * @throws {ExpressionSyntaxError}
 */
export function compileTemplate(json: Json, options: CompileOptions = {}, tell: TellProblem = throwIt): Template {
  const expressions: CompiledExpression[] = [];
  const compile = (source: string): CompiledExpression => {
    const expression = compileExpression(source, options);
    expressions.push(expression);
    return expression;
  };
  const part = compilePart(json, '', { compile, tell });
  const evaluateNow: Evaluate = (scope) => valueIn(part, scope);
  return {
    expressions,
    ...(part.evaluate === undefined ? { constant: part.constant } : {}),
    evaluateNow,
    evaluate: (scope) => scope.lookUps.settled(() => evaluateNow(scope)),
  };
}

/** What does not change is made once and frozen; it goes into every rendered object. */
type Part = { readonly evaluate: Evaluate } | { readonly evaluate?: undefined; readonly constant: Json | undefined };

interface Compiler {
  readonly compile: (source: string) => CompiledExpression;
  readonly tell: TellProblem;
}

function throwIt(_path: string, error: ExpressionSyntaxError): void {
  throw error;
}

function compilePart(json: Json, path: string, compiler: Compiler): Part {
  if (typeof json === 'string') return attempted(path, compiler, () => compileText(json, compiler)) ?? { constant: undefined };
  if (Array.isArray(json)) return compileList(json, path, compiler);
  if (isJsonMap(json)) return compileMap(json, path, compiler);
  return { constant: json ?? undefined };
}

function attempted<T>(path: string, { tell }: Compiler, action: () => T): T | undefined {
  try {
    return action();
  } catch (error) {
    if (!(error instanceof ExpressionSyntaxError)) throw error;
    tell(path, error);
    return undefined;
  }
}

function valueIn(part: Part, scope: ExpressionScope): Json | undefined {
  return part.evaluate === undefined ? part.constant : part.evaluate(scope);
}

function compileList(list: readonly Json[], path: string, compiler: Compiler): Part {
  const parts = list.map((element, index) => compilePart(element, `${path}[${index}]`, compiler));
  const evaluate = (scope?: ExpressionScope): Json => parts.map((part) => valueIn(part, scope!)).filter((value) => value !== undefined);
  return parts.every(isConstant) ? { constant: Object.freeze(evaluate()) } : { evaluate };
}

function compileMap(map: { readonly [member: string]: Json }, path: string, compiler: Compiler): Part {
  const parts = Object.entries(map).map(([key, value]) => {
    const inner = path === '' ? key : `${path}.${key}`;
    return [attempted(inner, compiler, () => literalKey(key)) ?? key, compilePart(value, inner, compiler)] as const;
  });
  const evaluate = (scope?: ExpressionScope): Json => {
    const members: [string, Json][] = [];
    for (const [key, part] of parts) {
      const value = valueIn(part, scope!);
      if (value !== undefined) members.push([key, value]);
    }
    return Object.fromEntries(members);
  };
  return parts.every(([, part]) => isConstant(part)) ? { constant: Object.freeze(evaluate()) } : { evaluate };
}

function isConstant(part: Part): boolean {
  return part.evaluate === undefined;
}

function literalKey(key: string): string {
  const [first, ...others] = scanText(key);
  if (others.length === 0 && (first === undefined || first.type === 'text')) return first?.text ?? '';
  throw new ExpressionSyntaxError(key, 'keys take no expressions');
}

function compileText(text: string, { compile }: Compiler): Part {
  const parts = scanText(text).map((part) => (part.type === 'text' ? part.text : compile(part.source)));
  const [only] = parts;
  if (parts.length === 1 && typeof only === 'object') return { evaluate: (scope) => only.jsonNow(scope) };
  if (parts.every((part) => typeof part === 'string')) return { constant: parts.join('') };
  return { evaluate: (scope) => parts.map((part) => (typeof part === 'string' ? part : textOf(part, scope))).join('') };
}

/** Only what has one obvious way to be written: a double has not. */
function textOf(expression: CompiledExpression, scope: ExpressionScope): string {
  const value = expression.valueNow(scope);
  if (typeof value === 'string') return value;
  if (typeof value === 'bigint' || typeof value === 'boolean') return String(value);
  throw new ExpressionError(`expression ${excerptOf(expression.source)} stands inside a text; allowed there: text, int, bool`);
}
