/** The kind whose keys are what has to go: one for all orphans, one for each tombstone. No such object exists in any cluster. */
import { defineVirtualKind } from '../../framework';

export interface Leftover {
  readonly key: string;
}
export const Leftover = defineVirtualKind<Leftover>('Leftover');
