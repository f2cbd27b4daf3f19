/** Which annotations steer us, so that they are never part of what we own, want or compare. */
import { DOMAIN, VERSION_ANNOTATION } from '../keys';

/**
 * Every annotation with our prefix, options of catalogs to come included, except the version, which is our own statement on HyperConverged.
 */
export function isControlAnnotation(name: string): boolean {
  return name.startsWith(DOMAIN) && name !== VERSION_ANNOTATION;
}
