/**
 * Makes sure that every disk of a Machine has its claim on the remote cluster.
 *
 * Owns: which claim belongs to which disk, creating and growing claims. Never: deletes one; gives a disk away that was lost with its data.
 * Invariant: a claim that is not provably the Machine's is neither used nor changed, unless the Machine may adopt it.
 */
import { AlreadyExistsError, type KubernetesObject, objectKey, TemporaryError } from '../../framework';
import { ADOPT_ANNOTATION, RECREATE_DISKS_ANNOTATION } from '../keys';
import { storeOf } from '../network/mac-reservations';
import { isFalse, isTrue } from '../status/conditions';
import { storageFailure } from '../status/failures';
import { claimDisk, type DiskStatus } from '../status/runtime-details';
import { liveClaimOf, type SpecRefusal, shrinkRefusals } from '../virtual-machine/apply-plan';
import { type BootWish, type DataVolume, importedDisk } from '../virtual-machine/boot-image';
import type { PlacedDisk } from '../virtual-machine/build-virtual-machine';
import {
  claimFor,
  defaultClassOf,
  NO_DEFAULT_CLASS,
  namedClass,
  needsProfile,
  type RemoteClaim,
  resizeOf,
  type StoragePlan,
  storagePlan,
} from '../virtual-machine/claims';
import { claimName, type DiskPlan, disksOf } from '../virtual-machine/disks';
import { DISK } from '../virtual-machine/marks';
import { notOwnedText, ownershipOf, verdictOf } from '../virtual-machine/ownership';
import {
  RemoteClaimKind,
  RemoteDataVolume,
  RemoteStorageClassKind,
  RemoteStorageProfile,
  type RemoteVirtualMachine,
} from '../virtual-machine/remote-objects';
import { annotateMachine } from './machine-annotations';
import { BY_MACHINE, type MachinePass } from './machine-pass-context';
import { causeText, isRefusal } from './remote-answers';

/**
 * Storage classes are not watched: the account on a remote cluster may get and list them. A Machine that waits for one, or for a change
 * of one, asks again after this.
 */
const CLASS_LOOK_MS = 30_000;
const LOOK_AGAIN = { requeueAfterMs: CLASS_LOOK_MS } as const;

export interface StoredDisks {
  readonly disks: readonly PlacedDisk[];
  readonly refusals: readonly SpecRefusal[];
  /** For volumes beside the disks; asked for once. */
  readonly plan: () => Promise<StoragePlan>;
}

/** @param name of the virtual machine, which names of claims begin with. */
export async function ensureStorage(
  pass: MachinePass,
  vm: RemoteVirtualMachine | undefined,
  name: string,
  boot: BootWish,
): Promise<StoredDisks> {
  const step = new StorageStep(pass, vm, name, boot);
  const stored = await step.run();
  // The permission is for one loss.
  if (step.recreated) await annotateMachine(pass, RECREATE_DISKS_ANNOTATION, undefined);
  return stored;
}

class StorageStep {
  private readonly shrinks: string[] = [];
  private readonly shown: DiskStatus[] = [];
  private planned: Promise<StoragePlan> | undefined;
  private hasRecreated = false;
  private importing: string | undefined;
  private notGrown: string | undefined;

  constructor(
    private readonly pass: MachinePass,
    private readonly vm: RemoteVirtualMachine | undefined,
    private readonly vmName: string,
    private readonly boot: BootWish,
  ) {}

  async run(): Promise<StoredDisks> {
    const { findings } = this.pass;
    const disks: PlacedDisk[] = [];
    for (const disk of disksOf(this.pass.machine)) disks.push(await this.place(disk));
    findings.disks = this.shown;
    findings.set('StorageReady', this.verdict());
    return { disks, refusals: shrinkRefusals(this.shrinks), plan: () => this.plan() };
  }

  private verdict(): ReturnType<typeof isTrue> {
    if (this.importing !== undefined) return isFalse('WaitingForImport', this.importing);
    return this.notGrown === undefined ? isTrue('Ready') : isFalse('ExpansionNotSupported', this.notGrown);
  }

  private async place(disk: DiskPlan): Promise<PlacedDisk> {
    if (disk.isBoot && this.boot.kind === 'imported-root') return this.placeImport(disk, this.boot);
    const present = await this.find(disk, RemoteClaimKind);
    const claim = present.object ?? (await this.create(disk, present.name));
    await this.grow(disk, claim);
    this.shown.push(claimDisk(disk, present.name, claim));
    return { plan: disk, volume: { persistentVolumeClaim: { claimName: present.name } } };
  }

