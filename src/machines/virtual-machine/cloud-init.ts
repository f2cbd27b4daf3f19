/**
 * What a guest is configured with at its first start.
 *
 * Owns: which of the given sources counts, decoding, the synthesised network data, the Secret. Never: reads a source; never shows content.
 * Invariant: content appears in the Secret or volume only; no text for people holds any of it.
 */
import { isUtf8 } from 'node:buffer';
import type { MachineCloudInitUserDataSecretRef as SourceReference } from '../../api/vitistack/v1alpha1';
import type { KubernetesObject } from '../../framework';
import type { Machine } from '../kinds';
import { CLOUD_INIT_DISK } from './disks';
import { base64Problem } from './machine-validation';
import { cloudInitSecretName } from './names';
import { marksOf, type OwnerIdentity } from './ownership';

/** KubeVirt's webhook refuses more than this in a VirtualMachine. */
export const MAX_INLINE_BYTES = 2_048;
const EMPTY_USER_DATA = '#cloud-config\n';

/** Bytes where they are no text, as of user data that gzip has packed, which cloud-init unpacks. */
export type GuestData = string | Buffer;

/** Where a piece of content comes from. */
export type ContentSource =
  | { readonly kind: 'inline'; readonly text: GuestData }
  | { readonly kind: 'Secret' | 'ConfigMap'; readonly name: string; readonly key: string }
  /** From addresses that a NetworkConfiguration holds. */
  | { readonly kind: 'synthesised' }
  | { readonly kind: 'none' };

export interface CloudInitPlan {
  readonly type: 'noCloud' | 'configDrive';
  readonly userData: ContentSource;
  readonly networkData: ContentSource;
}

export interface CloudInitContent {
  readonly userData: GuestData;
  readonly networkData: GuestData | undefined;
}

/** Why content cannot be had yet; for `InfrastructureReady`. */
export class MissingSourceError extends Error {}

/**
 * @param canSynthesise the network's addresses are static, so that the guest has to be told them.
 * @returns `undefined` without cloud-init.
 */
export function cloudInitPlan({ spec = {} }: Machine, canSynthesise: boolean): CloudInitPlan | undefined {
  const { cloudInit: given, userData = '', sshKeys = [] } = spec;
  const synthesised: ContentSource = canSynthesise ? { kind: 'synthesised' } : { kind: 'none' };
  if (given !== undefined) {
    return {
      type: given.type ?? 'noCloud',
      userData:
        firstSource(given.userData, given.userDataBase64, given.userDataSecretRef, given.userDataConfigMapRef, 'userdata') ??
        ({ kind: 'inline', text: EMPTY_USER_DATA } as const),
      networkData:
        firstSource(given.networkData, given.networkDataBase64, given.networkDataSecretRef, given.networkDataConfigMapRef, 'networkdata') ??
        synthesised,
    };
  }
  const text = userData !== '' ? userData : sshKeys.length > 0 ? keysConfig(sshKeys) : undefined;
  return text === undefined ? undefined : { type: 'noCloud', userData: { kind: 'inline', text }, networkData: synthesised };
}

function firstSource(
  inline: string | undefined,
  base64: string | undefined,
  secret: SourceReference | undefined,
  configMap: SourceReference | undefined,
  defaultKey: string,
): ContentSource | undefined {
  if (inline !== undefined && inline !== '') return { kind: 'inline', text: inline };
  if (base64 !== undefined && base64 !== '') return { kind: 'inline', text: decoded(base64) };
  const keyOf = ({ key }: SourceReference): string => (key === undefined || key === '' ? defaultKey : key);
  if (secret !== undefined) return { kind: 'Secret', name: secret.name, key: keyOf(secret) };
  return configMap === undefined ? undefined : { kind: 'ConfigMap', name: configMap.name, key: keyOf(configMap) };
}

/** The validation of the spec has refused what cannot be decoded. */
function decoded(base64: string): GuestData {
  return base64Problem(base64) === undefined ? textOrBytes(base64) : '';
}

function textOrBytes(base64: string): GuestData {
  const bytes = Buffer.from(base64, 'base64');
  return isUtf8(bytes) ? bytes.toString('utf8') : bytes;
}

/** Keys as JSON strings, which YAML reads as they are. */
function keysConfig(keys: readonly string[]): string {
  return ['#cloud-config', 'ssh_authorized_keys:', ...keys.map((key) => `  - ${JSON.stringify(key)}`), ''].join('\n');
}

