/**
 * Follows what `kubectl get vm` would show in its STATUS column.
 *
 * Owns: the last state of each machine. Never: changes one. Invariant: a state that lasts longer than a poll is reported once.
 */
import type { AdminApi } from '../../test/harness/admin-api';
import { poll } from '../../test/harness/poll';
import type { TestObject } from '../../test/harness/steward-cluster';
import type { Named } from '../../test/kubevirt/stand-in';

export interface Transition {
  /** `namespace/name`. */
  readonly machine: string;
  readonly from: string;
  readonly to: string;
  /** Wall clock in milliseconds. */
  readonly seenAtMs: number;
}

type Machine = TestObject & { status?: { printableStatus?: string } };

const MACHINES = '/apis/kubevirt.io/v1/virtualmachines';
/** Longest time a machine may take for a change of state, in milliseconds. */
const CHANGE_LIMIT_MS = 20_000;

export class MachineStates {
  readonly transitions: Transition[] = [];
  private readonly states = new Map<string, string>();

  constructor(
    private readonly api: AdminApi,
    private readonly onTransition: (transition: Transition) => void,
    /** Called before each look; throws to end the waiting. */
    private readonly check: () => void,
  ) {}

  async look(): Promise<void> {
    this.check();
    const machines = await this.api.list<Machine>(MACHINES);
    const seenAtMs = Date.now();
    for (const { metadata, status } of machines) {
      const machine = nameOf({ namespace: metadata.namespace ?? '', name: metadata.name });
      const to = status?.printableStatus;
      const from = this.states.get(machine);
      if (to === undefined || to === from) continue;
      this.states.set(machine, to);
      if (from === undefined) continue;
      const transition = { machine, from, to, seenAtMs };
      this.transitions.push(transition);
      this.onTransition(transition);
    }
  }

  stateOf(machine: Named): string | undefined {
    return this.states.get(nameOf(machine));
  }

  /** @throws {Error} when the state is not seen in time. */
  async until(machine: Named, state: string): Promise<void> {
    await poll(
      `${nameOf(machine)} to be ${state}`,
      async () => {
        await this.look();
        return this.stateOf(machine) === state;
      },
      { timeoutMs: CHANGE_LIMIT_MS },
    );
  }
}

/** As people write it. */
export function nameOf({ namespace, name }: Named): string {
  return `${namespace}/${name}`;
}
