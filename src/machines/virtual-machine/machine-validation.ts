/**
 * What is wrong with the spec of a Machine beyond what its schema refuses.
 *
 * Owns: the texts. Never: looks at anything but the Machine. Invariant: total; all problems at once, in the order of the fields.
 */

import type { Machine } from '../kinds';
import { CDROM_DISK, CLOUD_INIT_DISK, diskName } from './disks';
import { BOOT_SOURCE_TYPE, ROOT_DISK_SOURCE } from './marks';

const MIB = 1_048_576;
const DNS_LABEL = /^[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?$/;
const RESERVED_DISKS: readonly string[] = [CDROM_DISK, CLOUD_INIT_DISK];
/** Annotations with a closed list of values that decide on what is built. */
const CHOICES: Readonly<Record<string, readonly string[]>> = {
  [BOOT_SOURCE_TYPE]: ['http', 'https', 'registry'],
  [ROOT_DISK_SOURCE]: ['blank', 'image'],
};

/**
 * Names, or beginnings of names that end in `*`, of namespaces in which no Machine may put objects on a remote cluster.
 * `DENIED_NAMESPACES` replaces them.
 */
export const DENIED_NAMESPACES: readonly string[] = ['kube-system', 'kube-public', 'kube-node-lease', 'kubevirt', 'cdi', 'openshift-*'];

/** One line of all problems; `undefined` when there is none. */
export function specProblems(machine: Machine): string | undefined {
  const problems = [...diskProblems(machine), ...memoryProblems(machine), ...annotationProblems(machine), ...cloudInitProblems(machine)];
  return problems.length === 0 ? undefined : problems.join('; ');
}

/** @param kubeVirtNamespace of the remote cluster, where it is known. */
export function reservedNamespaceProblem(namespace: string, denied: readonly string[], kubeVirtNamespace?: string): string | undefined {
  const isDenied = denied.some((name) => (name.endsWith('*') ? namespace.startsWith(name.slice(0, -1)) : name === namespace));
  return isDenied || namespace === kubeVirtNamespace ? `namespace ${namespace} is reserved on remote clusters` : undefined;
}

function diskProblems({ spec = {} }: Machine): string[] {
  const disks = spec.disks ?? [];
  const problems: string[] = [];
  const seen = new Set<string>();
  disks.forEach((disk, index) => {
    const name = diskName(disk, index);
    const place = `disks[${index}]`;
    if (disk.sizeGB === undefined) problems.push(`${place} "${name}": sizeGB is required`);
    if (!DNS_LABEL.test(name)) problems.push(`${place}: name "${name}" must be a DNS label of at most 63 characters`);
    else if (RESERVED_DISKS.includes(name)) problems.push(`${place}: name "${name}" is reserved`);
    if (seen.has(name)) problems.push(`${place}: duplicate name "${name}"`);
    seen.add(name);
  });
  const boot = disks.flatMap((disk, index) => (disk.boot === true ? [diskName(disk, index)] : []));
  if (boot.length > 1) problems.push(`disks: more than one boot disk (${boot.join(', ')})`);
  return problems;
}

function memoryProblems({ spec = {} }: Machine): string[] {
  const { memory = 0 } = spec;
  return memory > 0 && memory < MIB ? [`memory: ${memory} bytes is less than 1 MiB`] : [];
}

function annotationProblems({ metadata = {} }: Machine): string[] {
  return Object.entries(CHOICES).flatMap(([key, values]) => {
    const value = metadata.annotations?.[key];
    return value === undefined || values.includes(value) ? [] : [`annotation ${key}: "${value}" must be one of ${values.join(', ')}`];
  });
}

function cloudInitProblems({ spec = {} }: Machine): string[] {
  const given = spec.cloudInit ?? {};
  return (['userDataBase64', 'networkDataBase64'] as const).flatMap((field) => {
    const cause = base64Problem(given[field]);
    return cause === undefined ? [] : [`cloudInit: decode ${field}: ${cause}`];
  });
}

/** Why a text is no base64; `undefined` when it is, white space aside, or when there is none. */
export function base64Problem(text: string | undefined): string | undefined {
  if (text === undefined || text === '') return undefined;
  const bare = text.replace(/\s+/g, '');
  const odd = bare.search(/[^A-Za-z0-9+/=]/);
  if (odd >= 0) return `illegal base64 data at input byte ${odd}`;
  const padding = /=*$/.exec(bare)?.[0].length ?? 0;
  if (padding > 2 || bare.length % 4 !== 0 || bare.slice(0, -padding || bare.length).includes('=')) {
    return `illegal base64 data at input byte ${bare.length}`;
  }
  return undefined;
}
