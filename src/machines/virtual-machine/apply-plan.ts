/**
 * What has to be applied to a VirtualMachine that exists, and what of the spec is refused.
 *
 * Owns: keeping what a running machine cannot lose, the comparison that makes a steady pass silent. Never: sends anything.
 * Invariant: nothing to apply = the live object holds everything that is asked for.
 */
import { specHash } from './build-virtual-machine';
import { CDROM_DISK, CLOUD_INIT_DISK, type DiskPlan } from './disks';
import { ADOPTED, SPEC_HASH } from './marks';
import { isSameQuantity } from './quantity';
import type { Domain, DomainDisk, InstanceSpec, RemoteVirtualMachine, TemplateVolume } from './remote-objects';
import { domainSize, type Size } from './size';

export type SpecRefusalReason =
  | 'AdoptedAsFound'
  | 'DiskRemovalRefused'
  | 'DiskShrinkRefused'
  | 'DiskChangeRefused'
  | 'NetworkChangeRefused';

export interface SpecRefusal {
  readonly reason: SpecRefusalReason;
  readonly text: string;
}

export interface ApplyPlan {
  /** What to apply; `undefined` = nothing differs. */
  readonly apply: RemoteVirtualMachine | undefined;
  readonly refusals: readonly SpecRefusal[];
}

/** Disks that come and go by rules of their own. */
const OWN_DISKS: ReadonlySet<string> = new Set([CDROM_DISK, CLOUD_INIT_DISK]);

export function isAdopted({ metadata = {} }: RemoteVirtualMachine): boolean {
  return metadata.annotations?.[ADOPTED] === 'true';
}

/** @param desired what a new machine would be. */
export function planApply(live: RemoteVirtualMachine, desired: RemoteVirtualMachine): ApplyPlan {
  const { vm, refusals } = withKeptParts(live, desired);
  const hash = specHash(vm.spec);
  const hashed = withHash(withRunStrategy(vm, live), hash);
  const isApplied = live.metadata?.annotations?.[SPEC_HASH] === hash && holds(live, hashed);
  return { apply: isApplied ? undefined : guarded(hashed, live), refusals };
}

/** Hash of what an adopted machine is told of later changes. */
export function adoptedHash(size: Size): string {
  return specHash(domainSize(size));
}

/** An adopted machine stays as it was found, but for processors and memory after the spec has changed. */
export function planAdopted(live: RemoteVirtualMachine, desired: RemoteVirtualMachine, size: Size): ApplyPlan {
  const hash = adoptedHash(size);
  const { labels, annotations } = desired.metadata ?? {};
  const isApplied = live.metadata?.annotations?.[SPEC_HASH] === hash;
  const differs = !holds(layout(live), layout(desired));
  const refusals: SpecRefusal[] = differs
    ? [{ reason: 'AdoptedAsFound', text: 'disks, volumes, networks, firmware and cloud-init stay as they were found' }]
    : [];
  if (isApplied) return { apply: undefined, refusals };
  const domain: Domain = domainSize(size);
  const vm: RemoteVirtualMachine = {
    apiVersion: desired.apiVersion,
    kind: desired.kind,
    metadata: {
      name: live.metadata?.name,
      namespace: live.metadata?.namespace,
      labels,
      annotations: { ...annotations, [ADOPTED]: 'true' },
    },
    spec: { template: { metadata: { labels: labels ?? {} }, spec: { domain } } },
  } as RemoteVirtualMachine;
  return { apply: guarded(withHash(withRunStrategy(vm, live), hash), live), refusals };
}

/** Disks, volumes and networks, by which an adopted machine is compared. */
function layout({ spec = {} }: RemoteVirtualMachine): unknown {
  const { domain = {}, networks = [], volumes = [] } = spec.template?.spec ?? {};
  const { disks = [], interfaces = [] } = domain.devices ?? {};
  const nics = interfaces.map(({ name }) => ({ name }));
  return { disks, interfaces: nics, networks, volumes };
}

