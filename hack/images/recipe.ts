/**
 * The two images: what they run and what is in them.
 *
 * Owns: entry points, labels and the order of the layers. Never: writes a file.
 * Invariant: both share the layer of Debian files; only the agent's Node.js may open ports below 1024, and therefore starts only in a
 * container that has this right. That is why there are two images.
 */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { cacheFolder } from '../debian/cache-folder';
import { type Architecture, DebianPackages } from '../debian/packages';
import { projectOf } from '../generators/project';
import { bundleFiles, catalogFiles, debianFiles, file, folderFiles, koffiFiles, nodeFiles, ON_PATH, USER_ID, withFolders } from './files';
import { type ArchitectureInputs, fetchNpm } from './inputs';
import { licenceTexts, thirdPartyText } from './licences';
import { type Image, imageOf, type Layer, layerOf, type RuntimeConfig } from './oci-archive';
import { type LockedPackage, shippedPackages } from './packages';
import { sbomOf } from './sbom';
import type { TarEntry } from './tar';

export const IMAGE_NAMES = ['manager', 'agent'] as const;
export type ImageName = (typeof IMAGE_NAMES)[number];

const DESCRIPTIONS: Readonly<Record<ImageName, string>> = {
  manager: 'Looks after fleets of KubeVirt virtual machines',
  agent: 'Listens for Wake-on-LAN packets on a node and reports them to the manager',
};
const PORTS: Readonly<Record<ImageName, readonly string[]>> = {
  manager: ['8081/tcp', '8443/tcp', '9090/tcp'],
  agent: ['9/udp', '8080/tcp'],
};
const PROGRAM = ['/usr/local/bin/node', '--enable-source-maps', '/opt/virt-steward/dist/main.js'];

/**
 * How the program runs. Two settings keep glibc from holding on to what was freed (mallopt(3)): it has one arena of memory for each thread
 * where no number is set, and blocks are only given back one by one above a threshold, which grows with what is freed unless it is set.
 * V8's compilers work in blocks of 8 to 32 KiB.
 */
export const PROCESS = ['NODE_ENV=production', 'MALLOC_ARENA_MAX=2', 'MALLOC_MMAP_THRESHOLD_=16384'];

/** Parts of the manager whose stack traces end up in logs; the maps of all commands would treble the layer. */
const LONG_LIVED = /^(main|cli-run-manager|cli-run-wol-manager)\./;

export interface Source {
  /** Absolute path of the repository, with a built dist/. */
  readonly root: string;
  readonly version: string;
  /** The commit, or `unknown`. */
  readonly revision: string;
  /** Unix time of the commit: the age of every file. */
  readonly createdSeconds: number;
  /** Why the commit is unknown, on one line. @default it is known */
  readonly gitProblem?: string;
}

export type BuiltImages = Readonly<Record<ImageName, Image & { readonly sbom: Buffer }>>;

/** Both images for one architecture. */
export async function buildImages(source: Source, architecture: Architecture, inputs: ArchitectureInputs): Promise<BuiltImages> {
  const packages = new DebianPackages(cacheFolder('debian'), architecture);
  const layer = (title: string, entries: readonly TarEntry[]): Layer => layerOf(title, entries, source.createdSeconds);
  const base = layer('Debian files', await debianFiles(packages, inputs.debian));
  const node = await fetchNpm(inputs.node);
  const koffi = await Promise.all(inputs.koffi.map(async (one) => koffiFiles(one.name, await fetchNpm(one))));
  const app: Readonly<Record<ImageName, TarEntry[]>> = {
    manager: [
      ...bundleFiles(join(source.root, 'dist'), (name) => !name.endsWith('.map') || LONG_LIVED.test(name)),
      ...folderFiles(join(source.root, 'crds'), 'opt/virt-steward/crds'),
      ...catalogFiles(join(source.root, 'assets')),
    ],
    agent: [...bundleFiles(join(source.root, 'dist'), (name) => /^(main|wol-agent-run-agent)\./.test(name)), ...koffi.flat()],
  };
  const build = (name: ImageName): Image & { sbom: Buffer } => {
    const sbom = sbomFor(source, name, architecture, inputs);
    const layers = [
      base,
      layer(`Node.js ${inputs.node.version}`, nodeFiles(node, name === 'agent')),
      layer('virt-steward', withFolders([...app[name], ON_PATH])),
      layer('Licences and contents', withFolders(aboutFiles(source.root, sbom, thirdPartyFor(source, name, inputs)))),
    ];
    const image = imageOf({ architecture, layers, createdSeconds: source.createdSeconds, config: runtimeConfig(source, name) });
    return { ...image, sbom };
  };
  return { manager: build('manager'), agent: build('agent') };
}

