/** Makes an expression of its text: parsed, type-checked and inspected, so that only its inputs can fail it later. */
import { EvaluationError, ParseError, TypeError as TypeCheckError } from '@marcbachmann/cel-js';
import type { Json } from '../json';
import { type CelValue, jsonOf } from './cel-values';
import { catalogLanguage, MAX_EXPRESSION_BYTES } from './environment';
import type { Expression, LookUpUse, OptionUse } from './expression';
import { ExpressionError, ExpressionSyntaxError, excerptOf } from './expression-error';
import type { ExpressionScope } from './expression-scope';
import { UnansweredLookUp } from './look-up-memo';
import { type ExpressionNames, type SyntaxFindings, syntaxFindings } from './syntax-check';

export interface CompileOptions extends ExpressionNames {
  /** What the expression has to give. @default any */
  readonly result?: 'bool' | 'list';
}

type Program = (variables: Readonly<Record<string, unknown>>) => CelValue;

export class CompiledExpression implements Expression {
  readonly reads: ReadonlySet<string>;
  /** Of `params`, `item`, `vars`, `self`. */
  readonly locals: ReadonlySet<string>;
  readonly lookUps: readonly LookUpUse[];
  readonly options: readonly OptionUse[];
  readonly files: readonly string[];
  /** It reads an annotation or a feature gate of the anchor: somebody can switch it. */
  readonly readsUserChoice: boolean;

  constructor(
    readonly source: string,
    private readonly program: Program,
    findings: SyntaxFindings,
  ) {
    this.reads = findings.reads;
    this.locals = findings.locals;
    this.lookUps = findings.lookUps;
    this.options = findings.options;
    this.files = findings.files;
    this.readsUserChoice = findings.readsGates || findings.options.length > 0;
  }

  async evaluate(scope: ExpressionScope): Promise<Json | undefined> {
    return scope.lookUps.settled(() => this.jsonNow(scope));
  }

  /** Inside `settled` only. */
  jsonNow(scope: ExpressionScope): Json | undefined {
    try {
      return jsonOf(this.program(scope.variables));
    } catch (error) {
      throw this.explained(error);
    }
  }

  /** Inside `settled` only: the value as the language has it. */
  valueNow(scope: ExpressionScope): CelValue {
    try {
      return this.program(scope.variables);
    } catch (error) {
      throw this.explained(error);
    }
  }

  private explained(error: unknown): unknown {
    if (error instanceof UnansweredLookUp) return error;
    const message = `expression ${excerptOf(this.source)}: ${messageOf(error)}`;
    if (!(error instanceof ExpressionError)) return new ExpressionError(message, { cause: error });
    return error.cause instanceof ExpressionError || error.reason === 'InvalidOption'
      ? error
      : new ExpressionError(message, { isTransient: error.isTransient, cause: error.cause });
  }
}

/** @throws {ExpressionSyntaxError} naming what is wrong with it; where several things are, all of them. */
export function compileExpression(source: string, { result, ...names }: CompileOptions = {}): CompiledExpression {
  if (Buffer.byteLength(source) > MAX_EXPRESSION_BYTES)
    throw new ExpressionSyntaxError(source, `longer than ${MAX_EXPRESSION_BYTES} bytes`);
  const program = parsed(source);
  const findings = syntaxFindings(program.ast, names);
  const { valid, type = 'dyn', error } = program.check();
  if (!valid) findings.problems.unshift(messageOf(error));
  else if (result !== undefined && !gives(type, result)) findings.problems.push(`gives ${type}; allowed: ${result}`);
  if (findings.problems.length > 0) throw new ExpressionSyntaxError(source, findings.problems.join('; '));
  return new CompiledExpression(source, program, findings);
}

function parsed(source: string) {
  try {
    return catalogLanguage().parse(source);
  } catch (error) {
    throw new ExpressionSyntaxError(source, messageOf(error));
  }
}

function gives(type: string, wanted: 'bool' | 'list'): boolean {
  return type === 'dyn' || type === wanted || (wanted === 'list' && type.startsWith('list<'));
}

/** Errors of the engine draw the place over several lines; the summary is the one line that says what is wrong. */
function messageOf(error: unknown): string {
  if (error instanceof ParseError || error instanceof TypeCheckError || error instanceof EvaluationError) return error.summary;
  return error instanceof Error ? error.message : String(error);
}
