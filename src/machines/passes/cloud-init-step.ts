/**
 * Brings cloud-init content to the remote cluster, and takes content away that nobody refers to any more.
 *
 * Owns: reading sources on the supervisor, Secrets on the remote, the note of their names on the Machine.
 * Never: keeps, logs or shows content; deletes a Secret of a name that this Machine's do not have, whatever is noted.
 * Invariant: the name of a Secret is noted before it is made and struck out after it is gone, because the remote role can neither read nor
 * list Secrets.
 */
import {
  AlreadyExistsError,
  ClusterRegistry,
  ConfigMap,
  ForbiddenError,
  keyOf,
  kindPath,
  NotFoundError,
  objectKey,
  Secret,
  singleton,
} from '../../framework';
import { Machine } from '../kinds';
import { storeOf } from '../network/mac-reservations';
import { staticNetworkData, WaitingForAddressError } from '../network/static-network-data';
import { specFailure } from '../status/failures';
import {
  type CloudInitContent,
  type CloudInitPlan,
  type ContentSource,
  cloudInitPlan,
  contentOf,
  deliveredBySecret,
  deliveredInline,
  type GuestData,
  inlineProblem,
  MissingSourceError,
  notedSecrets,
} from '../virtual-machine/cloud-init';
import { CLOUD_INIT_SECRETS } from '../virtual-machine/marks';
import { isCloudInitSecretName, isCloudInitSecretOf } from '../virtual-machine/names';
import { RemoteInstance, type RemoteVirtualMachine, type TemplateVolume } from '../virtual-machine/remote-objects';
import { machineName, machineNames } from './find-virtual-machine';
import { annotateMachine } from './machine-annotations';
import type { MachinePass } from './machine-pass-context';
import { hasStaticAddresses, type PlacedNetwork } from './network-step';

/** A missing source is looked for again after at most this long. */
const SOURCE_RETRY_MS = 30_000;
const FIRST_RETRY_MS = 1_000;

export interface CloudInitVolume {
  readonly volume: object | undefined;
  /** Name of the Secret in use. */
  readonly secret: string | undefined;
}

interface MadeSecret {
  readonly secret: string;
  readonly cluster: string;
}

/**
 * Which Secrets this process knows to exist, so that a steady pass sends nothing; and how often a source was missing.
 *
 * Invariant: nothing is known of a cluster from before it was lost, or of a term of leadership that has ended; entries of a Machine go with it.
 */
@singleton()
export class CloudInitMemory {
  private readonly made = new Map<string, MadeSecret>();
  private readonly misses = new Map<string, number>();
  /** Changes whenever something was forgotten because a cluster may have become another one. */
  private currentEpoch = 0;

  constructor(clusters: ClusterRegistry) {
    // A leader that retires disengages all of them.
    clusters.subscribe(({ type, cluster }) => {
      if (type !== 'lost' && type !== 'judged') this.forgetCluster(cluster.name);
    });
  }

  /** To be asked for before a Secret is made. */
  get epoch(): number {
    return this.currentEpoch;
  }

  isMade(machineUid: string, secret: string): boolean {
    return this.made.get(machineUid)?.secret === secret;
  }

  /** @param epoch from before it was made. */
  remember(machineUid: string, made: MadeSecret, epoch: number): void {
    this.misses.delete(machineUid);
    if (epoch === this.currentEpoch) this.made.set(machineUid, made);
  }

  /** Time to the next look at a missing source, in milliseconds. */
  missed(machineUid: string): number {
    const count = this.misses.get(machineUid) ?? 0;
    this.misses.set(machineUid, count + 1);
    return Math.min(SOURCE_RETRY_MS, FIRST_RETRY_MS * 2 ** Math.min(count, 10));
  }

  forget(machineUid: string): void {
    this.made.delete(machineUid);
    this.misses.delete(machineUid);
  }

  private forgetCluster(name: string): void {
    this.currentEpoch += 1;
    for (const [uid, { cluster }] of this.made) if (cluster === name) this.made.delete(uid);
  }

  /** Machines of which something is remembered. */
  get size(): number {
    return new Set([...this.made.keys(), ...this.misses.keys()]).size;
  }
}

/** @param live the virtual machine as it is, `undefined` when it is yet to be made, whatever was made for one before. */
export async function ensureCloudInit(
  pass: MachinePass,
  vm: string,
  network: PlacedNetwork,
  live: RemoteVirtualMachine | undefined,
): Promise<CloudInitVolume> {
  const plan = cloudInitPlan(pass.machine, hasStaticAddresses(network));
  if (plan === undefined) return { volume: undefined, secret: undefined };
  const content = await contentFor(pass, plan, network);
  if (pass.settings.cloudInitDelivery === 'inline') {
    const problem = inlineProblem(plan, content);
    if (problem !== undefined) pass.findings.fail(specFailure(`cloudInit: ${problem}`));
    return { volume: deliveredInline(plan, content).volume, secret: undefined };
  }
  const delivery = deliveredBySecret(plan, content, vm, pass.owner);
  if (delivery.kind !== 'secret') return { volume: delivery.volume, secret: undefined };
  const secret = delivery.secret.metadata?.name ?? '';
  const { cloudInit, owner, cluster } = pass;
  const noted = notedSecrets(pass.machine.metadata?.annotations?.[CLOUD_INIT_SECRETS]);
  if (!noted.includes(secret)) await annotateMachine(pass, CLOUD_INIT_SECRETS, [...noted, secret].sort().join(','));
  if (live === undefined || !(cloudInit.isMade(owner.uid, secret) || isRunWith(pass, live, secret))) {
    const { epoch } = cloudInit;
    await createOnce(pass, delivery.secret);
    cloudInit.remember(owner.uid, { secret, cluster: cluster.name }, epoch);
  }
  return { volume: delivery.volume, secret };
}

