/** What all runs share. */
import type { Clock, Logger } from '../../framework';
import type { Throttle } from '../throttling/throttle';
import type { EditWars } from './edit-war';
import type { RolloutGate, RunCounters, RunEvents } from './ports';

export interface RunParts {
  readonly throttle: Throttle;
  readonly wars: EditWars;
  readonly rollout: RolloutGate;
  readonly events: RunEvents;
  readonly counters: RunCounters;
  readonly clock: Clock;
  readonly log: Logger;
}
