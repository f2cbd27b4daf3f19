/**
 * What happens when there is no token for a write: wait, and pause the object when somebody else is the reason.
 *
 * Owns: the pause annotation and the words about it. Never: takes the annotation away; only the user does.
 * Errors: none; a pause that cannot be written is held in memory.
 */
import type { Kind, KubernetesObject, ObjectKey } from '../../framework';
import { IGNORE_FIELDS_ANNOTATION, MODE_ANNOTATION, PAUSED_ANNOTATION } from '../keys';
import { controlsOf } from '../overrides/control-annotations';
import type { Throttle } from '../throttling/throttle';
import { type Difference, pointersText } from './comparison';
import { messageOf } from './failures';
import type { KeyMemory } from './key-memory';
import type { Target } from './outcome';
import type { Rival } from './ownership';
import type { ObjectApi, RunCounters, RunEvents } from './ports';

const PAUSE_TRIES = 5;
const MINUTE_MS = 60_000;

export interface War {
  readonly key: string;
  readonly target: Target;
  readonly kind: Kind;
  readonly live: KubernetesObject;
  readonly rival: Rival;
  readonly differences: readonly Difference[];
}

export class EditWars {
  constructor(
    private readonly throttle: Throttle,
    private readonly events: RunEvents,
    private readonly counters: RunCounters,
  ) {}

  /** The war has begun: tells it and pauses the object. */
  async begin(war: War, api: ObjectApi, memory: KeyMemory): Promise<void> {
    const { key, target, live, rival, differences } = war;
    this.counters.thrashing(target);
    const who = `field manager "${rival.manager}" (${rival.operation})`;
    this.events.warning(
      'ThrashingDetected',
      key,
      `${target.kind} ${target.key} is paused: ${who} and virt-steward keep changing ${pointersText(differences)}. ` +
        `Stop the other writer, name the fields in the annotation ${IGNORE_FIELDS_ANNOTATION}, or set ${MODE_ANNOTATION}=unmanaged; ` +
        `then remove the annotation ${PAUSED_ANNOTATION}`,
      { object: live, cause: live.metadata?.resourceVersion ?? '' },
    );
    if (this.throttle.holdIfPruned(target.id)) {
      const why = `the annotation ${PAUSED_ANNOTATION} on ${target.kind} ${target.key} was removed while the war went on, again and again`;
      this.events.warning('PauseContested', key, `${why}: nothing is written for 10 minutes`, { object: live });
    }
    await this.pause(war, api, memory);
  }

  /** Puts the annotation on, or holds the object in memory. */
  async pause(
    { key, target, kind, live }: Pick<War, 'key' | 'target' | 'kind' | 'live'>,
    api: ObjectApi,
    memory: KeyMemory,
  ): Promise<void> {
    const problem = await this.writePause(kind, target.key, api);
    memory.isPauseUnwritten = problem !== undefined;
    if (problem === undefined) return;
    this.throttle.hold(target.id);
    const message = `the annotation ${PAUSED_ANNOTATION} could not be put on ${target.kind} ${target.key} (${problem}): it is paused in memory for 10 minutes`;
    this.events.warning('ThrashingDetected', key, message, { object: live, cause: `unwritten ${problem}` });
  }

  /** @returns why it is not there. */
  private async writePause(kind: Kind, key: ObjectKey, api: ObjectApi): Promise<string | undefined> {
    let problem = '';
    for (let attempt = 1; attempt <= PAUSE_TRIES; attempt++) {
      try {
        // Admission may take it off again, and says nothing about it.
        if (controlsOf(await api.pause(kind, key)).isPaused) return undefined;
        problem = 'it was removed on the way';
      } catch (error) {
        problem = messageOf(error);
      }
    }
    return problem;
  }
}

/** The wait for the next try while the pause is in memory; it is over by itself. */
export function heldText(heldMs: number): string {
  return `paused in memory for ${Math.ceil(heldMs / MINUTE_MS)} more minutes`;
}
