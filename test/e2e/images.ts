/**
 * The images under the names that the chart's default values lead to, and a second pair that differs, to upgrade to.
 *
 * Owns: renaming within an archive. Never: changes a layer: the second pair differs by a label, and so by its digest.
 */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { digestOf } from '../../hack/images/oci-archive';
import { type TarEntry, tarOf } from '../../hack/images/tar';
import { entriesOf } from '../../hack/images/tar-reader';
import { ROOT } from '../harness/steward-cluster';

export const VERSION = (JSON.parse(readFileSync(join(ROOT, 'package.json'), 'utf8')) as { version: string }).version;
export const NEXT_VERSION = `${VERSION}-next`;

interface Descriptor {
  readonly mediaType: string;
  readonly digest: string;
  readonly size: number;
  readonly annotations?: Readonly<Record<string, string>>;
}

/** Archive of `docker.io/virt-steward/<name>` with both tags. A reference without a registry means docker.io. */
export function archiveWithNext(name: 'manager' | 'agent'): Buffer {
  const architecture = process.arch === 'arm64' ? 'arm64' : 'amd64';
  const archive = readFileSync(join(ROOT, 'dist', 'images', `${name}-${VERSION}-${architecture}.tar`));
  const files = new Map(entriesOf(archive).flatMap(({ path, type, content }) => (type === 'file' ? [[path, content] as const] : [])));
  const read = <T>(path: string): T => JSON.parse(files.get(path)!.toString('utf8')) as T;
  const blob = ({ digest }: Descriptor): string => `blobs/${digest.replace(':', '/')}`;
  const add = (descriptor: Descriptor, value: unknown): Descriptor => {
    const bytes = Buffer.from(JSON.stringify(value));
    const added = { ...descriptor, digest: digestOf(bytes), size: bytes.length };
    files.set(blob(added), bytes);
    return added;
  };
  const index = read<{ manifests: Descriptor[] }>('index.json');
  const only = index.manifests[0]!;
  const manifest = read<{ config: Descriptor }>(blob(only));
  const config = read<{ config: { Labels: Record<string, string> } }>(blob(manifest.config));
  const nextConfig = { ...config, config: { ...config.config, Labels: { ...config.config.Labels, version: NEXT_VERSION } } };
  const next = add(only, { ...manifest, config: add(manifest.config, nextConfig) });
  const named = (descriptor: Descriptor, tag: string): Descriptor => ({
    ...descriptor,
    annotations: { 'io.containerd.image.name': `docker.io/virt-steward/${name}:${tag}`, 'org.opencontainers.image.ref.name': tag },
  });
  files.set('index.json', Buffer.from(JSON.stringify({ ...index, manifests: [named(only, VERSION), named(next, NEXT_VERSION)] })));
  const entries = [...files].map(([path, content]): TarEntry => ({ path, mode: 0o644, content }));
  return tarOf([{ path: 'blobs', mode: 0o755 }, { path: 'blobs/sha256', mode: 0o755 }, ...entries], 0);
}