  private async placeImport(disk: DiskPlan, { source }: Extract<BootWish, { kind: 'imported-root' }>): Promise<PlacedDisk> {
    const { remote, owner, findings, hasImporter } = this.pass;
    const present = await this.find(disk, RemoteDataVolume);
    // CDI may take a finished DataVolume away; its claim stays and is the disk.
    const isDone =
      present.object === undefined && (await remote.find(RemoteClaimKind, objectKey(owner.namespace, present.name))) !== undefined;
    let volume: DataVolume | undefined = present.object;
    if (volume === undefined && !isDone) {
      if (hasImporter === false)
        findings.fail(storageFailure('CDIMissing', 'CDI is not installed on the cluster; an image cannot be imported'));
      this.refuseLoss(disk, present.name);
      volume = await this.created(
        RemoteDataVolume,
        importedDisk(disk, present.name, owner, await this.plan(), source),
        `failed to create DataVolume ${present.name}`,
      );
    }
    const phase = volume?.status?.phase ?? 'Pending';
    if (!isDone && phase !== 'Succeeded') this.importing = `disk "${disk.name}" is being imported (${phase})`;
    this.shown.push(claimDisk(disk, present.name, undefined));
    return { plan: disk, volume: { dataVolume: { name: present.name } } };
  }

  /** The object of a disk, and its name, which it has also while there is none. */
  private async find<T extends RemoteClaim | DataVolume>(
    disk: DiskPlan,
    kind: Parameters<typeof storeOf<T>>[1],
  ): Promise<{ readonly name: string; readonly object: T | undefined }> {
    const { cluster, owner } = this.pass;
    const remembered = this.rememberedName(disk);
    const name = remembered ?? this.derived(disk, false);
    const own = (storeOf(cluster, kind)?.by(BY_MACHINE, owner.uid) ?? []).filter((object) => this.isOwn(object, disk));
    // Copies that somebody made of it have its marks, too: they count only where nobody remembers which it is.
    const known = own.find(({ metadata }) => metadata?.name === name) ?? (remembered === undefined ? own[0] : undefined);
    if (known !== undefined) return { name: known.metadata?.name ?? '', object: this.living(known) };
    const judged = await this.judge(kind, name);
    if (judged !== 'sibling') return { name, object: judged };
    const hashed = this.derived(disk, true);
    const other = await this.judge(kind, hashed);
    if (other === 'sibling')
      return this.pass.findings.fail(storageFailure('DiskNotOwned', `PersistentVolumeClaim ${hashed} belongs to another Machine`));
    return { name: hashed, object: other };
  }

  private isOwn(object: KubernetesObject, disk: DiskPlan): boolean {
    const { owner } = this.pass;
    const { namespace, annotations } = object.metadata ?? {};
    return namespace === owner.namespace && annotations?.[DISK] === disk.name && ownershipOf(object, owner) === 'Own';
  }

  /** What the virtual machine refers to, else what the status tells. */
  private rememberedName(disk: DiskPlan): string | undefined {
    const live = this.vm && liveClaimOf(this.vm, disk);
    return live ?? this.pass.machine.status?.disks?.find(({ name }) => name === disk.name)?.pvcName;
  }

  private derived(disk: DiskPlan, hashed: boolean): string {
    const { owner, profile } = this.pass;
    return claimName(disk, { vm: this.vmName, namespace: owner.namespace, machine: owner.name, profile, hashed });
  }

  private async judge<T extends RemoteClaim | DataVolume>(
    kind: Parameters<typeof storeOf<T>>[1],
    name: string,
  ): Promise<T | undefined | 'sibling'> {
    const { remote, owner, machine, findings, key } = this.pass;
    const object = await remote.find(kind, objectKey(owner.namespace, name));
    if (object === undefined) return undefined;
    const ownership = ownershipOf(object, owner);
    if (ownership === 'Sibling') return 'sibling';
    // The older operator's claims, and those a user hands over, are used as they are.
    const verdict = verdictOf(ownership, machine.metadata?.annotations?.[ADOPT_ANNOTATION] === 'true');
    const text = notOwnedText(`${kind.kind} ${owner.namespace}/${name} on cluster ${key}`, object, ownership);
    if (verdict === 'refuse') findings.fail(storageFailure('DiskNotOwned', text));
    return this.living(object);
  }

  private living<T extends KubernetesObject>(object: T): T {
    if (object.metadata?.deletionTimestamp === undefined) return object;
    const name = object.metadata.name ?? '';
    return this.pass.findings.wait('StorageReady', 'WaitingForOldDisk', `PersistentVolumeClaim ${name} is being deleted`, {
      requeueAfterMs: 5_000,
    });
  }

