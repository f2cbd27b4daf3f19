/**
 * I1-I9: what must hold of an image, whoever built it. Pure.
 *
 * Owns: the rules that need no container to run. Invariant: every finding is one line with the rule's id and the file or field.
 */
import { USER_ID } from './files';
import type { ReadImage } from './image-reader';
import type { ReadEntry } from './tar-reader';

export interface Expected {
  readonly name: 'manager' | 'agent';
  readonly version: string;
  /** Of Node.js, as package.json pins it. */
  readonly nodeVersion: string;
}

interface ImageRule {
  readonly id: string;
  readonly title: string;
  readonly check: (image: ReadImage, expected: Expected) => Iterable<string>;
}

const MIB = 2 ** 20;
const MAX_COMPRESSED_BYTES = 75 * MIB;
const MAX_UNCOMPRESSED_BYTES = 190 * MIB;
/** Of the layer with our own files. Each command of the manager's image is a file of its own, with all it needs (hack/bundle.mjs). */
const MAX_APP_BYTES = { manager: 12 * MIB, agent: 3 * MIB } as const;
const NODE = 'usr/local/bin/node';
const SBOM = 'usr/share/virt-steward/sbom.cdx.json';
const CAPABILITY = 'security.capability';
/** `cap_net_bind_service+ep`, see files.ts. */
const BIND_LOW_PORTS = '0100000200040000000000000000000000000000';
const SETUID_OR_SETGID = 0o6000;
const SHELLS = /(^|\/)(sh|bash|dash|ash|zsh|busybox|toybox|apt|apt-get|dpkg|apk|npm|npx|corepack|yarn)$/;
/** e_machine of the ELF header. @source System V ABI, "ELF Header"; ELF for the Arm 64-bit Architecture. */
const MACHINES: Readonly<Record<string, number>> = { amd64: 62, arm64: 183 };
const LABELS = [
  ...['title', 'description', 'version', 'revision', 'created', 'licenses', 'source', 'url', 'documentation', 'vendor', 'base.name'].map(
    (name) => `org.opencontainers.image.${name}`,
  ),
  ...['name', 'vendor', 'version', 'release', 'summary', 'description', 'maintainer'],
];

