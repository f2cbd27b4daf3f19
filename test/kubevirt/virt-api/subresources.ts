/**
 * Carries out subresource requests: reads, decides, writes.
 *
 * Owns: the order of reads and writes and what a failed write turns into. Never: decides by itself (see `decisions/`).
 * Invariant: objects are read at request time, never from a cache; a patch that loses its test is a conflict, any other refusal an internal error.
 */
import { ApiError, JSON_PATCH, type KubeApi } from '../api/kube-api';
import { type Answer, conflict, type Decision, internalError, type PatchWrite } from '../decisions/answer';
import { decidePause, decideUnpause } from '../decisions/pause';
import { decideStart } from '../decisions/start';
import { decideRestart, decideStop } from '../decisions/stop';
import type { VirtualMachine, VirtualMachineInstance } from '../objects';
import { instancePath, type Named, vmPath } from '../resource-paths';
import type { JournalEntry } from './journal';

export type Verb = JournalEntry['verb'];

export interface Outcome {
  readonly answer: Answer;
  /** Whether something was changed in the cluster. */
  readonly wrote: boolean;
}

export class Subresources {
  /** @param nowIso the time for new conditions, RFC 3339. */
  constructor(
    private readonly api: KubeApi,
    private readonly nowIso: () => string,
  ) {}

  async handle(verb: Verb, target: Named, body: string): Promise<Outcome> {
    try {
      const [vm, vmi] = await Promise.all([
        this.api.find<VirtualMachine>(vmPath(target)),
        this.api.find<VirtualMachineInstance>(instancePath(target)),
      ]);
      return await this.carryOut(this.decide(verb, target.name, vm, vmi, body), target);
    } catch (error) {
      return { answer: internalError(messageOf(error)), wrote: false };
    }
  }

  private decide(
    verb: Verb,
    name: string,
    vm: VirtualMachine | undefined,
    vmi: VirtualMachineInstance | undefined,
    body: string,
  ): Decision {
    switch (verb) {
      case 'start':
        return decideStart(name, vm, vmi, body);
      case 'stop':
        return decideStop(name, vm, vmi, body);
      case 'restart':
        return decideRestart(name, vm, vmi, body);
      case 'pause':
        return decidePause(name, vmi, body, this.nowIso());
      case 'unpause':
        return decideUnpause(name, vm, vmi, body);
    }
  }

  private async carryOut({ writes, answer }: Decision, target: Named): Promise<Outcome> {
    let wrote = false;
    for (const write of writes) {
      try {
        await this.patch(write, target);
        wrote ||= !write.dryRun;
      } catch (error) {
        const isLostTest = error instanceof ApiError && isTestFailure(error);
        const refusal =
          isLostTest && write.resource === 'virtualmachines'
            ? conflict('virtualmachine', target.name, messageOf(error))
            : internalError(messageOf(error));
        return { answer: refusal, wrote };
      }
    }
    return { answer, wrote };
  }

  private async patch({ resource, subresource, operations, dryRun }: PatchWrite, target: Named): Promise<void> {
    const object = resource === 'virtualmachines' ? vmPath(target) : instancePath(target);
    const path = `${object}${subresource === undefined ? '' : `/${subresource}`}${dryRun ? '?dryRun=All' : ''}`;
    await this.api.ask({ method: 'PATCH', path, body: operations, contentType: JSON_PATCH });
  }
}

/** What an API server says, under 422, when a JSON patch does not apply. Validation and webhooks say other things. */
const PATCH_DOES_NOT_APPLY = 'the server rejected our request due to an error in our request';

function isTestFailure(error: ApiError): boolean {
  return error.code === 422 && error.message === PATCH_DOES_NOT_APPLY;
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
