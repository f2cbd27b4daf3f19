/** A folder for one test file's scratch files. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

export class TemporaryFolder {
  readonly path = mkdtempSync(join(tmpdir(), 'virt-steward-test-'));

  file(name: string, text = '', mode = 0o644): string {
    const path = join(this.path, name);
    writeFileSync(path, text, { mode });
    return path;
  }

  remove(): void {
    rmSync(this.path, { recursive: true, force: true });
  }
}
