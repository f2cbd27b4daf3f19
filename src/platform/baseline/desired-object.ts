/**
 * From what the catalog wants to what is sent: patch, mask, fill, label, payload (steps 6 to 8). Pure.
 *
 * Invariant: the result has the identity of the rendered object, and no control annotation.
 */
import type { KubernetesObject } from '../../framework';
import { isSameJson, type Json, type JsonMap } from '../json';
import { MANAGED_BY, MANAGED_BY_LABEL } from '../keys';
import { applyUserPatch } from '../overrides/apply-patch';
import type { ObjectControls } from '../overrides/control-annotations';
import { type IgnoredFields, NOTHING_IGNORED, parseIgnoredFields, withoutFields } from '../overrides/ignored-fields';
import { type Pointer, valueAt } from '../overrides/json-pointer';
import type { PatchProblem } from '../overrides/patch-text';
import { withoutTakenFields } from './fill-only';
import { isOurField, isOwnedInOtherVersion, pathsToLetGo } from './ownership';
import { withPayloadOf } from './payload';
import { jsonOf } from './reduced-object';

export interface DesiredInput {
  readonly rendered: KubernetesObject;
  readonly live: KubernetesObject | undefined;
  readonly controls: ObjectControls;
  readonly fill: readonly Pointer[];
}

export type DesiredObject =
  | {
      readonly kind: 'desired';
      readonly object: KubernetesObject;
      /** Number of operations of the user's patch; `undefined` = there is none. */
      readonly patchOperations: number | undefined;
      /** What our field set must not hold when it is applied. */
      readonly letGo: readonly Pointer[];
      /** One sentence for each pointer of the user that does not count. */
      readonly ignoreProblems: readonly string[];
    }
  | { readonly kind: 'invalid-patch'; readonly problem: PatchProblem };

export function desiredObject({ rendered, live, controls, fill }: DesiredInput): DesiredObject {
  const wanted = jsonOf(rendered);
  const patched = controls.patch === undefined ? undefined : applyUserPatch(wanted, controls.patch);
  if (patched?.kind === 'refused') return { kind: 'invalid-patch', problem: patched.problem };
  const ignored: IgnoredFields = controls.ignoreFields === undefined ? NOTHING_IGNORED : parseIgnoredFields(controls.ignoreFields);
  const masked = withoutFields(patched?.object ?? wanted, ignored);
  const filled =
    live === undefined
      ? { object: masked.object, left: [] }
      : withoutTakenFields({
          ...{ desired: masked.object, rendered: wanted, live: jsonOf(live), fill },
          isOurs: isOwnedInOtherVersion(live) ? isUnchanged(jsonOf(live), masked.object) : (leaf) => isOurField(live, leaf),
        });
  const labelled = withLabel(filled.object);
  const object = live === undefined ? labelled : withPayloadOf(jsonOf(live), labelled);
  return {
    kind: 'desired',
    object: object as unknown as KubernetesObject,
    patchOperations: patched?.operations,
    letGo: pathsToLetGo(object, [...masked.pointers, ...filled.left]),
    ignoreProblems: masked.problems,
  };
}

/** Where ownership has other paths than the object, all that tells is the value. */
function isUnchanged(live: JsonMap, desired: JsonMap): (leaf: Pointer) => boolean {
  return (leaf) => isSameJson(valueAt(live, leaf), valueAt(desired, leaf));
}

function withLabel(object: JsonMap): JsonMap {
  const metadata = (object['metadata'] ?? {}) as JsonMap;
  const labels = { ...(metadata['labels'] as Record<string, Json> | undefined), [MANAGED_BY_LABEL]: MANAGED_BY };
  return { ...object, metadata: { ...metadata, labels } };
}
