/**
 * One pass over a Machine that is placed on a cluster that can be used.
 *
 * Expected flow: spec -> namespace -> virtual machine found -> network -> disks -> cloud-init -> virtual machine made or changed -> status.
 * Guarantees: each step decides from what exists, so that a pass may be repeated after any crash; a step that cannot go on leaves what
 * exists alone, and the status is written all the same. Assumptions: the placement is recorded; one pass a Machine at a time.
 * Errors: what the back-off of the queue has to deal with.
 */
import { AlreadyExistsError, Namespace, type ReconcileResult } from '../../framework';
import { MachineClass } from '../kinds';
import { POD_NETWORK } from '../network/remote-network';
import { isFalse, isTrue } from '../status/conditions';
import { classFailure, specFailure } from '../status/failures';
import type { SupervisorApi } from '../supervisor-api';
import { isAdopted, liveClaimOf } from '../virtual-machine/apply-plan';
import { bootWish } from '../virtual-machine/boot-image';
import { buildVirtualMachine } from '../virtual-machine/build-virtual-machine';
import { disksOf } from '../virtual-machine/disks';
import { reservedNamespaceProblem, specProblems } from '../virtual-machine/machine-validation';
import { BOOT_IMAGE_SIZE } from '../virtual-machine/marks';
import { managedByLabels } from '../virtual-machine/ownership';
import type { RemoteVirtualMachine } from '../virtual-machine/remote-objects';
import { type ClassLookup, type Size, sizeOf, wantedClass } from '../virtual-machine/size';
import { cleanUpIso, isoOf } from './boot-step';
import { deleteUnusedSecrets, ensureCloudInit } from './cloud-init-step';
import { cachedMachine, findVirtualMachine } from './find-virtual-machine';
import { annotateMachine } from './machine-annotations';
import type { MachinePass } from './machine-pass-context';
import { reportPass } from './machine-report';
import { ensureNetwork, networkOfMachine } from './network-step';
import { PassEnded } from './pass-findings';
import { causeText } from './remote-answers';
import { ensureStorage } from './storage-step';
import { isLasting, stateAnswer } from './unexpected-answer';
import { createMachine, updateMachine } from './virtual-machine-step';

const TERMINATING_RETRY_MS = 2_000;

export async function runMachinePass(pass: MachinePass, api: SupervisorApi): Promise<ReconcileResult> {
  const { findings } = pass;
  let end: PassEnded | undefined;
  let failed: unknown;
  try {
    await takeSteps(pass);
  } catch (error) {
    if (error instanceof PassEnded) end = error;
    else failed = error;
  }
  // What exists is shown also when nothing could be done about it.
  if (findings.failure?.finding.reason !== 'VirtualMachineNotOwned') findings.vm ??= cachedMachine(pass);
  const isStated = isLasting(failed);
  if (isLasting(failed) && stateAnswer(findings, failed)) failed = undefined;
  if (failed === undefined || isStated || findings.vm !== undefined)
    await reportPass(pass, api, findings.vm === undefined ? 'creating' : 'known');
  if (failed !== undefined) throw failed;
  const next = end?.end;
  if (next !== undefined && 'error' in next) throw next.error;
  const againMs = Math.min(next?.requeueAfterMs ?? Number.POSITIVE_INFINITY, findings.lookAgainMs ?? Number.POSITIVE_INFINITY);
  return Number.isFinite(againMs) ? { requeueAfterMs: againMs } : undefined;
}

async function takeSteps(pass: MachinePass): Promise<void> {
  const { findings } = pass;
  const size = await judgeSpec(pass);
  findings.size = size;
  findings.step = 'finding';
  const found = await findVirtualMachine(pass, size);
  if (found.kind === 'own') {
    findings.vm = found.vm;
    waitForOld(pass, found.vm);
    await maintain(pass, found.vm, size);
  } else {
    await ensureNamespace(pass);
    findings.vm = await build(pass, found.name, size);
  }
  findings.set('InfrastructureReady', isTrue('Ready'));
}

/** The spec and its class. */
async function judgeSpec(pass: MachinePass): Promise<Size> {
  const { machine, settings, findings, profile, owner } = pass;
  const reserved = reservedNamespaceProblem(owner.namespace, settings.deniedNamespaces);
  const problems = [reserved, specProblems(machine)].filter((text) => text !== undefined);
  if (problems.length > 0) {
    const text = problems.join('; ');
    if (machine.status?.failureMessage !== text) pass.event('warning', 'InvalidSpec', text);
    findings.fail(specFailure(text));
  }
  const outcome = sizeOf(machine, profile, await lookUpClass(pass));
  if (outcome.kind === 'class-error') return findings.fail(classFailure(outcome.className, outcome.text));
  if (outcome.unknownType !== undefined && machine.status?.observedGeneration !== machine.metadata?.generation) {
    pass.event('warning', 'UnknownInstanceType', `instance type ${outcome.unknownType} is unknown; the smallest size is used`);
  }
  findings.set('SpecValid', isTrue('Valid'));
  return outcome.size;
}