/** The DaemonSet's arguments begin with a flag, so the agent's command is part of the entry point. */
export function runtimeConfig(source: Source, name: ImageName): RuntimeConfig {
  return {
    User: `${USER_ID}:${USER_ID}`,
    Env: ['PATH=/usr/local/bin', ...PROCESS, 'SSL_CERT_FILE=/etc/ssl/certs/ca-certificates.crt'],
    Entrypoint: name === 'agent' ? [...PROGRAM, 'agent'] : PROGRAM,
    Cmd: name === 'agent' ? [] : ['manager'],
    WorkingDir: '/',
    ExposedPorts: Object.fromEntries(PORTS[name].map((port) => [port, {}])),
    Labels: labelsOf(source, name),
  };
}

export function labelsOf({ root, version, revision, createdSeconds }: Source, name: ImageName): Record<string, string> {
  const title = `virt-steward ${name}`;
  const { home, license, provider, maintainers } = projectOf(root);
  const standard = {
    title,
    description: DESCRIPTIONS[name],
    version,
    revision,
    created: new Date(createdSeconds * 1_000).toISOString(),
    licenses: license,
    source: home,
    url: home,
    documentation: `${home}/docs`,
    vendor: provider,
    'base.name': 'scratch',
  };
  const others = {
    name: `virt-steward/${name}`,
    vendor: standard.vendor,
    version,
    release: version,
    maintainer: maintainers.map(({ name: person, email }) => `${person} <${email}>`).join(', '),
  };
  const prefixed = Object.entries(standard).map(([key, value]) => [`org.opencontainers.image.${key}`, value] as const);
  return { ...Object.fromEntries(prefixed), ...others, summary: DESCRIPTIONS[name], description: DESCRIPTIONS[name] };
}

function aboutFiles(root: string, sbom: Buffer, thirdParty: string): TarEntry[] {
  return [
    file('licenses/LICENSE', readFileSync(join(root, 'LICENSE'))),
    file('licenses/THIRD-PARTY.txt', Buffer.from(thirdParty)),
    file('usr/share/virt-steward/sbom.cdx.json', sbom),
  ];
}

function lockedPackages(root: string): Record<string, LockedPackage> {
  return (JSON.parse(readFileSync(join(root, 'package-lock.json'), 'utf8')) as { packages: Record<string, LockedPackage> }).packages;
}

function sbomFor({ root, version }: Source, name: ImageName, architecture: Architecture, inputs: ArchitectureInputs): Buffer {
  const { debian, node } = inputs;
  const locked = lockedPackages(root);
  return sbomOf({ title: `virt-steward/${name}`, version, architecture, debian, node, locked, natives: nativesOf(name, inputs) });
}

function thirdPartyFor({ root }: Source, name: ImageName, inputs: ArchitectureInputs): string {
  const npm = shippedPackages(lockedPackages(root), nativesOf(name, inputs));
  return thirdPartyText({ npm, node: inputs.node, debian: inputs.debian }, (one) => licenceTexts(root, one));
}

/** Only agents read Ethernet frames. */
function nativesOf(name: ImageName, { koffi }: ArchitectureInputs): ArchitectureInputs['koffi'] {
  return name === 'agent' ? koffi : [];
}
