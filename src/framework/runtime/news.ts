/**
 * Whether a change of an object is a reason to run a handler.
 *
 * Owns: what each decorator counts as news of an object that matched its filters before and still does. Pure, except that a function
 * of the author's that throws is reported through a callback.
 */
import type { KubernetesObject } from '../kinds/object';
import type { QueuedHandlerSpec, ReconcileSpec } from '../registry/handler-spec';
import { differ, specChanged } from './diff';
import type { HandlerState } from './key-record';

/** What the runtime remembers of the handler and the object that matters here. */
export type NewsState = Pick<HandlerState, 'outstanding' | 'baseline' | 'hasFailed'>;

/** @param onThrow told of a `changed` function that threw; the change then counts as news. */
export function isNews(
  spec: QueuedHandlerSpec,
  state: NewsState,
  object: KubernetesObject,
  old: KubernetesObject,
  onThrow: (error: unknown) => void,
): boolean {
  switch (spec.decorator) {
    case 'OnTimer':
      return false;
    case 'OnCreate':
    case 'OnResume':
      return state.outstanding && specChanged(object, old);
    case 'OnField':
      return isFieldNews(state, object, old, [spec.path]);
    case 'OnUpdate':
      return isFieldNews(state, object, old, spec.filters.fields);
    case 'OnDelete':
      return specChanged(object, old);
    default:
      return isReconcileNews(spec, object, old, onThrow);
  }
}

function isReconcileNews(
  { changed }: ReconcileSpec,
  object: KubernetesObject,
  old: KubernetesObject,
  onThrow: (error: unknown) => void,
): boolean {
  if (changed === 'spec') return specChanged(object, old);
  if (changed === 'any') return true;
  try {
    return changed(object, old);
  } catch (error) {
    onThrow(error);
    // A run too many does no harm, a missed one does.
    return true;
  }
}

/** Something in these fields changed now, and it is not back at what was handled last. */
function isFieldNews(
  { baseline, hasFailed }: NewsState,
  object: KubernetesObject,
  old: KubernetesObject,
  fields: readonly (readonly string[])[],
): boolean {
  if (!differ(old, object, fields)) return false;
  return baseline === undefined || hasFailed || differ(baseline, object, fields);
}
