/**
 * A node that scripts of the catalog believe in: a folder with its own /proc, /sys and /etc, and programs put before the real ones.
 *
 * Owns: that folder and the processes started in it. Never: lets a script see the real /proc, /sys or /etc.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { chmodSync, existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { ROOT } from '../../../harness/steward-cluster';

export const SCRIPTS = join(ROOT, 'assets', 'files');
export const GIB_IN_KIB = 1024 * 1024;
const RUN_LIMIT_MS = 120_000;

export interface Outcome {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

/** Scripts of nodes use what Linux has: its bash, and its form of stat. For `before`. */
export function onLinux(this: Mocha.Context): void {
  if (process.platform !== 'linux') this.skip();
}

export class FakeNode {
  readonly root = mkdtempSync(join(tmpdir(), 'fake-node-'));
  private readonly children = new Set<ChildProcess>();

  constructor() {
    this.command('systemctl', 'exit 0');
  }

  /** @param path as the script names it. */
  put(path: string, text: string): this {
    mkdirSync(dirname(this.at(path)), { recursive: true });
    writeFileSync(this.at(path), text);
    return this;
  }

  directory(path: string): this {
    mkdirSync(this.at(path), { recursive: true });
    return this;
  }

  /** @param target relative to the folder of the link, as the kernel writes them. */
  link(path: string, target: string): this {
    mkdirSync(dirname(this.at(path)), { recursive: true });
    symlinkSync(target, this.at(path));
    return this;
  }

  /** A program of that name; its calls are in `calls`. @param body bash; `$1` and so on are its arguments. */
  command(name: string, body: string): this {
    this.put(`/fake-bin/${name}`, `#!/bin/bash\necho "${name} $*" >>"$FAKE_CALLS"\n${body}\n`);
    chmodSync(this.at(`/fake-bin/${name}`), 0o755);
    return this;
  }

  get calls(): string[] {
    return existsSync(this.at('/calls')) ? readFileSync(this.at('/calls'), 'utf8').trim().split('\n') : [];
  }

  read(path: string): string | undefined {
    try {
      return readFileSync(this.at(path), 'utf8');
    } catch (error) {
      // A script may take it away at any time.
      if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
      throw error;
    }
  }

  at(path: string): string {
    return join(this.root, path);
  }

  /** Starts a script of the catalog. @param script below assets/files. */
  start(
    script: string,
    args: readonly string[] = [],
    env: Readonly<Record<string, string>> = {},
  ): { child: ChildProcess; ended: Promise<Outcome> } {
    const { PATH = '' } = process.env;
    const child = spawn('bash', [join(SCRIPTS, script), ...args], {
      env: { PATH: `${this.at('/fake-bin')}:${PATH}`, ROOT: this.root, FAKE_CALLS: this.at('/calls'), FAKE_ROOT: this.root, ...env },
      stdio: ['ignore', 'pipe', 'pipe'],
      detached: true,
    });
    this.children.add(child);
    const output = { stdout: '', stderr: '' };
    for (const name of ['stdout', 'stderr'] as const) child[name]!.setEncoding('utf8').on('data', (text: string) => (output[name] += text));
    const ended = new Promise<Outcome>((resolve) => {
      child.once('close', (code) => {
        this.children.delete(child);
        resolve({ code, ...output });
      });
    });
    return { child, ended };
  }

  async run(script: string, args: readonly string[] = [], env: Readonly<Record<string, string>> = {}): Promise<Outcome> {
    const { child, ended } = this.start(script, args, env);
    const limit = setTimeout(() => process.kill(-child.pid!, 'SIGKILL'), RUN_LIMIT_MS);
    try {
      return await ended;
    } finally {
      clearTimeout(limit);
    }
  }

  remove(): void {
    for (const child of this.children) process.kill(-child.pid!, 'SIGKILL');
    rmSync(this.root, { recursive: true, force: true });
  }
}
