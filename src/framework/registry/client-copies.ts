/**
 * Finds out whether two copies of @kubernetes/client-node are in the process.
 *
 * Owns: the check. Two copies do not recognise one another's configuration objects, and the base class of another package may bring
 * an older one that cuts every watch. Never: loads a copy. Invariant: a bundle has one copy by construction and passes.
 */
import { createRequire } from 'node:module';
import { dirname, sep } from 'node:path';
import type { ConfigProblem } from '../errors/config-error';

const CLIENT = '@kubernetes/client-node';
/** Depends on the client, too; it would use a copy of its own if one were installed below it. */
const BASE = '@dot-i/k8s-operator';

/** Folders of the copies that are loaded or that the base class would load, each once. */
export function loadedClientCopies(): string[] {
  const folders = new Set(Object.keys(require.cache).flatMap(folderOf));
  for (const file of [resolved(require, CLIENT), resolvedByBase()]) {
    if (file !== undefined) for (const folder of folderOf(file)) folders.add(folder);
  }
  return [...folders].sort();
}

export function clientCopyProblems(copies: readonly string[]): ConfigProblem[] {
  const [a, b] = copies;
  if (a === undefined || b === undefined) return [];
  const text = `two copies of ${CLIENT} are loaded (${a}, ${b}); add the overrides block of the project template`;
  return [{ code: 'DUPLICATE_CLIENT', text }];
}

/** The package folder a module file lies in, if it is one of the client. */
function folderOf(file: string): string[] {
  const marker = `${sep}${CLIENT.replace('/', sep)}${sep}`;
  const at = file.lastIndexOf(marker);
  return at < 0 ? [] : [dirname(`${file.slice(0, at + marker.length)}x`)];
}

function resolvedByBase(): string | undefined {
  const base = resolved(require, BASE);
  return base === undefined ? undefined : resolved(createRequire(base), CLIENT);
}

/** `undefined` where there are no packages to be found: in a bundle. */
function resolved(from: NodeJS.Require, name: string): string | undefined {
  try {
    return from.resolve(name);
  } catch {
    return undefined;
  }
}
