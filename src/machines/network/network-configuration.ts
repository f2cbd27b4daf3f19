/**
 * The record of a Machine's addresses on the supervisor: a reservation of its MAC, and the place where others write its IPs.
 *
 * Owns: name, content and whose it is. Never: writes its status, or interfaces that are not the Machine's.
 */
import type { NetworkConfigurationNetworkInterface as NetworkInterface } from '../../api/vitistack/v1alpha1';
import type { OwnerReference } from '../../framework';
import { isUsableMac, normalizeMac } from '../../kubevirt/mac-address';
import type { Machine, NetworkConfiguration } from '../kinds';
import type { ApiProfile } from '../profile';
import type { PatchOperation } from '../virtual-machine/adoption';
import { sha256 } from '../virtual-machine/names';
import { isLabelled, isUnlabelled, labelsOf } from '../virtual-machine/ownership';

/** Length and alphabet that the schema demands of spec.name. */
const SPEC_NAME = /^[A-Za-z0-9_-]{2,32}$/;
const MAX_SPEC_NAME = 32;
/** Length that the schema allows for spec.description. */
const MAX_DESCRIPTION = 256;
/** What is left of it beside a hyphen and 8 hex digits. */
const STEM = 23;
const WORKER = /^(.*?)-worker(?:-default)?(?:-worker)?-pool-(\d+)$/;
const CONTROL_PLANE = /^(.*?)-control-plane-(\d+)$/;

/** `spec.name` of a NetworkConfiguration. @param isTaken whether another one of the namespace has the name. */
export function networkConfigurationName(
  machine: { readonly namespace: string; readonly name: string },
  profile: ApiProfile,
  isTaken: (name: string) => boolean = () => false,
): string {
  const { name, namespace } = machine;
  const hashed = (): string => {
    const stem = name.replace(/[^A-Za-z0-9_-]/g, '-').slice(0, STEM);
    return `${stem}-${sha256(`${namespace}/${name}`).slice(0, 8)}`;
  };
  if (profile === 'first') return SPEC_NAME.test(name) ? name : hashed();
  const short = shortened(name)
    .replace(/[^A-Za-z0-9_-]/g, '-')
    .slice(0, MAX_SPEC_NAME);
  return !SPEC_NAME.test(short) || isTaken(short) ? hashed() : short;
}

function shortened(name: string): string {
  const [, cluster, number] = WORKER.exec(name) ?? [];
  if (cluster !== undefined) return `${cluster}-wrk${number}`;
  const [, plane, index] = CONTROL_PLANE.exec(name) ?? [];
  return plane === undefined ? name : `${plane}-ctp${index}`;
}

export interface ConfigurationInput {
  readonly machine: Machine;
  readonly managedBy: string;
  readonly specName: string;
  readonly networkNamespaceName: string | undefined;
  /** Of the VirtualMachine's interface, and its address. */
  readonly network: string;
  readonly mac: string;
}

/** A new record. The Machine owns it, so that it goes with a Machine whose finalizer was forced away. */
export function newNetworkConfiguration(input: ConfigurationInput): NetworkConfiguration {
  const { machine, managedBy, specName, networkNamespaceName, network, mac } = input;
  const { name = '', namespace = '' } = machine.metadata ?? {};
  return {
    apiVersion: 'vitistack.io/v1alpha1',
    kind: 'NetworkConfiguration',
    metadata: { name, namespace, labels: labelsOf({ managedBy, namespace, name }), ownerReferences: [ownerReference(machine)] },
    spec: {
      name: specName,
      description: `Network configuration for machine ${name}`.slice(0, MAX_DESCRIPTION),
      ...(networkNamespaceName === undefined ? {} : { networkNamespaceName }),
      networkInterfaces: [{ name: network, macAddress: mac }],
    },
  };
}

function ownerReference({ metadata = {} }: Machine): OwnerReference {
  const { name = '', uid = '' } = metadata;
  return { apiVersion: 'vitistack.io/v1alpha1', kind: 'Machine', name, uid, controller: true, blockOwnerDeletion: true };
}

export type ConfigurationOwner = 'own' | 'adoptable' | 'by-hand' | 'foreign';

