/**
 * Schemas of the catalog and what it renders, on a real API server.
 *
 * Owns: which generation of a CRD is installed. Never: is the product; objects are applied as an administrator.
 */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { parse } from 'yaml';
import type { ControlPlane } from '../../hack/control-plane';
import { isJsonMap, type Json, type JsonMap } from '../../src/platform/json';
import { AdminApi } from './admin-api';
import { catalogCrd } from './catalog-crds';
import { rowsOf, type Sample } from './catalog-sample';
import { poll } from './poll';
import { ROOT } from './steward-cluster';

export interface KindRow {
  readonly apiVersion: string;
  readonly kind: string;
  readonly plural: string;
  readonly namespaced: boolean;
}

/** assets/kinds.yaml */
export const KINDS = parse(readFileSync(join(ROOT, 'assets', 'kinds.yaml'), 'utf8')) as KindRow[];
const CRDS_PATH = '/apis/apiextensions.k8s.io/v1/customresourcedefinitions';

export class CatalogCluster {
  readonly api: AdminApi;
  /** Name of the CRD to the generation of it that is installed. */
  readonly installed = new Map<string, string>();

  constructor(readonly controlPlane: ControlPlane) {
    this.api = new AdminApi(controlPlane);
  }

  /** A CRD does not change its stored version in place, so another generation replaces it. */
  async install(names: readonly string[]): Promise<void> {
    for (const name of names) {
      const crd = catalogCrd(name);
      const [id = ''] = name.split('@');
      if (this.installed.get(id) === name) continue;
      if (this.installed.has(id)) {
        await this.api.delete(crd);
        await poll(`${id} to be gone`, async () => (await this.api.get(crd)) === undefined);
      }
      await this.api.ask({ method: 'POST', path: `${CRDS_PATH}?fieldValidation=Strict`, body: crd });
      this.installed.set(id, name);
    }
    for (const name of names) await this.api.waitForCondition(catalogCrd(name), 'Established');
  }

  /** A CRD that was just replaced may take a moment until its new schema counts. @param query such as `&dryRun=All` */
  async applied(object: JsonMap, query = ''): Promise<JsonMap> {
    const { namespace } = object['metadata'] as { namespace?: string };
    if (namespace !== undefined) await this.api.apply({ apiVersion: 'v1', kind: 'Namespace', metadata: { name: namespace } });
    let refusal = '';
    return poll(
      `${object['kind'] as string} to be taken`,
      async () => {
        const { status, body } = await this.controlPlane.request(applyOf(object, query));
        refusal = JSON.stringify(body);
        return status < 300 && (body as JsonMap);
      },
      { intervalMs: 100, onTimeout: () => refusal },
    );
  }
}

/** What the catalog renders on a cluster that exists on paper. */
export async function renderedObjects(sample: Sample): Promise<JsonMap[]> {
  const rows = [...(await rowsOf(sample)).values()];
  return rows.flatMap((row) => (row.kind === 'object' ? [row.object as unknown as JsonMap] : []));
}

/** The request that applies an object as virt-steward does. @throws {Error} when kinds.yaml does not know its kind. */
export function applyOf(object: JsonMap, query: string) {
  const path = `${pathOf(object)}?fieldManager=virt-steward&force=true&fieldValidation=Strict${query}`;
  return { method: 'PATCH', path, body: object, contentType: 'application/apply-patch+yaml' } as const;
}

/** @throws {Error} when kinds.yaml does not know its kind. */
export function pathOf(object: JsonMap): string {
  const { apiVersion, kind } = object as unknown as { apiVersion: string; kind: string };
  const { name, namespace } = object['metadata'] as { name: string; namespace?: string };
  const row = KINDS.find((candidate) => candidate.apiVersion === apiVersion && candidate.kind === kind);
  if (row === undefined) throw new Error(`kinds.yaml has no ${apiVersion} ${kind}`);
  const root = apiVersion.includes('/') ? `/apis/${apiVersion}` : `/api/${apiVersion}`;
  return `${root}${row.namespaced ? `/namespaces/${namespace}` : ''}/${row.plural}/${name}`;
}

/** Pointers of what was asked for and is not in the answer. */
export function lostFields(wanted: Json, actual: Json | undefined, path = ''): string[] {
  if (Array.isArray(wanted)) {
    if (!Array.isArray(actual) || actual.length < wanted.length) return [path];
    return wanted.flatMap((element: Json, index) => lostFields(element, actual[index], `${path}/${index}`));
  }
  if (!isJsonMap(wanted)) return wanted === actual ? [] : [path];
  if (!isJsonMap(actual)) return Object.keys(wanted).length === 0 ? [] : [path];
  return Object.entries(wanted).flatMap(([member, value]) => lostFields(value, actual[member], `${path}/${member}`));
}
