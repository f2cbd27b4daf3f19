/**
 * Which request meets which fault.
 *
 * Owns: matching, counting and using up. Never: performs a fault. The first rule that matches and still has uses wins.
 */
import type { Kind } from '../../../kinds/kind';
import type { FakeUser } from '../auth/authenticator';
import type { ResourceRequest, Verb } from '../http/request-info';
import { idOf } from '../kinds/served-kind';
import type { Fault } from './faults';

/** What a rule sees of a request. */
export interface FaultTarget extends Partial<ResourceRequest> {
  readonly method: string;
  readonly path: string;
  readonly query: URLSearchParams;
  readonly user: FakeUser;
}

/** Members left out match every request. */
export interface FaultMatch {
  verb?: Verb | readonly Verb[];
  /** A kind, or `<plural>.<group>` (the bare plural for the core group). */
  kind?: Kind | string;
  namespace?: string;
  name?: string;
  /** `''` for the main resource only. */
  subresource?: string;
  user?: string;
  /** Strike from the nth matching request on, counted from 1. @default 1 */
  nth?: number;
  when?: (request: FaultTarget) => boolean;
}

export interface FaultRule {
  on: FaultMatch;
  do: Fault;
  /** How many requests it strikes. @default 1 */
  times?: number;
}

/** An added rule. */
export interface FaultHandle {
  /** How often it has struck. */
  readonly strikes: number;
  remove(): void;
}

interface ActiveRule {
  readonly rule: FaultRule;
  seen: number;
  strikes: number;
}

export function matches(on: FaultMatch, target: FaultTarget): boolean {
  if (on.verb !== undefined && ![on.verb].flat().includes(target.verb as Verb)) return false;
  if (on.kind !== undefined) {
    const wanted = typeof on.kind === 'string' ? on.kind : on.kind.id;
    if (idOf({ group: target.group ?? '', plural: target.resource ?? '' }) !== wanted) return false;
  }
  for (const member of ['namespace', 'name', 'subresource'] as const)
    if (on[member] !== undefined && on[member] !== target[member]) return false;
  if (on.user !== undefined && on.user !== target.user.name) return false;
  return on.when?.(target) ?? true;
}

export class FaultPlan {
  private readonly active: ActiveRule[] = [];

  add(rule: FaultRule): FaultHandle {
    const entry: ActiveRule = { rule, seen: 0, strikes: 0 };
    this.active.push(entry);
    return {
      get strikes(): number {
        return entry.strikes;
      },
      remove: () => {
        const index = this.active.indexOf(entry);
        if (index >= 0) this.active.splice(index, 1);
      },
    };
  }

  clear(): void {
    this.active.length = 0;
  }

  /** The fault for this request, used up by one. */
  next(target: FaultTarget): Fault | undefined {
    for (const entry of this.active) {
      const { on, do: fault, times = 1 } = entry.rule;
      if (entry.strikes >= times || !matches(on, target)) continue;
      if (fault.kind === 'expireContinue' && !target.query.get('continue')) continue;
      entry.seen++;
      if (entry.seen < (on.nth ?? 1)) continue;
      entry.strikes++;
      return fault;
    }
    return undefined;
  }
}
