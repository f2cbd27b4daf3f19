/**
 * Names of the objects that stand for a Machine on a remote cluster.
 *
 * Owns: how a name that Kubernetes would refuse becomes one that it takes. Never: whether the name is free.
 * Invariant: every name is a DNS label of at most its limit; two Machines, or two disks of one, whose plain names were changed get
 * different ones, because a hash of the identity is part of them.
 */
import { createHash } from 'node:crypto';

/** @source RFC 1123, DNS label; also the limit of a label's value. */
const MAX_NAME = 63;
/** Hex digits of the identity's hash, and the hyphen before them. */
const HASH_DIGITS = 8;
const HASHED_SUFFIX = HASH_DIGITS + 1;
const SECRET_HASH_DIGITS = 10;
/** Longest value that `VM_NAME_PREFIX` may have. */
const MAX_VM_PREFIX = 20;

/** Who a name is for: the Machine, or one of its disks. */
export interface Identity {
  readonly namespace: string;
  readonly machine: string;
  readonly disk?: string;
}

export interface NameOptions {
  /** @default 63 */
  readonly limit?: number;
  /** Take the hashed form although the plain one would do: it belongs to a sibling. @default false */
  readonly hashed?: boolean;
}

/** The candidate itself where it is a valid name, else a form of it that ends in a hash of the identity. */
export function derivedName(candidate: string, identity: Identity, { limit = MAX_NAME, hashed = false }: NameOptions = {}): string {
  const clean = trimmed(candidate.replace(/[^a-z0-9-]/g, '-'));
  if (!hashed && clean === candidate && clean !== '' && clean.length <= limit) return clean;
  const stem = trimmed(clean.slice(0, limit - HASHED_SUFFIX));
  const hash = sha256(identityText(identity)).slice(0, HASH_DIGITS);
  return stem === '' ? hash : `${stem}-${hash}`;
}

/** Name of the VirtualMachine. */
export function virtualMachineName(prefix: string, identity: Identity, options: NameOptions = {}): string {
  return derivedName(`${prefix}${identity.machine}`, identity, options);
}

/** Value of the source-machine labels. */
export function sourceMachineLabel(namespace: string, machine: string): string {
  return derivedName(machine, { namespace, machine });
}

/** Name of the DataVolume of an ISO image, and of the claim that CDI makes for it. */
export function isoName(vm: string, identity: Identity): string {
  return derivedName(`${vm}-iso`, identity);
}

/** Name of an immutable cloud-init Secret: other content, other name. */
export function cloudInitSecretName(vm: string, machineUid: string, content: string): string {
  return `${cloudInitPrefix(vm)}${sha256(`${machineUid}${content}`).slice(0, SECRET_HASH_DIGITS)}`;
}

/** Whether a name is one that `cloudInitSecretName` may give for this virtual machine; the content is not known. */
export function isCloudInitSecretName(name: string, vm: string): boolean {
  const prefix = cloudInitPrefix(vm);
  return name.startsWith(prefix) && /^[0-9a-f]{10}$/.test(name.slice(prefix.length));
}

/** The same for the virtual machine of a Machine, whatever `VM_NAME_PREFIX` was when the Secret was made. */
export function isCloudInitSecretOf(name: string, identity: Identity): boolean {
  for (let length = 0; length <= Math.min(MAX_VM_PREFIX, name.length); length++) {
    const prefix = name.slice(0, length);
    const isName = (hashed: boolean): boolean => isCloudInitSecretName(name, virtualMachineName(prefix, identity, { hashed }));
    if (isName(false) || isName(true)) return true;
  }
  return false;
}

function cloudInitPrefix(vm: string): string {
  const suffix = '-cloud-init-';
  return `${trimmed(vm.slice(0, MAX_NAME - suffix.length - SECRET_HASH_DIGITS))}${suffix}`;
}

export function sha256(text: string): string {
  return createHash('sha256').update(text).digest('hex');
}

function identityText({ namespace, machine, disk }: Identity): string {
  return [namespace, machine, ...(disk === undefined ? [] : [disk])].join('/');
}

function trimmed(text: string): string {
  return text.replace(/^-+|-+$/g, '');
}
