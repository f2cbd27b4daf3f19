/**
 * Resolves inheritance: which decorations a handler class has in the end, and which registered classes are replaced by subclasses.
 *
 * Owns: the subclassing rules. Never: looks at options other than `replaces`.
 */
import { type Declaration, declarationsOf } from '../decorators/declaration';
import { type HandlerClass, handlerOptionsOf } from '../decorators/handler';
import type { ConfigProblem } from '../errors/config-error';
import { isKind, sameKind } from '../kinds/kind';

/** The class and its bases, base first. */
export function classChain(Class: HandlerClass): HandlerClass[] {
  const chain: HandlerClass[] = [];
  for (
    let current: unknown = Class;
    typeof current === 'function' && current !== Function.prototype;
    current = Object.getPrototypeOf(current)
  ) {
    chain.unshift(current as HandlerClass);
  }
  return chain;
}

/**
 * Declarations of a class with those it inherits. A method decorated again in a subclass has the subclass's decorations only;
 * one that is merely overridden keeps those of its base.
 */
export function mergedDeclarations(Class: HandlerClass, problems: ConfigProblem[]): Declaration[] {
  const byMethod = new Map<string, Declaration[]>();
  for (const level of classChain(Class)) {
    const own = new Map<string, Declaration[]>();
    for (const declaration of declarationsOf(level)) {
      own.set(declaration.method, [...(own.get(declaration.method) ?? []), declaration]);
    }
    for (const [method, declarations] of own) {
      const inherited = byMethod.get(method);
      if (inherited !== undefined) checkKindKept(Class, inherited, declarations, problems);
      byMethod.set(method, declarations);
    }
  }
  return [...byMethod.values()].flat();
}

function checkKindKept(
  Class: HandlerClass,
  inherited: readonly Declaration[],
  own: readonly Declaration[],
  problems: ConfigProblem[],
): void {
  for (const { kind, method } of own) {
    const before = inherited[0]?.kind;
    if (!isKind(kind) || !isKind(before) || sameKind(kind, before)) continue;
    problems.push({
      code: 'KIND_CHANGED',
      text: `${Class.name}.${method}: decorated for ${kind.kind} but inherited for ${before.kind}; give the new handler another method name`,
    });
  }
}

/** Registered classes without those whose place a registered subclass takes. */
export function withoutReplaced(classes: readonly HandlerClass[], problems: ConfigProblem[]): HandlerClass[] {
  const registered = new Set(classes);
  const replacedBy = new Map<HandlerClass, HandlerClass[]>();
  for (const Class of registered) {
    if (handlerOptionsOf(Class)?.replaces === false) continue;
    for (const base of classChain(Class).slice(0, -1).reverse()) {
      const options = handlerOptionsOf(base);
      if (!registered.has(base) || options === undefined) continue;
      replacedBy.set(base, [...(replacedBy.get(base) ?? []), Class]);
      // Whoever takes the place of a class that runs beside its base runs beside it as well.
      if (options.replaces === false) break;
    }
  }
  for (const [base, replacements] of replacedBy) {
    // In a chain of subclasses the last one wins; only two that do not extend one another are at odds.
    const heads = replacements.filter((one) => !replacements.some((other) => other !== one && classChain(other).includes(one)));
    if (heads.length < 2) continue;
    const [a, b] = heads;
    problems.push({
      code: 'HANDLER_REPLACED_TWICE',
      text: `${a!.name} and ${b!.name} both replace ${base.name}; register one, or set replaces: false`,
    });
  }
  return [...registered].filter((Class) => !replacedBy.has(Class));
}
