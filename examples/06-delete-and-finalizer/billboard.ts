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

@singleton()
export class Billboard {
  private readonly folder = process.env['BILLBOARD'] ?? join(tmpdir(), 'billboard');

  async put(key: ObjectKey, text: string): Promise<void> {
    await mkdir(this.folder, { recursive: true });
    await writeFile(this.pathOf(key), `${text}\n`);
  }

  /** @returns false while somebody keeps the file: a second one with `.keep` at its end is there. */
  async takeDown(key: ObjectKey): Promise<boolean> {
    if (existsSync(`${this.pathOf(key)}.keep`)) return false;
    await rm(this.pathOf(key), { force: true });
    return true;
  }

  private pathOf(key: ObjectKey): string {
    return join(this.folder, key.replaceAll('/', '_'));
  }
}
