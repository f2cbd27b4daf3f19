/** kubeconform with the schemas of a running API server. */
import { execFile } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import type { ControlPlane } from '../../hack/control-plane';
import { kubeconform } from '../../hack/tools/kubeconform';
import { type OpenApiDocument, SCHEMA_FILE, schemasOf } from '../../hack/tools/open-api-schemas';
import type { TestObject } from './steward-cluster';

export class Conformity {
  private constructor(
    private readonly binary: string,
    private readonly folder: string,
  ) {}

  /** Of the kinds that are served now: install CRDs first. */
  static async of(controlPlane: Pick<ControlPlane, 'request'>): Promise<Conformity> {
    const binary = await kubeconform();
    const folder = mkdtempSync(join(tmpdir(), 'schemas-'));
    const { body } = await controlPlane.request({ path: '/openapi/v3' });
    const { paths } = body as { paths: Record<string, { serverRelativeURL: string }> };
    for (const [name, { serverRelativeURL }] of Object.entries(paths)) {
      if (!/^apis?\/.*v\d/.test(name)) continue;
      const document = (await controlPlane.request({ path: serverRelativeURL })).body as OpenApiDocument;
      for (const [file, schema] of schemasOf(document)) writeFileSync(join(folder, file), JSON.stringify(schema));
    }
    return new Conformity(binary, folder);
  }

  /** One line a mistake, each with the object that has it. */
  async problemsIn(objects: readonly TestObject[]): Promise<string[]> {
    const args = ['-strict', '-output=json', `-schema-location=${join(this.folder, SCHEMA_FILE)}`, '-'];
    const run = promisify(execFile)(this.binary, args, { maxBuffer: 64 * 2 ** 20 });
    run.child.stdin?.end(JSON.stringify({ apiVersion: 'v1', kind: 'List', items: objects }));
    const { stdout, stderr } = await run.catch((error: { stdout: string; stderr: string }) => error);
    if (stderr !== '') throw new Error(stderr);
    const { resources } = JSON.parse(stdout) as { resources: { kind: string; name: string; msg: string }[] | null };
    return (resources ?? []).map(({ kind, name, msg }) => `${kind}/${name}: ${msg}`);
  }

  remove(): void {
    rmSync(this.folder, { recursive: true });
  }
}
