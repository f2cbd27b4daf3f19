/**
 * Keeps the wake map's view of virtual machines, in memory and on every replica.
 *
 * Owns: feeding VirtualMachines and their instances into the local wake targets. Never: writes anything.
 */
import { Handler, keyOf, OnEvent, type ResourceEvent } from '../../framework';
import { VirtualMachine } from '../../kubevirt/virtual-machine';
import { VirtualMachineInstance } from '../../kubevirt/virtual-machine-instance';
import { WolRuntime } from './wol-runtime';

@Handler()
export class VirtualMachineHandler {
  constructor(private readonly wol: WolRuntime) {}

  @OnEvent(VirtualMachine)
  index({ type, object }: ResourceEvent<VirtualMachine>): void {
    if (type === 'DELETED') this.wol.localTargets.removeVm(keyOf(object));
    else this.wol.localTargets.upsertVm(object);
  }

  @OnEvent(VirtualMachineInstance)
  follow({ type, object }: ResourceEvent<VirtualMachineInstance>): void {
    if (type === 'DELETED') this.wol.localTargets.removeVmi(keyOf(object));
    else this.wol.localTargets.upsertVmi(object);
  }
}