/** An instance runs with it, so it is there. */
function isRunWith({ cluster }: MachinePass, vm: RemoteVirtualMachine, secret: string): boolean {
  const refersTo = (volume: TemplateVolume): boolean =>
    [volume['cloudInitNoCloud'], volume['cloudInitConfigDrive']].some(
      (source) => (source as { secretRef?: { name?: string } } | undefined)?.secretRef?.name === secret,
    );
  const running = storeOf(cluster, RemoteInstance)?.get(keyOf(vm));
  return (
    running?.status?.phase === 'Running' &&
    [vm.spec?.template?.spec?.volumes, running.spec?.volumes].every((volumes = []) => volumes.some(refersTo))
  );
}

async function createOnce({ remote }: MachinePass, secret: Secret): Promise<void> {
  try {
    await remote.create(Secret, secret);
  } catch (error) {
    // The name says what is in it.
    if (!(error instanceof AlreadyExistsError)) throw error;
  }
}

/** Deletes noted Secrets that the virtual machine does not refer to. @param inUse `undefined` = none is. */
export async function deleteUnusedSecrets(pass: MachinePass, inUse: string | undefined): Promise<void> {
  const noted = notedSecrets(pass.machine.metadata?.annotations?.[CLOUD_INIT_SECRETS]);
  const unused = noted.filter((name) => name !== inUse);
  if (unused.length === 0) return;
  // Whoever may annotate the Machine may note any name.
  const foreign = unused.filter((name) => !isOwnName(pass, name));
  for (const name of unused) if (!foreign.includes(name)) await deleteSecret(pass, name);
  if (foreign.length > 0) pass.event('warning', 'InvalidAnnotation', foreignSecretsText(foreign));
  const kept = noted.filter((name) => name === inUse);
  await annotateMachine(pass, CLOUD_INIT_SECRETS, kept.length === 0 ? undefined : kept.join(','));
}

/** A name that a Secret of this Machine has, or had while names began with something else, and that is none of another Machine's. */
function isOwnName(pass: MachinePass, name: string): boolean {
  if (machineNames(pass).some((vm) => isCloudInitSecretName(name, vm))) return true;
  const { owner, supervisor } = pass;
  if (!isCloudInitSecretOf(name, { namespace: owner.namespace, machine: owner.name })) return false;
  const others = [...supervisor.store(Machine).list()].filter(
    ({ metadata }) => metadata?.namespace === owner.namespace && metadata.uid !== owner.uid,
  );
  return !others.some((other) => vmNamesOf(pass, other).some((vm) => isCloudInitSecretName(name, vm)));
}

function vmNamesOf({ settings, profile }: MachinePass, { metadata, status }: Machine): string[] {
  const owner = { namespace: metadata?.namespace ?? '', name: metadata?.name ?? '' };
  const shown = status?.virtualMachineRef?.name;
  return [...(shown === undefined ? [] : [shown]), ...[false, true].map((hashed) => machineName({ settings, profile, owner }, hashed))];
}

const MAX_SHOWN = 5;

function foreignSecretsText(names: readonly string[]): string {
  const more = names.length > MAX_SHOWN ? ` and ${names.length - MAX_SHOWN} more` : '';
  const shown = names.slice(0, MAX_SHOWN).map((name) => JSON.stringify(name.slice(0, 253)));
  return `annotation ${CLOUD_INIT_SECRETS} names ${shown.join(', ')}${more}, which is no cloud-init Secret of this Machine; it was left`;
}

/** Without precondition: its UID cannot be read, and its name is a hash of the Machine and the content. */
async function deleteSecret({ remote, owner }: Pick<MachinePass, 'remote' | 'owner'>, name: string): Promise<void> {
  try {
    await remote.raw({ method: 'DELETE', path: kindPath(Secret, owner.namespace, name) });
  } catch (error) {
    if (!(error instanceof NotFoundError)) throw error;
  }
}

async function contentFor(pass: MachinePass, plan: CloudInitPlan, network: PlacedNetwork): Promise<CloudInitContent> {
  const { findings, cloudInit, owner } = pass;
  try {
    const userData = (await dataOf(pass, plan.userData, network)) ?? '';
    return { userData, networkData: await dataOf(pass, plan.networkData, network) };
  } catch (error) {
    if (error instanceof MissingSourceError) {
      return findings.wait('InfrastructureReady', 'WaitingForCloudInit', error.message, { requeueAfterMs: cloudInit.missed(owner.uid) });
    }
    // The NetworkConfiguration is watched: an address that arrives begins the next pass.
    if (error instanceof WaitingForAddressError) return findings.wait('NetworkReady', 'WaitingForAddress', error.message);
    throw error;
  }
}

async function dataOf(pass: MachinePass, source: ContentSource, network: PlacedNetwork): Promise<GuestData | undefined> {
  switch (source.kind) {
    case 'none':
      return undefined;
    case 'inline':
      return source.text;
    case 'synthesised':
      return staticNetworkData(network.configuration, network.namespace?.spec?.ipAllocation?.static ?? {});
    default:
      return contentOf(source, pass.owner.namespace, await sourceObject(pass, source));
  }
}

async function sourceObject(
  { local, owner }: MachinePass,
  { kind, name }: Extract<ContentSource, { name: string }>,
): Promise<Parameters<typeof contentOf>[2]> {
  try {
    const key = objectKey(owner.namespace, name);
    return kind === 'Secret' ? await local.find(Secret, key) : await local.find(ConfigMap, key);
  } catch (error) {
    if (error instanceof ForbiddenError) return 'forbidden';
    throw error;
  }
}