async function lookUpClass({ machine, supervisor, local }: MachinePass): Promise<ClassLookup> {
  const name = wantedClass(machine);
  if (name === undefined || supervisor.availability(MachineClass) !== 'served') return { kind: 'unserved' };
  const cached = supervisor.store(MachineClass).get(name);
  if (cached !== undefined) return { kind: 'found', machineClass: cached };
  try {
    return { kind: 'found', machineClass: await local.get(MachineClass, name) };
  } catch (error) {
    if ((error as { status?: number }).status !== 404) throw error;
    return { kind: 'failed', cause: causeText(error) };
  }
}

/** A virtual machine that somebody deletes is not mended; its successor is built when it is gone. */
function waitForOld({ findings }: MachinePass, vm: RemoteVirtualMachine): void {
  if (vm.metadata?.deletionTimestamp === undefined) return;
  const held = (vm.metadata.finalizers ?? []).join(', ');
  findings.wait(
    'InfrastructureReady',
    'WaitingForOldVirtualMachine',
    `VirtualMachine ${vm.metadata.name} is being deleted; it is held by ${held}`,
  );
}

async function ensureNamespace({ remote, owner, settings, findings }: MachinePass): Promise<void> {
  const unavailable = (text: string): never =>
    findings.wait('InfrastructureReady', 'NamespaceUnavailable', text, { requeueAfterMs: TERMINATING_RETRY_MS });
  let namespace: Namespace | undefined;
  try {
    namespace = await remote.find(Namespace, owner.namespace);
  } catch (error) {
    findings.set('InfrastructureReady', isFalse('NamespaceUnavailable', `failed to check if namespace exists: ${causeText(error)}`));
    throw new PassEnded({ error });
  }
  if (namespace?.status?.phase === 'Terminating' || namespace?.metadata?.deletionTimestamp !== undefined) {
    unavailable(`namespace ${owner.namespace} is being deleted on the remote cluster`);
  }
  if (namespace !== undefined) return;
  try {
    await remote.create(Namespace, { metadata: { name: owner.namespace, labels: managedByLabels(settings.managedBy) } });
  } catch (error) {
    if (error instanceof AlreadyExistsError) return;
    findings.set(
      'InfrastructureReady',
      isFalse('NamespaceUnavailable', `failed to create namespace on remote cluster: ${causeText(error)}`),
    );
    throw new PassEnded({ error });
  }
}

async function build(pass: MachinePass, name: string, size: Size): Promise<RemoteVirtualMachine> {
  pass.findings.set('InfrastructureReady', isFalse('Creating', 'the virtual machine is being created'));
  const { desired, secret } = await desiredMachine(pass, undefined, name, size);
  pass.findings.set('SpecInSync', isTrue('InSync'));
  const vm = await createMachine(pass, desired);
  pass.images.forget(pass.owner.uid);
  await deleteUnusedSecrets(pass, secret);
  return vm;
}

async function maintain(pass: MachinePass, vm: RemoteVirtualMachine, size: Size): Promise<void> {
  const name = vm.metadata?.name ?? '';
  if (isAdopted(vm)) return maintainAdopted(pass, vm, size);
  const { desired, secret, refusals } = await desiredMachine(pass, vm, name, size);
  pass.findings.vm = await updateMachine(pass, vm, desired, size, refusals);
  pass.images.forget(pass.owner.uid);
  await deleteUnusedSecrets(pass, secret);
  await cleanUpIso(pass, name);
}

/** Its address is recorded; everything else is as it was found. */
async function maintainAdopted(pass: MachinePass, vm: RemoteVirtualMachine, size: Size): Promise<void> {
  pass.findings.step = 'network';
  const network = networkOfMachine(vm) === undefined ? undefined : await ensureNetwork(pass, vm);
  pass.findings.step = 'building';
  pass.findings.set('StorageReady', isTrue('AdoptedAsFound'));
  const disks = disksOf(pass.machine).map((plan) => ({
    plan,
    volume: { persistentVolumeClaim: { claimName: liveClaimOf(vm, plan) ?? '' } },
  }));
  const desired = buildVirtualMachine({
    ...buildParts(pass, size),
    ...{ name: vm.metadata?.name ?? '', disks, iso: undefined, cloudInit: undefined },
    network: network ?? { ...POD_NETWORK, mac: '' },
    bootsFromNetwork: false,
  });
  pass.findings.vm = await updateMachine(pass, vm, desired, size, []);
}

function buildParts({ machine, owner, profile, settings, kubeVirtVersion }: MachinePass, size: Size) {
  return { machine, owner, profile, settings, size, kubeVirtVersion };
}

async function desiredMachine(pass: MachinePass, vm: RemoteVirtualMachine | undefined, name: string, size: Size) {
  const boot = bootWish(pass.machine);
  const { findings } = pass;
  findings.step = 'network';
  const network = await ensureNetwork(pass, vm);
  findings.step = 'storage';
  const stored = await ensureStorage(pass, vm, name, boot);
  const { template: iso, found: imageSize } = await isoOf(pass, boot, name, stored, vm);
  findings.step = 'building';
  const { volume, secret } = await ensureCloudInit(pass, name, network, vm);
  const desired = buildVirtualMachine({
    ...buildParts(pass, size),
    name,
    network,
    disks: stored.disks,
    bootsFromNetwork: boot.kind === 'network',
    iso,
    cloudInit: volume,
  });
  // Noted last, so that it is that of the image which the virtual machine is made with.
  if (imageSize !== undefined) await annotateMachine(pass, BOOT_IMAGE_SIZE, imageSize);
  return { desired, secret, refusals: stored.refusals };
}
