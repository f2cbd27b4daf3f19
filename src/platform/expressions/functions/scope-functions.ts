/**
 * What depends on whom an expression is evaluated for: the user's options on the anchor, and the files of the catalog.
 *
 * Macros, since only a macro can ask for the scope. That names, patterns and paths are literals is held by `syntax-check.ts`.
 */
import type { Environment } from '@marcbachmann/cel-js';
import { ExpressionError } from '../expression-error';
import { type ExpressionScope, SCOPE_VARIABLE } from '../expression-scope';
import { wholeTextPattern } from '../safe-pattern';

/** The parts of the engine that a macro meets; its typings leave them out. */
interface Node {
  readonly op: string;
  readonly args: unknown;
}

interface Checker {
  check(node: Node, context: unknown): { readonly type: string; readonly kind: string };
  getType(name: string): unknown;
  createError(code: string, message: string, node: Node): Error;
}

interface Evaluator {
  run(node: Node, context: Values): unknown;
}

interface Values {
  getValue(name: string): unknown;
}

interface Macro {
  readonly args: readonly Node[];
}

type Evaluate = (scope: ExpressionScope, argument: (index: number) => unknown) => unknown;

export function registerScopeFunctions(environment: Environment): void {
  const option: Evaluate = (scope, argument) => {
    const name = argument(0) as string;
    const text = scope.option(name);
    return text ?? argument(1);
  };
  const optionWithPattern: Evaluate = (scope, argument) => {
    const [name, pattern] = [argument(0) as string, argument(2) as string];
    const text = scope.option(name);
    if (text !== undefined && !wholeTextPattern(pattern).test(text)) return refuse(scope, name, `allowed: ${pattern}`);
    return text ?? argument(1);
  };
  const refuseOption: Evaluate = (scope, argument) => refuse(scope, argument(0) as string, argument(1) as string);
  environment.registerFunction('option(ast, ast): string', macro('string', option));
  environment.registerFunction('option(ast, ast, ast): string', macro('string', optionWithPattern));
  environment.registerFunction(
    'enabled(ast): bool',
    macro('bool', (scope, argument) => scope.option(`enable-${argument(0)}`) === 'true'),
  );
  environment.registerFunction('refuseOption(ast, ast): dyn', macro('dyn', refuseOption));
  environment.registerFunction(
    'file(ast): string',
    macro('string', (scope, argument) => scope.file(argument(0) as string)),
  );
}

/** The value stays out of the message: it may be a credential in the wrong place. */
function refuse(scope: ExpressionScope, name: string, why: string): never {
  const message = `annotation platform.kubevirt.io/${name} of the anchor is refused; ${why}`;
  return scope.lookUps.fail(new ExpressionError(message, { reason: 'InvalidOption' }));
}

/** Arguments are text; each is evaluated only when it is asked for. */
function macro(returnType: string, evaluate: Evaluate) {
  return ({ args }: { args: readonly Node[] }) => ({
    args,
    async: false,
    typeCheck(checker: Checker, _macro: Macro, context: unknown) {
      for (const node of args) {
        const { type, kind } = checker.check(node, context);
        if (type === 'string' || kind === 'dyn') continue;
        throw checker.createError('invalid_argument', `expected text, got ${type}`, node);
      }
      return checker.getType(returnType);
    },
    evaluate(evaluator: Evaluator, _macro: Macro, context: Values) {
      const argument = (index: number): unknown => evaluator.run(args[index]!, context);
      return evaluate(context.getValue(SCOPE_VARIABLE) as ExpressionScope, argument);
    },
  });
}