export const IMAGE_RULES: readonly ImageRule[] = [
  {
    id: 'I1',
    title: 'runs our program as a user without rights, and logs in UTC',
    *check({ config }, { name }) {
      const program = [config.Entrypoint, config.Cmd].flatMap((part) => part ?? []);
      if (config.User !== `${USER_ID}:${USER_ID}`) yield `User is ${config.User}; needed: ${USER_ID}:${USER_ID}`;
      if (program[0] !== `/${NODE}`) yield `Entrypoint is ${program.join(' ')}; needed: /${NODE} first`;
      if (program.at(-1) !== name) yield `Entrypoint and Cmd end with ${program.at(-1)}; needed: ${name}`;
      if (!config.Env?.some((one) => one.startsWith('PATH=') && one.includes('/usr/local/bin')))
        yield 'Env has no PATH with /usr/local/bin';
      if (config.Env?.some((one) => one.startsWith('TZ='))) yield 'Env sets TZ; logs are in UTC';
    },
  },
  {
    id: 'I2',
    title: "has the capability on the agent's Node.js, and on nothing else",
    *check({ files }, { name }) {
      for (const { path, attributes } of files.values()) {
        const found = attributes[CAPABILITY]?.toString('hex');
        const wanted = name === 'agent' && path === NODE ? BIND_LOW_PORTS : undefined;
        if (found !== wanted) yield `${path} has ${found === undefined ? 'no capability' : `the capability ${found}`}`;
      }
      if (!files.has(NODE)) yield `${NODE} is missing`;
    },
  },
  {
    id: 'I3',
    title: 'has no shell, no package manager, nothing setuid, and nothing to write to but /tmp',
    *check({ files }) {
      for (const entry of files.values()) {
        const { path, mode, type } = entry;
        if ((mode & SETUID_OR_SETGID) !== 0) yield `${path} is setuid or setgid`;
        if (type !== 'directory' && SHELLS.test(path)) yield `${path} is a shell or a package manager`;
        if (type !== 'link' && path !== 'tmp' && isWritable(entry)) yield `${path} can be written by ${USER_ID}`;
        if (type === 'other') yield `${path} is neither a file, a folder nor a link`;
      }
    },
  },
  {
    id: 'I4',
    title: 'has every label',
    *check({ config }) {
      for (const label of LABELS) if (!config.Labels?.[label]) yield `the label ${label} is missing`;
    },
  },
  {
    id: 'I5',
    title: 'lists the package of every file that others have written',
    *check({ files }) {
      const names = new Set(componentsOf(files).map(({ name }) => name));
      if (names.size === 0) return yield `${SBOM} is missing, or lists nothing`;
      for (const { path } of files.values()) {
        const owner = ownerOf(path);
        if (owner !== undefined && !names.has(owner)) yield `${path} is of ${owner}, which ${SBOM} does not list`;
      }
    },
  },
  {
    id: 'I6',
    title: 'is of the version of the repository, with the Node.js that it pins',
    *check({ config, files }, { version, nodeVersion }) {
      for (const label of ['version', 'release', 'org.opencontainers.image.version']) {
        if (config.Labels?.[label] !== version) yield `the label ${label} is ${config.Labels?.[label]}; needed: ${version}`;
      }
      const node = componentsOf(files).find(({ name }) => name === 'node')?.version;
      if (node !== nodeVersion) yield `${SBOM} says Node.js ${node}; package.json says ${nodeVersion}`;
      if (!files.get(NODE)?.content.includes(`v${nodeVersion}`)) yield `${NODE} is not Node.js ${nodeVersion}`;
    },
  },
  {
    id: 'I7',
    title: 'is small',
    *check({ layers }, { name }) {
      const sum = (of: 'compressedBytes' | 'uncompressedBytes'): number => layers.reduce((total, layer) => total + layer[of], 0);
      const [compressed, uncompressed] = [sum('compressedBytes'), sum('uncompressedBytes')];
      if (compressed > MAX_COMPRESSED_BYTES) yield `compressed it has ${mib(compressed)}; allowed: ${mib(MAX_COMPRESSED_BYTES)}`;
      if (uncompressed > MAX_UNCOMPRESSED_BYTES) yield `uncompressed it has ${mib(uncompressed)}; allowed: ${mib(MAX_UNCOMPRESSED_BYTES)}`;
      const app = layers.find(({ entries }) => entries.some(({ path }) => path === 'opt/virt-steward/dist/main.js'));
      if (app === undefined) yield 'it has no opt/virt-steward/dist/main.js';
      else if (app.compressedBytes > MAX_APP_BYTES[name])
        yield `our own layer has ${mib(app.compressedBytes)}; allowed: ${mib(MAX_APP_BYTES[name])}`;
    },
  },
  {
    id: 'I8',
    title: 'has programs and libraries for its processor only',
    *check({ files, architecture }) {
      let count = 0;
      for (const { path, content } of files.values()) {
        if (content.length < 20 || content.readUInt32BE(0) !== 0x7f454c46) continue;
        count++;
        if (content.readUInt16LE(18) !== MACHINES[architecture]) yield `${path} is for another processor than ${architecture}`;
      }
      if (count === 0) yield 'it has no program at all';
    },
  },
  {
    id: 'I9',
    title: 'tells the licences of everything in it',
    *check({ files }) {
      const thirdParty = files.get('licenses/THIRD-PARTY.txt')?.content.toString('utf8') ?? '';
      for (const path of ['licenses/LICENSE', 'licenses/THIRD-PARTY.txt', 'licenses/node/LICENSE'])
        if (!files.has(path)) yield `${path} is missing`;
      for (const { name, version, purl } of componentsOf(files)) {
        if (name !== 'node' && !thirdParty.includes(`${name} ${version}`))
          yield `licenses/THIRD-PARTY.txt does not name ${name} ${version}`;
        if (purl.startsWith('pkg:deb/') && !hasCopyright(files, name)) yield `usr/share/doc/${name}/copyright is missing`;
      }
    },
  },
];

/** One line a defect; empty for an image that passes. */
export function defectsOf(image: ReadImage, expected: Expected): string[] {
  return IMAGE_RULES.flatMap(({ id, check }) =>
    [...check(image, expected)].map((text) => `${id} ${expected.name} ${image.architecture}: ${text}`),
  );
}

function isWritable({ mode, uid, gid }: ReadEntry): boolean {
  return (mode & 0o002) !== 0 || (uid === USER_ID && (mode & 0o200) !== 0) || (gid === USER_ID && (mode & 0o020) !== 0);
}

interface Component {
  readonly name: string;
  readonly version: string;
  readonly purl: string;
}

function componentsOf(files: ReadImage['files']): readonly Component[] {
  try {
    return (JSON.parse(files.get(SBOM)?.content.toString('utf8') ?? '{}') as { components?: Component[] }).components ?? [];
  } catch {
    return [];
  }
}

/** Packages of one source share the folder of one of them, by a link. */
function hasCopyright(files: ReadImage['files'], name: string): boolean {
  const folder = files.get(`usr/share/doc/${name}`);
  return files.has(`usr/share/doc/${folder?.type === 'link' ? folder.linkTarget : name}/copyright`);
}

/** What others have written lies in few places; each tells whose it is. */
function ownerOf(path: string): string | undefined {
  const npm = /^opt\/virt-steward\/node_modules\/(@[^/]+\/[^/]+|[^@/][^/]*)(?:\/|$)/.exec(path);
  const debian = /^(?:usr\/share\/doc\/([^/]+)\/|var\/lib\/dpkg\/status\.d\/([^/]+)$)/.exec(path);
  return npm?.[1] ?? debian?.[1] ?? debian?.[2] ?? (path === NODE ? 'node' : undefined);
}

const mib = (bytes: number): string => `${(bytes / MIB).toFixed(1)} MiB`;
