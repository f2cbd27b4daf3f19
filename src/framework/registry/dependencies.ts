/**
 * Checks before anything is built that the container can build every handler.
 *
 * Owns: reading constructor metadata. Never: instantiates a class. tsyringe would find the same mistakes only one at a time,
 * at run time, and some of them (an interface imported by value) not at all.
 */
import { type DependencyContainer, INJECTION_TOKENS, type InjectionToken } from '../decorators/container';
import type { HandlerClass } from '../decorators/handler';
import type { ConfigProblem } from '../errors/config-error';
import { PROVIDED_CLASSES } from './provided';

type Constructor = new (...args: never[]) => unknown;

/** What TypeScript emits for a parameter whose type has no value: an interface, or a class imported with `import type`. */
const PLACEHOLDERS: readonly unknown[] = [Object, Function, String, Number, Boolean, Array, Symbol, undefined];

export function checkDependencies(classes: readonly HandlerClass[], container: DependencyContainer): ConfigProblem[] {
  const problems: ConfigProblem[] = [];
  const done = new Set<Constructor>();
  for (const Class of classes) visit(Class as Constructor, [], { container, problems, done });
  return problems;
}

interface Visit {
  container: DependencyContainer;
  problems: ConfigProblem[];
  done: Set<Constructor>;
}

function visit(Class: Constructor, path: readonly Constructor[], context: Visit): void {
  if (path.includes(Class)) {
    const names = [...path.slice(path.indexOf(Class)), Class].map(({ name }) => name);
    context.problems.push({ code: 'DEPENDENCY_CYCLE', text: `${names.join(' -> ')}: constructor injection cannot be circular` });
    return;
  }
  if (context.done.has(Class)) return;
  context.done.add(Class);
  const types = (Reflect.getMetadata('design:paramtypes', Class) as unknown[] | undefined) ?? [];
  const tokens = (Reflect.getMetadata(INJECTION_TOKENS, Class) as Record<number, unknown> | undefined) ?? {};
  const count = Math.max(types.length, Class.length);
  for (let index = 0; index < count; index++) {
    if (tokens[index] !== undefined) continue;
    const type = types[index];
    if (isKnown(type, context.container)) {
      if (Reflect.hasMetadata('design:paramtypes', type as object)) visit(type as Constructor, [...path, Class], context);
    } else {
      context.problems.push({
        code: 'DEPENDENCY_UNKNOWN',
        text:
          `${Class.name} constructor parameter ${index + 1} (${parameterName(Class, index)}) is not a class the container knows: ` +
          'import it as a value, not with "import type", or use @inject(token)',
      });
    }
  }
}

function isKnown(type: unknown, container: DependencyContainer): boolean {
  if (PLACEHOLDERS.includes(type) || typeof type !== 'function') return false;
  if (PROVIDED_CLASSES.has(type)) return true;
  if (container.isRegistered(type as InjectionToken, true)) return true;
  return Reflect.hasMetadata('design:paramtypes', type) || type.length === 0;
}

/** Read from the source text: parameter names exist nowhere else at run time. */
function parameterName(Class: Constructor, index: number): string {
  const list = /constructor\s*\(([^)]*)\)/.exec(Function.prototype.toString.call(Class))?.[1] ?? '';
  return list.split(',')[index]?.trim().split(/[\s=]/)[0] || `#${index + 1}`;
}