/** `adoptable`: the older operator made it for this Machine. `by-hand`: somebody reserved an address before the Machine was made. */
export function configurationOwner({ metadata = {} }: NetworkConfiguration, machine: Machine, managedBy: string): ConfigurationOwner {
  const { name = '', namespace = '', uid } = machine.metadata ?? {};
  const { ownerReferences = [], labels = {} } = metadata;
  const controller = ownerReferences.find((owner) => owner.controller === true || owner.kind === 'Machine');
  if (controller !== undefined && controller.uid === uid) return 'own';
  // Left by a Machine of this name that is gone: the garbage collector is about to take it.
  if (controller !== undefined) return 'foreign';
  if (isUnlabelled(labels)) return 'by-hand';
  return isLabelled(labels, { managedBy, namespace, name }) ? 'adoptable' : 'foreign';
}

/** Address of an interface, in normal form. */
export function macOfInterface(configuration: NetworkConfiguration, network: string): string | undefined {
  const found = configuration.spec?.networkInterfaces?.find(({ name }) => name === network);
  return found?.macAddress === undefined ? undefined : normalizeMac(found.macAddress);
}

/** Why no machine can have the address that somebody reserved for an interface; `undefined` when one can, or there is none. */
export function addressProblem({ spec }: NetworkConfiguration, network: string): string | undefined {
  const written = spec?.networkInterfaces?.find(({ name }) => name === network)?.macAddress ?? '';
  if (written === '') return undefined;
  const mac = normalizeMac(written);
  if (mac !== undefined && isUsableMac(mac)) return undefined;
  const allowed = 'six hexadecimal pairs such as 02:12:00:00:00:01, neither all zero nor a multicast address';
  return `macAddress ${JSON.stringify(written.slice(0, 40))} of interface "${network}" must be ${allowed}`;
}

/** Every address that is written anywhere in it, in normal form. */
export function macsOfConfiguration({ spec, status }: NetworkConfiguration): readonly string[] {
  const interfaces = [...(spec?.networkInterfaces ?? []), ...(status?.networkInterfaces ?? [])];
  return interfaces.flatMap(({ macAddress }) => (macAddress === undefined ? [] : (normalizeMac(macAddress) ?? [])));
}

/**
 * Brings the Machine's interface, labels and owner into a record that is ours; everything else in it stays.
 * @returns `undefined` when nothing is missing.
 */
export function configurationPatch(live: NetworkConfiguration, input: ConfigurationInput): readonly PatchOperation[] | undefined {
  const wanted = newNetworkConfiguration(input);
  const changes = [
    ...labelPatch(live.metadata?.labels, wanted.metadata?.labels ?? {}),
    ...ownerPatch(live, input.machine),
    ...interfacePatch(live.spec?.networkInterfaces, input),
  ];
  if (changes.length === 0) return undefined;
  return [{ op: 'test', path: '/metadata/resourceVersion', value: live.metadata?.resourceVersion }, ...changes];
}

function labelPatch(present: Record<string, string> | undefined, wanted: Record<string, string>): PatchOperation[] {
  if (present === undefined) return [{ op: 'add', path: '/metadata/labels', value: wanted }];
  return Object.entries(wanted)
    .filter(([key, value]) => present[key] !== value)
    .map(([key, value]) => ({ op: 'add' as const, path: `/metadata/labels/${key.replace(/~/g, '~0').replace(/\//g, '~1')}`, value }));
}

function ownerPatch({ metadata = {} }: NetworkConfiguration, machine: Machine): PatchOperation[] {
  const owners = metadata.ownerReferences ?? [];
  if (owners.some(({ uid }) => uid === machine.metadata?.uid)) return [];
  const path = '/metadata/ownerReferences';
  return [
    owners.length === 0
      ? { op: 'add', path, value: [ownerReference(machine)] }
      : { op: 'add', path: `${path}/-`, value: ownerReference(machine) },
  ];
}

function interfacePatch(present: NetworkInterface[] | undefined, { network, mac }: ConfigurationInput): PatchOperation[] {
  const path = '/spec/networkInterfaces';
  if (present === undefined) return [{ op: 'add', path, value: [{ name: network, macAddress: mac }] }];
  const index = present.findIndex(({ name }) => name === network);
  if (index < 0) return [{ op: 'add', path: `${path}/-`, value: { name: network, macAddress: mac } }];
  const own = present[index]?.macAddress;
  return own !== undefined && normalizeMac(own) === mac ? [] : [{ op: 'add', path: `${path}/${index}/macAddress`, value: mac }];
}

export function notManagedText(namespace: string, name: string): string {
  return `NetworkConfiguration ${namespace}/${name} is not managed by this Machine`;
}
