/**
 * A kubeconfig as plain data, before anybody acts on it.
 *
 * Owns: parsing, and finding the current context. Never: reads a file, runs a command, or quotes content in an error: lines and
 * field names only.
 */
import { parseDocument } from 'yaml';

/** Larger than any kubeconfig by far. */
export const MAX_KUBECONFIG_BYTES = 1_048_576;

export type Fields = Readonly<Record<string, unknown>>;

export interface CurrentContext {
  readonly cluster: Fields;
  /** Empty when the context names none. */
  readonly user: Fields;
  readonly names: { readonly context: string; readonly cluster: string; readonly user: string | undefined };
  readonly namespace: string | undefined;
}

/** Why a kubeconfig cannot be used; the text goes after its name. */
export class KubeconfigProblem extends Error {}

/** @throws {KubeconfigProblem} too large, or no YAML. */
export function parseKubeconfig(text: string | Uint8Array): Fields {
  const bytes = typeof text === 'string' ? Buffer.from(text) : Buffer.from(text);
  if (bytes.length > MAX_KUBECONFIG_BYTES) throw new KubeconfigProblem('is larger than 1 MiB');
  const document = parseDocument(bytes.toString('utf8'), { logLevel: 'error' });
  const [error] = document.errors;
  if (error !== undefined) throw new KubeconfigProblem(`is not valid YAML (line ${error.linePos?.[0].line ?? 1})`);
  try {
    return fieldsOf(document.toJS({ maxAliasCount: 100 }));
  } catch {
    throw new KubeconfigProblem('is not valid YAML (line 1)'); // Aliases beyond measure, or to nothing.
  }
}

/** @throws {KubeconfigProblem} when there is no current context, or it names what is not there. */
export function currentContextOf(config: Fields): CurrentContext {
  const unusable = new KubeconfigProblem('has no usable current context');
  const name = textOf(config['current-context']);
  const context = name === undefined ? undefined : entryOf(config['contexts'], name, 'context');
  const clusterName = textOf(context?.['cluster']);
  const cluster = clusterName === undefined ? undefined : entryOf(config['clusters'], clusterName, 'cluster');
  if (name === undefined || context === undefined || clusterName === undefined || cluster === undefined) throw unusable;
  if (!URL.canParse(textOf(cluster['server']) ?? '')) throw unusable;
  const userName = textOf(context['user']);
  const user = userName === undefined ? {} : entryOf(config['users'], userName, 'user');
  if (user === undefined) throw unusable;
  return {
    cluster,
    user,
    names: { context: name, cluster: clusterName, user: userName },
    namespace: textOf(context['namespace']),
  };
}

export function fieldsOf(value: unknown): Fields {
  return typeof value === 'object' && value !== null && !Array.isArray(value) ? (value as Fields) : {};
}

/** A string with something in it. */
export function textOf(value: unknown): string | undefined {
  return typeof value === 'string' && value !== '' ? value : undefined;
}

export function listOf(value: unknown): readonly Fields[] {
  return Array.isArray(value) ? value.map(fieldsOf) : [];
}

function entryOf(list: unknown, name: string, field: string): Fields | undefined {
  const entry = listOf(list).find((candidate) => candidate['name'] === name);
  return entry === undefined ? undefined : fieldsOf(entry[field]);
}
