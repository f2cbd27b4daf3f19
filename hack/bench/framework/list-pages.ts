/**
 * Lists of virtual machines as an API server sends them, page by page, as text.
 *
 * Owns: the text; made from one sample of each form, since making and serializing each object would cost more than reading it.
 */
import { testMac } from '../../../test/harness/virtual-machines';
import { servedVm } from '../sample-vm';

/** Their digits stand nowhere else in the object. */
const SAMPLE = 987_654;
const SAMPLE_VERSION = 1_234_567_890;

/** Version of the list; changes come after it. */
export const LIST_VERSION = 1_000_000;
/** Objects in full, and what PartialObjectMetadata holds of them. */
export const FULL = JSON.stringify(servedVm(SAMPLE, SAMPLE_VERSION));
export const METADATA = JSON.stringify({ metadata: servedVm(SAMPLE, SAMPLE_VERSION).metadata });

/** The nth virtual machine of a collection. */
export function listedVm(form: string, n: number, resourceVersion: number): string {
  return form
    .replaceAll(String(SAMPLE), String(n).padStart(6, '0'))
    .replace(testMac(SAMPLE), testMac(n))
    .replace(String(SAMPLE_VERSION), String(resourceVersion));
}

export interface PageOptions {
  /** @default in full */
  form?: string;
  /** Of the list. @default LIST_VERSION */
  resourceVersion?: string;
  /** Objects, as text, that come on the last page beside the others. @default none */
  others?: readonly string[];
}

/** The page that `query` asks for, of a collection of `objects`. */
export function listPage(objects: number, query: URLSearchParams, options: PageOptions = {}): string {
  const { form = FULL, resourceVersion = String(LIST_VERSION), others = [] } = options;
  const from = Number(query.get('continue') || 0);
  const to = Math.min(objects, from + Number(query.get('limit') ?? objects));
  const metadata = { resourceVersion, ...(to < objects ? { continue: String(to) } : {}) };
  const head = JSON.stringify({ apiVersion: 'kubevirt.io/v1', kind: 'VirtualMachineList', metadata });
  const items = Array.from({ length: to - from }, (_, n) => listedVm(form, from + n, from + n + 1));
  if (to === objects) items.push(...others);
  return `${head.slice(0, -1)},"items":[${items.join(',')}]}`;
}
