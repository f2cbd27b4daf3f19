/**
 * Writes what people without Helm apply: `npm run manifests [-- --output=DIR]`, by default to `dist/manifests/`.
 *
 *     kubectl apply --server-side -f dist/manifests/crds.yaml -f dist/manifests/install.yaml
 *
 * Exit codes: 0 done, 1 failed, 2 usage.
 */
import { mkdirSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { parseArgs } from 'node:util';
import { endWith, exitCodeOf } from '../exit-code';
import { projectOf } from '../generators/project';
import { NAMESPACE, objectsOf, renderedChart } from '../tools/helm-template';
import { manifestFiles } from './manifests';

const ROOT = resolve(__dirname, '..', '..', '..');
export const MANIFEST_VALUES = join(ROOT, 'hack', 'manifests', 'values.yaml');

async function write(output: string): Promise<void> {
  const objects = objectsOf(await renderedChart(ROOT, [`--values=${MANIFEST_VALUES}`]));
  mkdirSync(output, { recursive: true });
  for (const [name, text] of manifestFiles(objects, NAMESPACE, projectOf(ROOT).version)) {
    writeFileSync(join(output, name), text);
    console.log(join(output, name));
  }
}

async function main(args: readonly string[]): Promise<number> {
  try {
    const { values } = parseArgs({ args: [...args], options: { output: { type: 'string' } } });
    return await exitCodeOf(() => write(resolve(values.output ?? join(ROOT, 'dist', 'manifests'))));
  } catch (error) {
    console.error((error as Error).message);
    return 2;
  }
}

if (require.main === module) endWith(main(process.argv.slice(2)));