/** One piece of content from the object that holds it. @throws {MissingSourceError} */
export function contentOf(
  source: Extract<ContentSource, { name: string }>,
  namespace: string,
  object: { data?: Record<string, string>; binaryData?: Record<string, string> } | undefined | 'forbidden',
): GuestData {
  const place = `${source.kind} ${namespace}/${source.name}`;
  if (object === 'forbidden') throw new MissingSourceError(`${place} is forbidden; add ${namespace} to machines.secretNamespaces`);
  if (object === undefined) throw new MissingSourceError(`${place} not found`);
  const text = ownText(object.data, source.key);
  if (text !== undefined) return source.kind === 'Secret' ? textOrBytes(text) : text;
  const binary = source.kind === 'ConfigMap' ? ownText(object.binaryData, source.key) : undefined;
  if (binary === undefined) throw new MissingSourceError(`${place} has no key ${source.key}`);
  return textOrBytes(binary);
}

/** A key of the data, and none that every object of the language has. */
function ownText(data: Record<string, string> | undefined, key: string): string | undefined {
  return data !== undefined && Object.hasOwn(data, key) ? data[key] : undefined;
}

type SecretOfGuest = KubernetesObject & { stringData?: Record<string, string>; data?: Record<string, string> };

/** How the guest gets it. */
export type CloudInitDelivery =
  | { readonly kind: 'secret'; readonly secret: SecretOfGuest; readonly volume: object }
  | { readonly kind: 'inline'; readonly volume: object };

/** An immutable Secret whose name says what is in it. */
export function deliveredBySecret(plan: CloudInitPlan, content: CloudInitContent, vm: string, owner: OwnerIdentity): CloudInitDelivery {
  const { userData, networkData } = content;
  const name = cloudInitSecretName(vm, owner.uid, JSON.stringify([userData, networkData ?? null]));
  const pieces = Object.entries({ userdata: userData, networkdata: networkData });
  const texts = pieces.filter((piece): piece is [string, string] => typeof piece[1] === 'string');
  const bytes = pieces.flatMap(([key, piece]) => (Buffer.isBuffer(piece) ? [[key, piece.toString('base64')]] : []));
  const secret = {
    apiVersion: 'v1',
    kind: 'Secret',
    metadata: { name, namespace: owner.namespace, ...marksOf(owner) },
    immutable: true,
    type: 'Opaque',
    stringData: Object.fromEntries(texts),
    ...(bytes.length === 0 ? {} : { data: Object.fromEntries(bytes) }),
  };
  const source = { secretRef: { name }, ...(networkData === undefined ? {} : { networkDataSecretRef: { name } }) };
  return { kind: 'secret', secret, volume: volumeOf(plan, source) };
}

/** @returns a text for `cloudInit: <text>` when it must not be inline. */
export function inlineProblem(plan: CloudInitPlan, { userData, networkData }: CloudInitContent): string | undefined {
  if ([plan.userData, plan.networkData].some(({ kind }) => kind === 'Secret')) {
    return 'content of a Secret cannot be delivered inline; set CLOUD_INIT_DELIVERY=secret';
  }
  const large = [userData, networkData].some((text) => text !== undefined && Buffer.byteLength(text) > MAX_INLINE_BYTES);
  return large ? `content is larger than ${MAX_INLINE_BYTES} bytes; set CLOUD_INIT_DELIVERY=secret` : undefined;
}

export function deliveredInline(plan: CloudInitPlan, { userData, networkData }: CloudInitContent): CloudInitDelivery {
  return { kind: 'inline', volume: volumeOf(plan, { ...inlineField('userData', userData), ...inlineField('networkData', networkData) }) };
}

/** KubeVirt takes bytes in a field of their own. */
function inlineField(name: 'userData' | 'networkData', piece: GuestData | undefined): object {
  if (piece === undefined) return {};
  return typeof piece === 'string' ? { [name]: piece } : { [`${name}Base64`]: piece.toString('base64') };
}

function volumeOf({ type }: CloudInitPlan, source: object): object {
  return { name: CLOUD_INIT_DISK, [type === 'configDrive' ? 'cloudInitConfigDrive' : 'cloudInitNoCloud']: source };
}

/** Names in the annotation that notes which Secrets were made, since they cannot be listed. */
export function notedSecrets(annotation: string | undefined): readonly string[] {
  return [...new Set((annotation ?? '').split(',').map((name) => name.trim()))].filter((name) => name !== '').sort();
}
