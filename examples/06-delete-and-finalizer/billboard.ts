/**
 * The world outside of Kubernetes: one file for each Greeting, which nobody deletes but us.
 *
 * Invariant: `put` and `takeDown` may be repeated at will.
 */
import { existsSync } from 'node:fs';
import { mkdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type ObjectKey, singleton } from 'virt-steward/framework';

const FOLDER = process.env['BILLBOARD'] ?? join(tmpdir(), 'billboard');

@singleton()
export class Billboard {
  async put(key: ObjectKey, text: string): Promise<void> {
    await mkdir(FOLDER, { recursive: true });
    await writeFile(pathOf(key), `${text}\n`);
  }

  /** @returns false while somebody keeps the file: a second one with `.keep` at its end is there. */
  async takeDown(key: ObjectKey): Promise<boolean> {
    if (existsSync(`${pathOf(key)}.keep`)) return false;
    await rm(pathOf(key), { force: true });
    return true;
  }
}

/** No name of an object has an underscore in it. */
function pathOf(key: ObjectKey): string {
  return join(FOLDER, key.replaceAll('/', '_'));
}
