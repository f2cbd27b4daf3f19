/** Which texts of a foreign object differ from ours, and the JSON Patch that changes those and nothing else. Pure. */
import type { KubernetesObject } from '../../framework';
import type { Difference } from './comparison';

export interface TextOperation {
  readonly op: 'add';
  readonly path: string;
  readonly value: unknown;
}

export function textEdit(
  wanted: KubernetesObject,
  live: KubernetesObject,
): { readonly differences: readonly Difference[]; readonly operations: readonly TextOperation[] } {
  const found = textsOf(live);
  const changed = Object.entries(textsOf(wanted)).filter(([name, text]) => found[name] !== text);
  const hasParent = (live as { data?: unknown }).data !== undefined;
  const parent: TextOperation[] = hasParent ? [] : [{ op: 'add', path: '/data', value: {} }];
  return {
    differences: changed.map(([name, text]) => ({ path: ['data', name], live: found[name], desired: text })),
    operations: [...parent, ...changed.map(([name, value]): TextOperation => ({ op: 'add', path: `/data/${escaped(name)}`, value }))],
  };
}

/** Text by name, of a ConfigMap. */
export function textsOf(object: KubernetesObject): Readonly<Record<string, string>> {
  const { data = {} } = object as { data?: Record<string, unknown> };
  return Object.fromEntries(Object.entries(data).filter((entry): entry is [string, string] => typeof entry[1] === 'string'));
}

function escaped(segment: string): string {
  return segment.replaceAll('~', '~0').replaceAll('/', '~1');
}
