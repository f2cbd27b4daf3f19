/**
 * Creates the virtual machine of a Machine, or brings one that exists to what the Machine asks for.
 *
 * Owns: the POST, the apply, and what they say of a refusal. Never: overwrites what it did not look at; starts or stops anything.
 */
import { AlreadyExistsError, keyOf, TemporaryError } from '../../framework';
import { isFalse, isTrue } from '../status/conditions';
import { createFailure } from '../status/failures';
import { type ApplyPlan, isAdopted, planAdopted, planApply, type SpecRefusal } from '../virtual-machine/apply-plan';
import type { RemoteVirtualMachine } from '../virtual-machine/remote-objects';
import { RemoteVirtualMachine as VirtualMachines } from '../virtual-machine/remote-objects';
import type { Size } from '../virtual-machine/size';
import type { MachinePass } from './machine-pass-context';
import { PassEnded } from './pass-findings';
import { causeText, isRefusal } from './remote-answers';

export async function createMachine(pass: MachinePass, desired: RemoteVirtualMachine): Promise<RemoteVirtualMachine> {
  const { remote, findings, key, log, machine } = pass;
  const place = `VirtualMachine ${desired.metadata?.namespace}/${desired.metadata?.name}`;
  try {
    const vm = await remote.create(VirtualMachines, { ...desired, spec: { ...desired.spec, runStrategy: 'Always' } });
    pass.eventOver('CreateFailed');
    const isAgain = machine.status?.virtualMachineRef?.uid !== undefined;
    if (isAgain)
      pass.event(
        'warning',
        'VirtualMachineRecreated',
        `${place} had vanished from cluster ${key} and was created again with the same disks`,
      );
    else pass.event('normal', 'VirtualMachineCreated', `${place} was created on cluster ${key}`);
    return vm;
  } catch (error) {
    // Whose it is decides the next pass.
    if (error instanceof AlreadyExistsError) throw new TemporaryError(`${place} exists by now`, { delayMs: 200, cause: error });
    log.error('Failed to create VirtualMachine in remote cluster', { name: desired.metadata?.name, error });
    if (!isRefusal(error)) throw error;
    pass.eventOnce('warning', 'CreateFailed', `${place} was refused by cluster ${key}: ${causeText(error)}`);
    return findings.fail(createFailure(causeText(error)));
  }
}

/** @returns the virtual machine as it is then. */
export async function updateMachine(
  pass: MachinePass,
  vm: RemoteVirtualMachine,
  desired: RemoteVirtualMachine,
  size: Size,
  refusals: readonly SpecRefusal[],
): Promise<RemoteVirtualMachine> {
  const plan = isAdopted(vm) ? planAdopted(vm, desired, size) : planApply(vm, desired);
  stateRefusals(pass, [...plan.refusals, ...refusals]);
  if (plan.apply === undefined) return vm;
  return apply(pass, vm, plan.apply);
}

/** What of the spec is not done, with one Event for each new word. */
function stateRefusals({ findings, machine, event }: MachinePass, refusals: readonly SpecRefusal[]): void {
  const [first] = refusals;
  if (first === undefined) {
    findings.set('SpecInSync', isTrue('InSync'));
    return;
  }
  const message = refusals.map(({ text }) => text).join('; ');
  const shown = machine.status?.conditions?.find(({ type }) => type === 'SpecInSync');
  if (shown?.message !== message && first.reason !== 'AdoptedAsFound') event('warning', 'SpecChangeRefused', message);
  findings.set('SpecInSync', isFalse(first.reason, message));
}

async function apply(pass: MachinePass, vm: RemoteVirtualMachine, wanted: NonNullable<ApplyPlan['apply']>): Promise<RemoteVirtualMachine> {
  const { remote, findings, key } = pass;
  const place = `VirtualMachine ${keyOf(vm)}`;
  try {
    // Fields that the creation set and nobody wants any more go only if the apply owns them.
    const migrated = await remote.migrateFieldManager(VirtualMachines, vm, []);
    if (migrated === undefined) throw new TemporaryError(`${place} is gone`, { delayMs: 200 });
    const resourceVersion = migrated.metadata?.resourceVersion;
    const metadata = { ...wanted.metadata, ...(resourceVersion === undefined ? {} : { resourceVersion }) };
    const applied = await remote.apply(VirtualMachines, { ...wanted, metadata }, { force: true, live: migrated });
    pass.event('normal', 'VirtualMachineUpdated', `${place} on cluster ${key} was updated`);
    return applied;
  } catch (error) {
    if (!isRefusal(error)) throw error;
    findings.set('InfrastructureReady', isFalse('UpdateRejected', causeText(error)));
    throw new PassEnded();
  }
}
