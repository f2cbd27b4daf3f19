/** The chart as Helm renders and installs it, by either major version. */
import { execFile } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { type HelmMajor, helmBinary } from '../../hack/tools/helm';
import { NAMESPACE, objectsIn, ROOT, type TestObject } from './steward-cluster';

export const CHART = join(ROOT, 'charts', 'virt-steward');
export const RELEASE = 'virt-steward';
const MAX_OUTPUT_BYTES = 16 * 2 ** 20;

export interface HelmResult {
  readonly exitCode: number;
  readonly stdout: string;
  readonly stderr: string;
}

export class Helm {
  private constructor(
    readonly major: HelmMajor,
    private readonly binary: string,
    private readonly home: string,
  ) {}

  static async find(major: HelmMajor): Promise<Helm> {
    const binary = await helmBinary(major);
    return new Helm(major, binary, mkdtempSync(join(tmpdir(), `helm-${major}-`)));
  }

  remove(): void {
    rmSync(this.home, { recursive: true, force: true });
  }

  async run(...args: readonly string[]): Promise<HelmResult> {
    const folders = { HELM_CACHE_HOME: this.home, HELM_CONFIG_HOME: this.home, HELM_DATA_HOME: this.home };
    const env = { ...process.env, ...folders, KUBECONFIG: '/dev/null' };
    try {
      const output = await promisify(execFile)(this.binary, args, { env, maxBuffer: MAX_OUTPUT_BYTES });
      return { exitCode: 0, ...output };
    } catch (error) {
      const { code, stdout, stderr } = error as { code?: unknown; stdout?: string; stderr?: string };
      if (typeof code !== 'number') throw error;
      return { exitCode: code, stdout: stdout ?? '', stderr: stderr ?? '' };
    }
  }

  /** @throws {Error} with what Helm says when it refuses. */
  async must(...args: readonly string[]): Promise<string> {
    const { exitCode, stdout, stderr } = await this.run(...args);
    if (exitCode !== 0) throw new Error(`helm ${this.major} ${args.join(' ')}: ${stderr || stdout}`);
    return stdout;
  }

  template(...args: readonly string[]): Promise<HelmResult> {
    return this.run('template', RELEASE, CHART, `--namespace=${NAMESPACE}`, ...args);
  }

  async objects(...args: readonly string[]): Promise<TestObject[]> {
    return objectsIn(await this.must('template', RELEASE, CHART, `--namespace=${NAMESPACE}`, ...args));
  }
}

/** `Kind/name`, sorted. */
export function namesOf(objects: readonly TestObject[]): string[] {
  return objects
    .map(({ kind, metadata: { name, namespace } }) => `${kind}/${name}${namespace === undefined ? '' : `.${namespace}`}`)
    .sort();
}

/** The only object of a kind, or the one that is named. */
export function the(objects: readonly TestObject[], kind: string, name?: string): TestObject {
  const found = objects.filter((object) => object.kind === kind && (name === undefined || object.metadata.name === name));
  if (found.length !== 1) throw new Error(`${found.length} objects ${kind} ${name ?? ''}: ${namesOf(objects).join(', ')}`);
  return found[0]!;
}
