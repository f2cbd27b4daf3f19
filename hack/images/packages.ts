/**
 * Which npm packages are in an image: what its list of contents and its licences speak of. Pure.
 *
 * Invariant: everything that is not for development only; of optional packages, those that are put in by name.
 */
import type { NpmPackage } from './inputs';

/** What package-lock.json tells of a package. */
export interface LockedPackage {
  readonly version: string;
  readonly license?: string;
  readonly integrity?: string;
  readonly dev?: boolean;
  readonly optional?: boolean;
}

export interface ShippedPackage extends LockedPackage {
  readonly name: string;
  /** In the repository, for example `node_modules/a`. */
  readonly path: string;
}

/** @param locked `packages` of package-lock.json. @param natives optional packages in the image. */
export function shippedPackages(locked: Readonly<Record<string, LockedPackage>>, natives: readonly NpmPackage[]): ShippedPackage[] {
  const isNative = (name: string): boolean => natives.some((native) => native.name === name);
  return Object.entries(locked)
    .map(([path, entry]) => ({ ...entry, path, name: path.slice(path.lastIndexOf('node_modules/') + 'node_modules/'.length) }))
    .filter(({ path, name, dev, optional }) => path !== '' && !dev && (!optional || isNative(name)));
}
