/** Renders the chart for programs that make files of it. Owns: the namespace and the name of the release that such files assume. */
import { execFile } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { parseAllDocuments } from 'yaml';
import { type HelmMajor, helmBinary } from './helm';

export const RELEASE = 'virt-steward';
export const NAMESPACE = 'virt-steward-system';
const MAX_OUTPUT_BYTES = 16 * 2 ** 20;

export interface RenderedObject {
  readonly apiVersion: string;
  readonly kind: string;
  readonly metadata: { readonly name: string; readonly [field: string]: unknown };
  readonly [field: string]: unknown;
}

/**
 * The YAML stream that Helm renders, without hooks.
 *
 * @param root of the repository. @param args of `helm template`, such as `--values=FILE`.
 * @throws {Error} with what Helm says when it refuses.
 */
export async function renderedChart(root: string, args: readonly string[], major: HelmMajor = 4): Promise<string> {
  const binary = await helmBinary(major);
  const home = mkdtempSync(join(tmpdir(), 'helm-'));
  const folders = { HELM_CACHE_HOME: home, HELM_CONFIG_HOME: home, HELM_DATA_HOME: home };
  try {
    const chart = join(root, 'charts', 'virt-steward');
    const command = ['template', RELEASE, chart, `--namespace=${NAMESPACE}`, '--no-hooks', ...args];
    const env = { ...process.env, ...folders, KUBECONFIG: '/dev/null' };
    return (await promisify(execFile)(binary, command, { env, maxBuffer: MAX_OUTPUT_BYTES })).stdout;
  } finally {
    rmSync(home, { recursive: true, force: true });
  }
}

export function objectsOf(stream: string): RenderedObject[] {
  return parseAllDocuments(stream)
    .map((document) => document.toJS() as RenderedObject | null)
    .filter((object): object is RenderedObject => object !== null);
}
