/** Finds annotations of the anchor that nothing reads: without this, a typing error would be silent. Pure. */
import type { KubernetesObject } from '../../framework';
import {
  ACTIVATION_ANNOTATION,
  DOMAIN,
  EXCLUSIONS_ANNOTATION,
  GOLDEN_CONFIG_ANNOTATION,
  IGNORE_FIELDS_ANNOTATION,
  MODE_ANNOTATION,
  ON_REMOVAL_ANNOTATION,
  PATCH_ANNOTATION,
  PAUSED_ANNOTATION,
  PCI_CLASSES_ANNOTATION,
  RETIRED_ANNOTATIONS,
  ROLLOUT_ANNOTATION,
  VERSION_ANNOTATION,
} from '../keys';

const MAX_NAMED = 50;
/** The anchor may be a managed object as well. */
const KNOWN = new Set([
  ...[ACTIVATION_ANNOTATION, EXCLUSIONS_ANNOTATION, ROLLOUT_ANNOTATION, ON_REMOVAL_ANNOTATION, GOLDEN_CONFIG_ANNOTATION],
  ...[PCI_CLASSES_ANNOTATION, VERSION_ANNOTATION, PATCH_ANNOTATION, IGNORE_FIELDS_ANNOTATION, MODE_ANNOTATION, PAUSED_ANNOTATION],
  ...RETIRED_ANNOTATIONS,
]);

/** @param optionNames what the catalog reads, without the prefix. @returns whole names, sorted. */
export function unknownOptionsOf(anchor: KubernetesObject, optionNames: ReadonlySet<string>): readonly string[] {
  const names = Object.keys(anchor.metadata?.annotations ?? {}).filter((name) => name.startsWith(DOMAIN));
  return names
    .filter((name) => !KNOWN.has(name) && !optionNames.has(name.slice(DOMAIN.length)))
    .sort()
    .slice(0, MAX_NAMED);
}
