/** What each part of the demo needs of the whole. */
import type { Narration } from './narration';

export interface Stage {
  readonly narration: Narration;
  /** Begins the next step. @throws {Error} instead, once there was a signal. */
  step(title: string): void;
  /** @throws {Error} once there was a signal, or a process of the demo has ended by itself. */
  check(): void;
}
