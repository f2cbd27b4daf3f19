/**
 * What a pass over a Machine finds out on its way, and how it ends early.
 *
 * Owns: collecting. Never: writes. Invariant: a pass that ends early has said why in a condition before.
 */
import type { ConditionFinding, ConditionType } from '../status/conditions';
import { isFalse } from '../status/conditions';
import type { Failure } from '../status/failures';
import type { DiskStatus } from '../status/runtime-details';
import type { RemoteInstance, RemoteVirtualMachine } from '../virtual-machine/remote-objects';
import type { Size } from '../virtual-machine/size';

export type PassStep = 'spec' | 'finding' | 'network' | 'storage' | 'building';

export class PassFindings {
  readonly conditions: Partial<Record<ConditionType, ConditionFinding>> = {};
  failure: Failure | undefined;
  vm: RemoteVirtualMachine | undefined;
  vmi: RemoteInstance | undefined;
  size: Size | undefined;
  disks: readonly DiskStatus[] | undefined;
  /** What the pass is about, for an answer that no step has words of its own for. */
  step: PassStep = 'spec';
  /** Something that no watch tells may end what the pass has found: when to look again; `undefined` = nothing of that kind. */
  lookAgainMs: number | undefined;

  set(type: ConditionType, finding: ConditionFinding): void {
    this.conditions[type] = finding;
  }

  /** Nothing more can be done until somebody changes something. @param again when no watch tells that somebody did. */
  fail(failure: Failure, again?: PassEnd): never {
    this.failure = failure;
    throw new PassEnded(again);
  }

  /** Something has to happen first that is no failure; its event begins the next pass. */
  wait(type: ConditionType, reason: string, message: string, again?: PassEnd): never {
    this.set(type, isFalse(reason, message));
    throw new PassEnded(again);
  }
}

/** How a pass goes on that ended early: with a later one, or by the back-off of the error. */
export type PassEnd = { readonly requeueAfterMs: number } | { readonly error: unknown };

/** The rest of the steps is left out; the status is written all the same. */
export class PassEnded extends Error {
  constructor(readonly end: PassEnd | undefined = undefined) {
    super('the pass ended early');
  }
}
