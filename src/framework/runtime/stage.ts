/**
 * Collects what a pass wants to say about its object, so that it is written once, after all handlers ran.
 *
 * Owns: staging. Never: writes. One stage serves all handlers of a pass; of two that say the same thing the later wins.
 */
import { StaleContextError } from '../errors/handler-errors';
import type { KubernetesObject } from '../kinds/object';
import type { ConditionInput, EventStage, StatusStage } from './context';

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

  get hasStatus(): boolean {
    return this.fields.size > 0 || this.conditions.size > 0;
  }

  /** The two stages as one handler run sees them; `isOver` tells when they have gone stale. */
  viewFor(handler: string, object: KubernetesObject, isOver: () => boolean): { status: StatusStage; events: EventStage } {
    const guard = (what: string): void => {
      if (isOver()) throw new StaleContextError(`${what} of ${handler}`);
    };
    const stageEvent = (type: StagedEvent['type'], reason: string, note: string, about: KubernetesObject): void => {
      guard('ctx.events');
      this.events.push({ type, reason, note, about, action: handler });
    };
    return {
      status: {
        set: (fields) => {
          guard('ctx.status');
          for (const [name, value] of Object.entries(fields)) this.fields.set(name, value);
        },
        condition: (condition) => {
          guard('ctx.status');
          this.conditions.set(condition.type, condition);
        },
      },
      events: {
        normal: (reason, note, about = object) => stageEvent('Normal', reason, note, about),
        warning: (reason, note, about = object) => stageEvent('Warning', reason, note, about),
      },
    };
  }
}