/** The live object's way of saying whether it should run: a stop by its user and a start by a wake both stand. */
function withRunStrategy(vm: RemoteVirtualMachine, { spec = {} }: RemoteVirtualMachine): RemoteVirtualMachine {
  const { running, runStrategy } = spec;
  if (runStrategy !== undefined) return { ...vm, spec: { ...vm.spec, runStrategy } };
  return running === undefined ? vm : { ...vm, spec: { ...vm.spec, running } };
}

function withHash(vm: RemoteVirtualMachine, hash: string): RemoteVirtualMachine {
  return { ...vm, metadata: { ...vm.metadata, annotations: { ...vm.metadata?.annotations, [SPEC_HASH]: hash } } };
}

/** Only this version of this object is meant. */
function guarded(vm: RemoteVirtualMachine, { metadata = {} }: RemoteVirtualMachine): RemoteVirtualMachine {
  const { uid, resourceVersion } = metadata;
  const guard = { ...(uid === undefined ? {} : { uid }), ...(resourceVersion === undefined ? {} : { resourceVersion }) };
  return { ...vm, metadata: { ...vm.metadata, ...guard } };
}

function withKeptParts(live: RemoteVirtualMachine, desired: RemoteVirtualMachine): { vm: RemoteVirtualMachine; refusals: SpecRefusal[] } {
  const wanted = desired.spec?.template?.spec ?? {};
  const present = live.spec?.template?.spec ?? {};
  const refusals: SpecRefusal[] = [];
  const disks = keptDisks(present.domain?.devices?.disks ?? [], bootable(present, wanted), refusals);
  const names = new Set(disks.map(({ name }) => name));
  const volumes = keptVolumes(present.volumes ?? [], wanted.volumes ?? [], names);
  const network = keptNetwork(present, wanted, refusals);
  const spec = {
    ...wanted,
    domain: { ...wanted.domain, devices: { ...wanted.domain?.devices, disks, interfaces: network.interfaces } },
    networks: network.networks,
    volumes,
  };
  const vm = { ...desired, spec: { ...desired.spec, template: { ...desired.spec?.template, spec } } } as RemoteVirtualMachine;
  return { vm, refusals };
}

/** The wanted disks; while one that is booted from is kept against the spec, none takes its place. */
function bootable(present: InstanceSpec, wanted: InstanceSpec): DomainDisk[] {
  const disks = wanted.domain?.devices?.disks ?? [];
  const names = new Set(disks.map(({ name }) => name));
  const isHeld = (present.domain?.devices?.disks ?? []).some(
    ({ name, bootOrder }) => bootOrder === 1 && !names.has(name) && !OWN_DISKS.has(name),
  );
  return isHeld ? disks.map(withoutBootOrder) : disks;
}

function withoutBootOrder(disk: DomainDisk): DomainDisk {
  if (disk.bootOrder !== 1) return disk;
  const { bootOrder: _, ...rest } = disk;
  return rest;
}

/** In the order of the live object, so that no guest sees its disks change places; added ones come last. */
function keptDisks(present: readonly DomainDisk[], wanted: readonly DomainDisk[], refusals: SpecRefusal[]): DomainDisk[] {
  const kept = present.flatMap((disk) => {
    const asked = wanted.find(({ name }) => name === disk.name);
    if (OWN_DISKS.has(disk.name)) return asked === undefined ? [] : [asked];
    if (asked === undefined) {
      refusals.push({ reason: 'DiskRemovalRefused', text: `disk "${disk.name}" was removed from the spec; the VM keeps it` });
      return [disk];
    }
    if (asked.disk?.bus !== disk.disk?.bus || asked.bootOrder !== disk.bootOrder) {
      refusals.push({ reason: 'DiskChangeRefused', text: `disk "${disk.name}" keeps its bus and its place in the boot order` });
      return [disk];
    }
    return [asked];
  });
  const names = new Set(present.map(({ name }) => name));
  // What is booted from is settled; an added disk does not take the place.
  const isBootTaken = kept.some(({ bootOrder }) => bootOrder === 1);
  const added = wanted.filter(({ name }) => !names.has(name)).map((disk) => (isBootTaken ? withoutBootOrder(disk) : disk));
  return [...kept, ...added];
}

