/**
 * Puts layers and a configuration together into an OCI image and writes it as an archive that containerd, podman and skopeo import.
 *
 * Owns: the formats of OCI image-spec 1.1. Never: knows what is in a layer.
 * Invariant: equal input gives an equal digest, whatever the folder, the time and the machine.
 */
import { createHash } from 'node:crypto';
import { constants, gzipSync } from 'node:zlib';
import { type TarEntry, tarOf } from './tar';

const MEDIA = {
  manifest: 'application/vnd.oci.image.manifest.v1+json',
  config: 'application/vnd.oci.image.config.v1+json',
  layer: 'application/vnd.oci.image.layer.v1.tar+gzip',
  index: 'application/vnd.oci.image.index.v1+json',
} as const;

interface Descriptor {
  readonly mediaType: string;
  readonly digest: string;
  readonly size: number;
  readonly platform?: { readonly architecture: string; readonly os: string };
  readonly annotations?: Readonly<Record<string, string>>;
}

/** A layer, ready to be used in several images. */
export interface Layer {
  /** What it holds, for the image's history. */
  readonly title: string;
  readonly compressed: Buffer;
  /** Digest of the tar archive before compression. */
  readonly diffId: string;
  readonly uncompressedBytes: number;
}

/** The `config` of an image: what runs, as whom. */
export interface RuntimeConfig {
  readonly User: string;
  readonly Env: readonly string[];
  readonly Entrypoint: readonly string[];
  readonly Cmd: readonly string[];
  readonly WorkingDir: string;
  readonly ExposedPorts: Readonly<Record<string, Record<string, never>>>;
  readonly Labels: Readonly<Record<string, string>>;
}

export interface ImageOptions {
  readonly architecture: string;
  readonly config: RuntimeConfig;
  readonly layers: readonly Layer[];
  /** Unix time that the image and its files claim to be from. */
  readonly createdSeconds: number;
}

export interface Image {
  readonly manifest: Descriptor;
  readonly blobs: ReadonlyMap<string, Buffer>;
}

export function layerOf(title: string, entries: readonly TarEntry[], modifiedSeconds: number): Layer {
  const tar = tarOf(entries, modifiedSeconds);
  return {
    title,
    compressed: gzipSync(tar, { level: constants.Z_BEST_COMPRESSION }),
    diffId: digestOf(tar),
    uncompressedBytes: tar.length,
  };
}

export function imageOf({ architecture, config, layers, createdSeconds }: ImageOptions): Image {
  const blobs = new Map<string, Buffer>();
  const created = new Date(createdSeconds * 1_000).toISOString();
  const add = (mediaType: string, bytes: Buffer): Descriptor => {
    const digest = digestOf(bytes);
    blobs.set(digest, bytes);
    return { mediaType, digest, size: bytes.length };
  };
  const configuration = add(
    MEDIA.config,
    json({
      created,
      architecture,
      os: 'linux',
      config,
      rootfs: { type: 'layers', diff_ids: layers.map(({ diffId }) => diffId) },
      history: layers.map(({ title }) => ({ created, created_by: title })),
    }),
  );
  const described = layers.map(({ compressed }) => add(MEDIA.layer, compressed));
  const manifest = add(
    MEDIA.manifest,
    json({ schemaVersion: 2, mediaType: MEDIA.manifest, config: configuration, layers: described, annotations: config.Labels }),
  );
  return { manifest: { ...manifest, platform: { architecture, os: 'linux' } }, blobs };
}

/**
 * One archive with an image for each architecture.
 *
 * @param reference for example `virt-steward/manager:0.1.0`; importers give it to the image.
 */
export function archiveOf(reference: string, images: readonly Image[]): Buffer {
  const naming = { 'io.containerd.image.name': reference, 'org.opencontainers.image.ref.name': reference.split(':').at(-1) ?? '' };
  const blobs = new Map(images.flatMap((image) => [...image.blobs]));
  const [only, ...others] = images.map(({ manifest }) => manifest);
  if (only === undefined) throw new RangeError('an archive needs an image');
  let top: Descriptor = only;
  if (others.length > 0) {
    const list = json({ schemaVersion: 2, mediaType: MEDIA.index, manifests: [only, ...others] });
    top = { mediaType: MEDIA.index, digest: digestOf(list), size: list.length };
    blobs.set(top.digest, list);
  }
  const index = { schemaVersion: 2, mediaType: MEDIA.index, manifests: [{ ...top, annotations: naming }] };
  const file = (path: string, content: Buffer): TarEntry => ({ path, mode: 0o644, content });
  const directory = (path: string): TarEntry => ({ path, mode: 0o755 });
  return tarOf(
    [
      directory('blobs'),
      directory('blobs/sha256'),
      ...[...blobs].map(([digest, bytes]) => file(`blobs/${digest.replace(':', '/')}`, bytes)),
      file('index.json', json(index)),
      file('oci-layout', json({ imageLayoutVersion: '1.0.0' })),
    ],
    0,
  );
}

export function digestOf(bytes: Buffer): string {
  return `sha256:${createHash('sha256').update(bytes).digest('hex')}`;
}

function json(value: unknown): Buffer {
  return Buffer.from(JSON.stringify(value));
}
