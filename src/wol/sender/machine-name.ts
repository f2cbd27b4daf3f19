/** Names of namespaces and virtual machines as people write them on a command line. */
import { UsageError } from '../../framework/basics';

const NAMESPACE = /^[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?$/;
const NAME = /^[a-z0-9]([-.a-z0-9]{0,251}[a-z0-9])?$/;

/** `NAMESPACE/NAME`; `undefined` when it is none that could exist. */
export function parseMachineName(text: string): { namespace: string; name: string } | undefined {
  const [namespace = '', name = '', ...rest] = text.split('/');
  return rest.length === 0 && NAMESPACE.test(namespace) && NAME.test(name) ? { namespace, name } : undefined;
}

/** @throws {UsageError} */
export function parseNamespace(flag: string, text: string): string {
  if (NAMESPACE.test(text)) return text;
  throw new UsageError(`${flag} is ${JSON.stringify(text)}; allowed: a namespace name of at most 63 characters`);
}
