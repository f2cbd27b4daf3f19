/** Plural and scope of the kinds that a catalog names, from its `kinds.yaml`: rights are written with plurals, which are never guessed. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { CatalogError, Problems } from '../catalog/catalog-error';
import { KINDS_FILE } from '../catalog/catalog-files';
import { Fields } from '../catalog/fields';
import { readYaml } from '../catalog/yaml-file';
import type { Json } from '../json';

export interface KindRow {
  readonly apiVersion: string;
  readonly group: string;
  readonly kind: string;
  readonly plural: string;
  readonly namespaced: boolean;
}

export class KindTable {
  private readonly rows = new Map<string, KindRow>();
  private readonly problems = new Problems();

  private constructor(list: readonly Json[]) {
    for (const [index, value] of list.entries()) this.add(Fields.of(value, KINDS_FILE, `[${index}]`, this.problems));
    if (this.problems.found.length > 0) throw new CatalogError(this.problems.found);
  }

  /** @param directory of the catalog. @throws {CatalogError} */
  static in(directory: string): KindTable {
    const problems = new Problems();
    const text = problems.attempt(KINDS_FILE, '', () => readFileSync(join(directory, KINDS_FILE), 'utf8'));
    const [list] = (text === undefined ? undefined : readYaml(text, KINDS_FILE, problems)) ?? [];
    if (problems.found.length === 0 && !Array.isArray(list)) problems.add(KINDS_FILE, '', 'has to be a list');
    if (problems.found.length > 0) throw new CatalogError(problems.found);
    return new KindTable(list as Json[]);
  }

  find(apiVersion: string, kind: string): KindRow | undefined {
    return this.rows.get(`${apiVersion}/${kind}`);
  }

  /** Every version of a resource. @param resource `<plural>.<group>`. */
  rowsOf(resource: string): KindRow[] {
    return [...this.rows.values()].filter(({ plural, group }) => resource === (group === '' ? plural : `${plural}.${group}`));
  }

  /** @param whose for the error: who names the kind. @throws {CatalogError} when it does not stand in the table. */
  rowOf(apiVersion: string, kind: string, whose: string): KindRow {
    const row = this.find(apiVersion, kind);
    if (row === undefined)
      throw new CatalogError([{ file: KINDS_FILE, text: `has no row for ${apiVersion} ${kind}, which ${whose} names` }]);
    return row;
  }

  private add(fields: Fields | undefined): void {
    const [apiVersion, kind, plural] = [fields?.requiredText('apiVersion'), fields?.requiredText('kind'), fields?.requiredText('plural')];
    if (fields?.raw('namespaced') === undefined) fields?.refuse('namespaced', 'is missing');
    const namespaced = fields?.flag('namespaced', false) ?? false;
    fields?.finish();
    if (apiVersion === undefined || kind === undefined || plural === undefined) return;
    const id = `${apiVersion}/${kind}`;
    if (this.rows.has(id)) fields?.refuse('kind', `${id} stands there twice`);
    this.rows.set(id, { apiVersion, group: groupOf(apiVersion), kind, plural, namespaced });
  }
}

/** Empty for the core group. */
export function groupOf(apiVersion: string): string {
  return apiVersion.slice(0, Math.max(0, apiVersion.lastIndexOf('/')));
}
