/**
 * Collects what a pass wants to say about its object, so that it is written once, after all handlers ran.
 *
 * Owns: staging, and refusing what could not be written. Never: writes. One stage serves all handlers of a pass; of two that say the same thing the later wins.
 */
import { StaleContextError } from '../errors/handler-errors';
import { OperatorError } from '../errors/operator-error';
import { hasOurStatus, type Kind } from '../kinds/kind';
import type { KubernetesObject } from '../kinds/object';
import type { ConditionInput, EventStage, StatusStage } from './context';
import { checkCondition, checkEvent, checkStatusField } from './stage-checks';

export interface StagedEvent {
  readonly type: 'Normal' | 'Warning';
  readonly reason: string;
  readonly note: string;
  readonly about: KubernetesObject;
  /** Handler id. */
  readonly action: string;
}

export class PassStage {
  readonly fields = new Map<string, unknown>();
  readonly conditions = new Map<string, ConditionInput>();
  readonly events: StagedEvent[] = [];

  constructor(private readonly kind: Kind) {}

  get hasStatus(): boolean {
    return this.fields.size > 0 || this.conditions.size > 0;
  }

  /** The two stages as one handler run sees them; `isOver` tells when they have gone stale. */
  viewFor(handler: string, object: KubernetesObject, isOver: () => boolean): { status: StatusStage; events: EventStage } {
    const guard = (what: string): void => {
      if (isOver()) throw new StaleContextError(`${what} of ${handler}`);
    };
    const guardStatus = (): void => {
      guard('ctx.status');
      if (this.kind.virtual)
        throw new OperatorError('NO_STATUS', `${handler}: ctx.status is not available, ${this.kind.kind} is a virtual kind`);
      if (!hasOurStatus(this.kind)) {
        const text = `${handler}: ctx.status is not available, ${this.kind.kind} declares no status of ours; give its defineKind observedGeneration, conditions or ownStatus, from which the right to write it follows`;
        throw new OperatorError('NO_STATUS', text);
      }
    };
    const stageEvent = (type: StagedEvent['type'], reason: string, note: string, about: KubernetesObject | undefined): void => {
      guard('ctx.events');
      checkEvent(handler, reason, note);
      const subject = about ?? (this.kind.virtual ? undefined : object);
      if (subject === undefined) {
        const text = `${handler}: ctx.events needs the object to report on, ${this.kind.kind} is a virtual kind: pass it as third argument`;
        throw new OperatorError('NO_EVENT_OBJECT', text);
      }
      this.events.push({ type, reason, note, about: subject, action: handler });
    };
    return {
      status: {
        set: (fields) => {
          guardStatus();
          for (const [name, value] of Object.entries(fields)) checkStatusField(handler, name, value);
          for (const [name, value] of Object.entries(fields)) this.fields.set(name, value);
        },
        condition: (condition) => {
          guardStatus();
          checkCondition(handler, condition);
          this.conditions.set(condition.type, condition);
        },
      },
      events: {
        normal: (reason, note, about) => stageEvent('Normal', reason, note, about),
        warning: (reason, note, about) => stageEvent('Warning', reason, note, about),
      },
    };
  }
}