  private async create(disk: DiskPlan, name: string): Promise<RemoteClaim> {
    this.refuseLoss(disk, name);
    const what = disk.claimSuffix === undefined ? 'failed to create default root PVC' : `failed to create PVC ${name}`;
    return this.created(RemoteClaimKind, claimFor(disk, name, this.pass.owner, await this.plan()), what);
  }

  private async created<T extends RemoteClaim | DataVolume>(kind: Parameters<typeof storeOf<T>>[1], object: T, what: string): Promise<T> {
    const { remote, findings } = this.pass;
    try {
      return await remote.create(kind, object);
    } catch (error) {
      if (error instanceof AlreadyExistsError) throw new TemporaryError(`${what}: it exists by now`, { delayMs: 200, cause: error });
      if (isRefusal(error)) findings.fail(storageFailure('StorageError', `${what}: ${causeText(error)}`));
      throw error;
    }
  }

  /** An empty disk in the place of one that held data is given only to somebody who asks for it. */
  private refuseLoss(disk: DiskPlan, name: string): void {
    const { machine, findings } = this.pass;
    const { status = {}, metadata = {} } = machine;
    const wasThere = status.bootTime !== undefined && status.disks?.some((shown) => shown.name === disk.name) === true;
    if (!wasThere) return;
    if (metadata.annotations?.[RECREATE_DISKS_ANNOTATION] === 'true') {
      this.hasRecreated = true;
      return;
    }
    const remedy = `set annotation ${RECREATE_DISKS_ANNOTATION}: "true" to create an empty one`;
    findings.fail(storageFailure('DiskMissing', `PersistentVolumeClaim ${name} of disk "${disk.name}" has vanished; ${remedy}`));
  }

  /** A replacement was made that the annotation permits. */
  get recreated(): boolean {
    return this.hasRecreated;
  }

  private async grow(disk: DiskPlan, claim: RemoteClaim): Promise<void> {
    const { remote, owner } = this.pass;
    const resize = resizeOf(disk, claim);
    if (resize.kind === 'shrink') this.shrinks.push(resize.text);
    if (resize.kind !== 'grow') return;
    // Kubernetes refuses it, and the claim is watched.
    if (claim.status?.phase === 'Pending') {
      this.notGrown = `disk "${disk.name}" cannot grow to ${resize.to} before its claim is bound to a volume`;
      return;
    }
    const className = claim.spec?.storageClassName ?? '';
    const storageClass = className === '' ? undefined : await remote.find(RemoteStorageClassKind, className);
    if (storageClass?.allowVolumeExpansion !== true) {
      this.notGrown = `disk "${disk.name}" cannot grow to ${resize.to}: StorageClass ${className} does not allow volume expansion`;
      this.pass.findings.lookAgainMs = CLASS_LOOK_MS;
      return;
    }
    const { name = '', uid } = claim.metadata ?? {};
    try {
      await remote.patch(RemoteClaimKind, objectKey(owner.namespace, name), [
        { op: 'test', path: '/metadata/uid', value: uid },
        { op: 'replace', path: '/spec/resources/requests/storage', value: resize.to },
      ]);
    } catch (error) {
      if (!isRefusal(error)) throw error;
      this.notGrown = `disk "${disk.name}" cannot grow to ${resize.to}: ${causeText(error)}`;
    }
  }

  private plan(): Promise<StoragePlan> {
    this.planned ??= this.makePlan();
    return this.planned;
  }

  private async makePlan(): Promise<StoragePlan> {
    const { remote, config, settings, profile, findings } = this.pass;
    let className = namedClass(config.spec.storageClassName, settings);
    if (className === undefined) {
      const classes = [];
      try {
        for await (const storageClass of remote.list(RemoteStorageClassKind)) classes.push(storageClass);
      } catch (error) {
        const cause = causeText(error);
        if (isRefusal(error)) findings.fail(storageFailure('StorageError', `failed to get default storage class: ${cause}`), LOOK_AGAIN);
        throw error;
      }
      className = defaultClassOf(classes);
      if (className === undefined)
        return findings.fail(storageFailure('NoStorageClass', `failed to get default storage class: ${NO_DEFAULT_CLASS}`), LOOK_AGAIN);
    }
    const advice = needsProfile(profile, settings) ? await remote.find(RemoteStorageProfile, className) : undefined;
    return storagePlan(profile, className, settings, advice);
  }
}
