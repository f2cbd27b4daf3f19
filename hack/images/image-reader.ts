/**
 * Reads the images of an OCI archive: what would run, and every file as a container would see it. Pure.
 *
 * Never: trusts the archive; a blob whose digest is not its name is an error.
 */
import { gunzipSync } from 'node:zlib';
import { digestOf } from './oci-archive';
import { entriesOf, type ReadEntry } from './tar-reader';

export interface ReadLayer {
  readonly compressedBytes: number;
  readonly uncompressedBytes: number;
  readonly entries: readonly ReadEntry[];
}

export interface ReadImage {
  readonly architecture: string;
  readonly digest: string;
  readonly config: {
    readonly User?: string;
    readonly Env?: readonly string[];
    readonly Entrypoint?: readonly string[];
    readonly Cmd?: readonly string[];
    readonly WorkingDir?: string;
    readonly ExposedPorts?: Readonly<Record<string, unknown>>;
    readonly Labels?: Readonly<Record<string, string>>;
  };
  readonly layers: readonly ReadLayer[];
  /** By path; of several layers the last one counts. */
  readonly files: ReadonlyMap<string, ReadEntry>;
}

interface Descriptor {
  readonly mediaType: string;
  readonly digest: string;
  readonly annotations?: Readonly<Record<string, string>>;
}

/** One a processor, and no attestations. @throws {Error} for an archive that is damaged or no OCI archive. */
export function imagesIn(archive: Buffer): ReadImage[] {
  const files = new Map(entriesOf(archive).map(({ path, content }) => [path, content]));
  const blob = ({ digest }: Descriptor): Buffer => {
    const bytes = files.get(`blobs/${digest.replace(':', '/')}`);
    if (bytes === undefined) throw new Error(`the archive has no blob ${digest}`);
    if (digestOf(bytes) !== digest) throw new Error(`the blob ${digest} is damaged`);
    return bytes;
  };
  const json = <T>(bytes: Buffer): T => JSON.parse(bytes.toString('utf8')) as T;
  const index = files.get('index.json');
  if (index === undefined) throw new Error('this is no OCI archive: it has no index.json');
  const manifests = (descriptors: readonly Descriptor[]): Descriptor[] =>
    descriptors.flatMap((one) =>
      /image\.index|manifest\.list/.test(one.mediaType) ? manifests(json<{ manifests: Descriptor[] }>(blob(one)).manifests) : [one],
    );
  return manifests(json<{ manifests: Descriptor[] }>(index).manifests)
    .filter(({ annotations }) => annotations?.['vnd.docker.reference.type'] === undefined)
    .map((descriptor) => {
      const manifest = json<{ config: Descriptor; layers: Descriptor[] }>(blob(descriptor));
      const { architecture, config } = json<Pick<ReadImage, 'architecture' | 'config'>>(blob(manifest.config));
      const layers = manifest.layers.map((layer) => layerOf(blob(layer)));
      return { architecture, digest: descriptor.digest, config, layers, files: merged(layers) };
    });
}

function layerOf(compressed: Buffer): ReadLayer {
  const tar = compressed[0] === 0x1f ? gunzipSync(compressed) : compressed;
  return { compressedBytes: compressed.length, uncompressedBytes: tar.length, entries: entriesOf(tar) };
}

/** @source OCI image-spec 1.1, "Whiteouts". */
function merged(layers: readonly ReadLayer[]): Map<string, ReadEntry> {
  const files = new Map<string, ReadEntry>();
  for (const { entries } of layers) {
    for (const entry of entries) {
      const hidden = /^(.*\/)?\.wh\.([^/]+)$/.exec(entry.path);
      if (hidden === null) files.set(entry.path, entry);
      else {
        const folder = hidden[1] ?? '';
        const gone = hidden[2] === '.wh..opq' ? folder : `${folder}${hidden[2]}`;
        for (const path of files.keys()) if (path === gone || path.startsWith(`${gone.replace(/\/$/, '')}/`)) files.delete(path);
      }
    }
  }
  return files;
}
