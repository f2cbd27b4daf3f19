/**
 * Checks what is registered before its decorations are looked at.
 *
 * Owns: the list of handlers and the options of `@Handler` and `@Source`. Never: the options of methods.
 */
import { type HandlerClass, handlerOptionsOf } from '../decorators/handler';
import { isSource, sourceKindOf } from '../decorators/source';
import type { ConfigProblem } from '../errors/config-error';
import { isKind } from '../kinds/kind';
import { noKind } from './compile-watches';
import { isName, NAMES, textOf } from './option-check';

const OPTIONS: readonly string[] = ['id', 'rbac', 'replaces'];

/** Those entries that are classes. */
export function handlerClasses(handlers: readonly HandlerClass[], problems: ConfigProblem[]): HandlerClass[] {
  if (!Array.isArray(handlers)) {
    problems.push({ code: 'OPTION_RANGE', text: `handlers is ${textOf(handlers)}; allowed: a list of classes with @Handler()` });
    return [];
  }
  // `entries` sees holes of the list, too.
  return [...handlers.entries()].flatMap(([index, Class]: [number, HandlerClass]) => {
    if (typeof Class === 'function' && typeof Class.prototype === 'object') return [Class];
    const text = `handlers[${index}] is ${textOf(Class)}, not a class; check its import for a circular import`;
    problems.push({ code: 'HANDLER_MISSING', text });
    return [];
  });
}

/** Classes that bring the keys of virtual kinds. */
export function sourceClasses(classes: readonly HandlerClass[], problems: ConfigProblem[]): HandlerClass[] {
  return [...new Set(classes)].filter(isSource).filter((Class) => {
    const kind = sourceKindOf(Class);
    if (isKind(kind) && kind.virtual) return true;
    problems.push({ code: 'KIND_MISSING', text: `${Class.name}: ${noKind('@Source', 'defineVirtualKind')}` });
    return false;
  });
}

export function handlerOptionProblems(Class: HandlerClass): ConfigProblem[] {
  const options: object = handlerOptionsOf(Class) ?? {};
  const { id, rbac, replaces } = options as Record<string, unknown>;
  const problem = (code: string, text: string): ConfigProblem => ({ code, text: `${Class.name}: @Handler ${text}` });
  const problems = Object.keys(options)
    .filter((name) => !OPTIONS.includes(name))
    .map((name) => problem('OPTION_UNKNOWN', `has no option ${name}; allowed: ${OPTIONS.join(', ')}`));
  const range = (name: string, value: unknown, allowed: string): void => {
    problems.push(problem('OPTION_RANGE', `${name} is ${textOf(value)}; allowed: ${allowed}`));
  };
  if (!isName(id ?? Class.name)) range('id', id ?? Class.name, NAMES);
  if (rbac !== undefined && !Array.isArray(rbac)) range('rbac', rbac, 'a list of claims');
  if (replaces !== undefined && typeof replaces !== 'boolean') range('replaces', replaces, 'true, false');
  return problems;
}
