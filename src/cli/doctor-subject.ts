/** What `virt-steward doctor` may be asked about beside virtual machines and addresses. Pure. */
import { UsageError } from '../framework/basics';
import { parseMachineName } from '../wol/sender/machine-name';

export type ModuleSubject =
  | { readonly kind: 'asset'; readonly name: string }
  | { readonly kind: 'machine'; readonly namespace: string; readonly name: string };

const ASSET_NAME = /^[a-z0-9]([-a-z0-9]*[a-z0-9])?$/;

/**
 * `asset/NAME` and `machine/NAMESPACE/NAME`; `undefined` = it is about something else. A virtual machine of a namespace `asset` is asked
 * about by its address.
 *
 * @throws {UsageError} when it begins so and goes on otherwise.
 */
export function parseModuleSubject(text: string): ModuleSubject | undefined {
  const [kind, ...rest] = text.split('/');
  const name = rest.join('/');
  if (kind === 'asset') {
    if (ASSET_NAME.test(name)) return { kind, name };
    throw refused(text, 'asset/NAME of the catalog of the platform');
  }
  if (kind !== 'machine' || rest.length < 2) return undefined;
  const machine = parseMachineName(name);
  if (machine !== undefined) return { kind, ...machine };
  throw refused(text, 'machine/NAMESPACE/NAME of a Machine');
}

function refused(text: string, allowed: string): UsageError {
  return new UsageError(`what to look at is ${JSON.stringify(text)}; allowed: ${allowed}`);
}
