/**
 * Runs a program of an image in a container, with the security context that a pod would have, by runc alone.
 *
 * Owns: an unpacked root file system and the configuration of runc. Never: pulls, or needs a cluster. Needs root.
 */
import { execFile, execFileSync } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { resolvePrograms } from '../../hack/cluster/programs';
import { entriesOf } from '../../hack/images/tar-reader';
import { ROOT } from '../harness/steward-cluster';

export interface ContainerOptions {
  readonly args: readonly string[];
  readonly userId: number;
  /** All others are dropped. */
  readonly capabilities: readonly string[];
}

export interface ContainerResult {
  readonly exitCode: number;
  readonly stdout: string;
  readonly stderr: string;
}

const LIMIT_MS = 60_000;

export class ImageContainer {
  private constructor(
    private readonly runc: string,
    private readonly folder: string,
    private readonly env: NodeJS.ProcessEnv,
  ) {}

  /** @param archive of one image for this machine's processor. */
  static async unpack(archive: string): Promise<ImageContainer> {
    const { debian } = await resolvePrograms(ROOT);
    const folder = mkdtempSync(join(tmpdir(), 'image-'));
    const files = new Map(entriesOf(readFileSync(archive)).map(({ path, content }) => [path, content]));
    const read = (path: string): { manifests: { digest: string }[]; layers: { digest: string }[] } =>
      JSON.parse(files.get(path)!.toString('utf8'));
    const blob = (digest: string): string => `blobs/${digest.replace(':', '/')}`;
    const rootfs = join(folder, 'rootfs');
    mkdirSync(rootfs);
    const manifest = read(blob(read('index.json').manifests[0]!.digest));
    for (const { digest } of manifest.layers) {
      const options = { input: files.get(blob(digest))! };
      execFileSync('tar', ['-xzp', '--numeric-owner', '--xattrs', '--xattrs-include=*', '-C', rootfs], options);
    }
    for (const mountPoint of ['proc', 'dev']) mkdirSync(join(rootfs, mountPoint), { recursive: true });
    const libraries = ['usr/lib/x86_64-linux-gnu', 'usr/lib/aarch64-linux-gnu'].map((path) => join(debian, path)).join(':');
    return new ImageContainer(join(debian, 'usr', 'sbin', 'runc'), folder, { ...process.env, LD_LIBRARY_PATH: libraries });
  }

  /** With a read-only root, no new privileges, and a network of its own. */
  async run(options: ContainerOptions): Promise<ContainerResult> {
    writeFileSync(join(this.folder, 'config.json'), JSON.stringify(configuration(options)));
    const id = `virt-steward-${randomUUID()}`;
    const args = ['--root', join(this.folder, 'state'), 'run', '--bundle', this.folder, id];
    try {
      const output = await promisify(execFile)(this.runc, args, { env: this.env, timeout: LIMIT_MS, encoding: 'utf8' });
      return { exitCode: 0, ...output };
    } catch (error) {
      const { code, stdout = '', stderr = '' } = error as { code?: number; stdout?: string; stderr?: string };
      if (typeof code !== 'number') throw error;
      return { exitCode: code, stdout, stderr };
    }
  }

  remove(): void {
    rmSync(this.folder, { recursive: true, force: true });
  }
}

/** As containerd writes it for `runAsNonRoot`, `readOnlyRootFilesystem`, `allowPrivilegeEscalation: false` and `drop: [ALL]`. */
function configuration({ args, userId, capabilities }: ContainerOptions): object {
  const granted = [...capabilities];
  return {
    ociVersion: '1.0.2',
    process: {
      args,
      cwd: '/',
      env: ['PATH=/usr/local/bin', 'SSL_CERT_FILE=/etc/ssl/certs/ca-certificates.crt'],
      user: { uid: userId, gid: 0 },
      capabilities: { bounding: granted, effective: granted, permitted: granted },
      noNewPrivileges: true,
    },
    root: { path: 'rootfs', readonly: true },
    mounts: [
      { destination: '/proc', type: 'proc', source: 'proc' },
      { destination: '/dev', type: 'tmpfs', source: 'tmpfs', options: ['nosuid', 'mode=755', 'size=64k'] },
    ],
    linux: { namespaces: ['pid', 'mount', 'ipc', 'uts', 'network'].map((type) => ({ type })) },
  };
}
