/** What the user says on a managed object, read from the object as it is in the cluster. Pure. */
import type { KubernetesObject } from '../../framework';
import { IGNORE_FIELDS_ANNOTATION, MODE_ANNOTATION, PATCH_ANNOTATION, PAUSED_ANNOTATION } from '../keys';

export interface ObjectControls {
  /** Only the literal `true` counts. */
  readonly isPaused: boolean;
  /** `mode: unmanaged`, trimmed; anything else is managed. */
  readonly isUnmanaged: boolean;
  /** A value of `mode` that means nothing. */
  readonly invalidMode: string | undefined;
  /** Not blank. */
  readonly patch: string | undefined;
  /** Not blank. */
  readonly ignoreFields: string | undefined;
}

export function controlsOf(live: KubernetesObject | undefined): ObjectControls {
  const { annotations = {} } = live?.metadata ?? {};
  const mode = annotations[MODE_ANNOTATION]?.trim() ?? '';
  return {
    isPaused: annotations[PAUSED_ANNOTATION] === 'true',
    isUnmanaged: mode === 'unmanaged',
    invalidMode: mode === '' || mode === 'unmanaged' ? undefined : mode,
    patch: unlessBlank(annotations[PATCH_ANNOTATION]),
    ignoreFields: unlessBlank(annotations[IGNORE_FIELDS_ANNOTATION]),
  };
}

function unlessBlank(text: string | undefined): string | undefined {
  return text === undefined || text.trim() === '' ? undefined : text;
}