/** A volume that exists keeps what it refers to. */
function keptVolumes(present: readonly TemplateVolume[], wanted: readonly TemplateVolume[], disks: ReadonlySet<string>): TemplateVolume[] {
  const kept = present.flatMap((volume) => {
    const asked = wanted.find(({ name }) => name === volume.name);
    if (OWN_DISKS.has(volume.name)) return asked === undefined ? [] : [asked];
    if (asked !== undefined && holds(volume, asked)) return [asked];
    return asked === undefined && !disks.has(volume.name) ? [] : [volume];
  });
  const names = new Set(present.map(({ name }) => name));
  return [...kept, ...wanted.filter(({ name }) => !names.has(name))];
}

type NetworkPart = Pick<NonNullable<NonNullable<NonNullable<RemoteVirtualMachine['spec']>['template']>['spec']>, 'domain' | 'networks'>;

function keptNetwork(
  present: NetworkPart,
  wanted: NetworkPart,
  refusals: SpecRefusal[],
): { interfaces: NonNullable<NonNullable<Domain['devices']>['interfaces']>; networks: NonNullable<NetworkPart['networks']> } {
  const [live, asked] = [present.domain?.devices?.interfaces ?? [], wanted.domain?.devices?.interfaces ?? []];
  const [networks, askedNetworks] = [present.networks ?? [], wanted.networks ?? []];
  if (live.length === 0) return { interfaces: asked, networks: askedNetworks };
  const isSame = holds(networks, askedNetworks) && holds(live.map(nameOf), asked.map(nameOf));
  if (isSame) return { interfaces: asked, networks: askedNetworks };
  refusals.push({ reason: 'NetworkChangeRefused', text: `the VM stays on network ${live.map(({ name }) => name).join(', ')}` });
  return { interfaces: live, networks };
}

const nameOf = ({ name }: { name: string }): { name: string } => ({ name });

/** What the claims of a machine's disks are asked to become, in words. */
export function shrinkRefusals(texts: readonly string[]): SpecRefusal[] {
  return texts.map((text) => ({ reason: 'DiskShrinkRefused', text }));
}

/** Names of fields that hold quantities. */
const QUANTITIES: ReadonlySet<string> = new Set(['memory', 'cpu', 'guest', 'storage']);

/**
 * Whether everything in `desired` is in `live`: quantities by value, lists of named things by name, other lists in order, what is
 * absent from `desired` not at all.
 */
export function holds(live: unknown, desired: unknown, field = ''): boolean {
  if (desired === undefined) return true;
  if (Array.isArray(desired)) return Array.isArray(live) && holdsList(live, desired);
  if (typeof desired === 'object' && desired !== null) {
    if (typeof live !== 'object' || live === null || Array.isArray(live)) return false;
    return Object.entries(desired).every(([name, wanted]) => holds((live as Record<string, unknown>)[name], wanted, name));
  }
  if (live === desired) return true;
  const isQuantity = QUANTITIES.has(field) && [live, desired].every((value) => typeof value === 'string' || typeof value === 'number');
  return isQuantity && isSameQuantity(live as string | number, desired as string | number);
}

function holdsList(live: readonly unknown[], desired: readonly unknown[]): boolean {
  if (desired.every(isNamed)) {
    return desired.every((wanted) => live.some((item) => isNamed(item) && item.name === wanted.name && holds(item, wanted)));
  }
  return live.length === desired.length && desired.every((wanted, index) => holds(live[index], wanted));
}

function isNamed(value: unknown): value is { name: string } {
  return typeof value === 'object' && value !== null && typeof (value as { name?: unknown }).name === 'string';
}

/** The disks of a spec by what a live machine knows them as. */
export function liveClaimOf(live: RemoteVirtualMachine, disk: Pick<DiskPlan, 'name'>): string | undefined {
  const volume = live.spec?.template?.spec?.volumes?.find(({ name }) => name === disk.name);
  return volume?.persistentVolumeClaim?.claimName ?? volume?.dataVolume?.name;
}
