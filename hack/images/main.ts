/**
 * Builds the images without a container daemon: `npm run images [-- --lock] [--arch=amd64]`.
 *
 *     --lock          looks for newer Debian packages first and writes hack/images/inputs.json
 *     --arch=NAME     one architecture only: amd64 or arm64
 *     --inputs=FILE   builds from what it names: inputs.json of an earlier build; @default hack/images/inputs.json
 *     --output=DIR    @default dist/images
 *
 * Writes `<image>-<version>.oci.tar` with all architectures and `<image>-<version>-<arch>.tar` for each, the list of contents of each
 * image, inputs.json and, when all else is there, digests.json; checks the result (image-rules.ts). Exit codes: 0 done, 1 failed, 2 usage.
 */
import { mkdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { parseArgs } from 'node:util';
import type { Architecture } from '../debian/packages';
import { endWith, exitCodeOf } from '../exit-code';
import { ARCHITECTURES, newestInputs, readInputs, writeInputs } from './inputs';
import { archiveOf, type Image } from './oci-archive';
import { buildImages, IMAGE_NAMES, type ImageName, type Source } from './recipe';
import { sourceOf, warningOf } from './source';
import { verify } from './verify';

const ROOT = resolve(__dirname, '..', '..', '..');
const INPUTS = join(ROOT, 'hack', 'images', 'inputs.json');

interface Options {
  readonly lock: boolean;
  readonly architectures: readonly Architecture[];
  readonly inputs: string;
  readonly output: string;
}

function optionsOf(args: readonly string[]): Options {
  const { values } = parseArgs({
    args: [...args],
    options: {
      lock: { type: 'boolean', default: false },
      arch: { type: 'string' },
      inputs: { type: 'string' },
      output: { type: 'string' },
    },
  });
  if (values.lock && values.inputs !== undefined) throw new RangeError('--lock writes what --inputs reads; give one of them');
  const all = Object.keys(ARCHITECTURES) as Architecture[];
  const chosen = all.filter((name) => values.arch === undefined || values.arch === name);
  if (chosen.length === 0) throw new RangeError(`--arch is "${values.arch}"; allowed: ${all.join(', ')}`);
  const inputs = resolve(values.inputs ?? INPUTS);
  return { lock: values.lock, architectures: chosen, inputs, output: resolve(values.output ?? join(ROOT, 'dist', 'images')) };
}

async function build({ lock, architectures, inputs: inputsFile, output }: Options): Promise<void> {
  if (lock) writeInputs(INPUTS, await newestInputs(JSON.parse(readFileSync(join(ROOT, 'package-lock.json'), 'utf8'))));
  const inputs = readInputs(inputsFile);
  const source = sourceOf(ROOT);
  const warning = warningOf(source);
  if (warning !== undefined) console.warn(warning);
  mkdirSync(output, { recursive: true });
  const write = (name: string, content: string | Buffer): void => writeWhole(join(output, name), content);
  const built = new Map<ImageName, Image[]>(IMAGE_NAMES.map((name) => [name, []]));
  const digests: Record<string, string> = {};
  for (const architecture of architectures) {
    const images = await buildImages(source, architecture, inputs[architecture]);
    for (const name of IMAGE_NAMES) {
      built.get(name)?.push(images[name]);
      digests[`${name}-${architecture}`] = images[name].manifest.digest;
      write(`${name}-${source.version}-${architecture}.tar`, archiveOf(referenceOf(name, source), [images[name]]));
      write(`sbom-${name}-${architecture}.cdx.json`, images[name].sbom);
      const bytes = [...images[name].blobs.values()].reduce((total, blob) => total + blob.length, 0);
      console.log(`${name} ${architecture}: ${(bytes / 2 ** 20).toFixed(1)} MiB, ${images[name].manifest.digest}`);
    }
  }
  for (const [name, images] of built) {
    const file = join(output, `${name}-${source.version}.oci.tar`);
    writeWhole(file, archiveOf(referenceOf(name, source), images));
    if (verify([file], (line) => console.log(line)) !== 0) throw new Error(`${file} is not as images have to be`);
  }
  write('inputs.json', `${JSON.stringify(inputs, null, 2)}\n`);
  write('digests.json', `${JSON.stringify(digests, null, 2)}\n`);
}

/** Under its name there is never a part of a file, whenever this process ends. */
function writeWhole(file: string, content: string | Buffer): void {
  const part = `${file}.part`;
  writeFileSync(part, content);
  renameSync(part, file);
}

function referenceOf(name: ImageName, { version }: Source): string {
  return `localhost/virt-steward/${name}:${version}`;
}

async function main(args: readonly string[]): Promise<number> {
  let options: Options;
  try {
    options = optionsOf(args);
  } catch (error) {
    console.error((error as Error).message);
    return 2;
  }
  return exitCodeOf(() => build(options));
}

endWith(main(process.argv.slice(2)));
