/**
 * Checks images: `node build/hack/images/verify.js [FILE ...]`, by default the archives of all processors in dist/images.
 *
 * A file is an OCI archive, as `npm run images`, `docker save` or `skopeo copy ... oci-archive:` writes it.
 * Exit codes: 0 they pass, 1 they do not, one line a defect, 2 usage.
 */
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { basename, join, resolve } from 'node:path';
import { imagesIn } from './image-reader';
import { defectsOf, type Expected, IMAGE_RULES } from './image-rules';

const ROOT = resolve(__dirname, '..', '..', '..');

function expectedOf(file: string): Expected {
  const { version, devDependencies } = JSON.parse(readFileSync(join(ROOT, 'package.json'), 'utf8')) as {
    version: string;
    devDependencies: Record<string, string>;
  };
  return { name: basename(file).startsWith('agent') ? 'agent' : 'manager', version, nodeVersion: devDependencies['node'] ?? '' };
}

/** @returns the exit code. */
export function verify(files: readonly string[], print: (line: string) => void): number {
  const missing = files.find((file) => !existsSync(file));
  if (files.length === 0 || missing !== undefined) {
    print(missing === undefined ? 'there are no images to check; run npm run images first' : `${missing} does not exist`);
    return 2;
  }
  const defects = files.flatMap((file) => imagesIn(readFileSync(file)).flatMap((image) => defectsOf(image, expectedOf(file))));
  for (const defect of defects) print(defect);
  if (defects.length > 0) return 1;
  print(`${files.map((file) => basename(file)).join(', ')}: ${IMAGE_RULES.length} rules passed`);
  return 0;
}

function builtArchives(): string[] {
  const folder = join(ROOT, 'dist', 'images');
  return existsSync(folder)
    ? readdirSync(folder)
        .filter((name) => name.endsWith('.oci.tar'))
        .map((name) => join(folder, name))
    : [];
}

if (require.main === module) {
  const files = process.argv.slice(2);
  process.exitCode = verify(files.length > 0 ? files.map((file) => resolve(file)) : builtArchives(), (line) => console.log(line));
}
