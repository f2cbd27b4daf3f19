/**
 * The list of everything in an image that others have written, as CycloneDX 1.6.
 *
 * Owns: the format. Invariant: equal input gives equal bytes: no serial number, no time.
 */
import type { Architecture, DebianPackage } from '../debian/packages';
import type { NpmPackage } from './inputs';
import { type LockedPackage, shippedPackages } from './packages';

export interface SbomOptions {
  readonly title: string;
  readonly version: string;
  readonly architecture: Architecture;
  readonly debian: readonly DebianPackage[];
  readonly node: NpmPackage;
  /** `packages` of package-lock.json. */
  readonly locked: Readonly<Record<string, LockedPackage>>;
  /** The native packages in the image; other optional ones are not. */
  readonly natives: readonly NpmPackage[];
}

export function sbomOf({ title, version, architecture, debian, node, locked, natives }: SbomOptions): Buffer {
  const npm = shippedPackages(locked, natives).map(({ name, version: at, license, integrity }) => ({
    ...component(name, at, `pkg:npm/${name.replace('@', '%40')}@${at}`),
    ...hash('SHA-512', integrity === undefined ? undefined : hexOf(integrity)),
    ...(license === undefined ? {} : { licenses: [{ expression: license }] }),
  }));
  const system = debian.map(({ name, version: at, sha256 }) => ({
    ...component(name, at, `pkg:deb/debian/${encodeURIComponent(name)}@${encodeURIComponent(at)}?arch=${architecture}`),
    ...hash('SHA-256', sha256),
  }));
  const runtime = {
    ...component('node', node.version, `pkg:npm/${node.name}@${node.version}`),
    ...hash('SHA-512', hexOf(node.integrity)),
    licenses: [{ expression: 'MIT' }],
  };
  return Buffer.from(
    `${JSON.stringify(
      {
        bomFormat: 'CycloneDX',
        specVersion: '1.6',
        version: 1,
        metadata: { component: { type: 'container', 'bom-ref': title, name: title, version } },
        components: [...npm, ...system, runtime].sort((a, b) => (a['bom-ref'] < b['bom-ref'] ? -1 : 1)),
      },
      null,
      1,
    )}\n`,
  );
}

function component(name: string, version: string, purl: string) {
  return { type: 'library', 'bom-ref': purl, name, version, purl };
}

function hash(alg: string, content: string | undefined) {
  return content === undefined ? {} : { hashes: [{ alg, content }] };
}

function hexOf(integrity: string): string {
  return Buffer.from(integrity.slice(integrity.indexOf('-') + 1), 'base64').toString('hex');
}
