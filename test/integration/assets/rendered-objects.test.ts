import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect } from 'chai';
import { parse } from 'yaml';
import { type ControlPlane, startControlPlane } from '../../../hack/control-plane';
import { isJsonMap, type Json, type JsonMap } from '../../../src/platform/json';
import { AdminApi } from '../../harness/admin-api';
import { CRD_NAMES, CURRENT_CRDS, catalogCrd } from '../../harness/catalog-crds';
import { rowsOf, type Sample } from '../../harness/catalog-sample';
import { SAMPLES } from '../../harness/catalog-samples';
import { poll } from '../../harness/poll';
import { ROOT } from '../../harness/steward-cluster';

interface KindRow {
  readonly apiVersion: string;
  readonly kind: string;
  readonly plural: string;
  readonly namespaced: boolean;
}

const KINDS = parse(readFileSync(join(ROOT, 'assets', 'kinds.yaml'), 'utf8')) as KindRow[];
const CRDS_PATH = '/apis/apiextensions.k8s.io/v1/customresourcedefinitions';

describe('the catalog on a real API server', function () {
  this.timeout(180_000);
  let controlPlane: ControlPlane;
  let api: AdminApi;
  /** Name of the CRD to the generation of it that is installed. */
  const installed = new Map<string, string>();

  before(async function () {
    this.timeout(0);
    controlPlane = await startControlPlane({ controllerManager: false });
    api = new AdminApi(controlPlane);
  });

  after(() => controlPlane?.stop());

  /** A CRD does not change its stored version in place, so another generation replaces it. */
  async function install(names: readonly string[]): Promise<void> {
    for (const name of names) {
      const crd = catalogCrd(name);
      const [id = ''] = name.split('@');
      if (installed.get(id) === name) continue;
      if (installed.has(id)) {
        await api.delete(crd);
        await poll(`${id} to be gone`, async () => (await api.get(crd)) === undefined);
      }
      await api.ask({ method: 'POST', path: `${CRDS_PATH}?fieldValidation=Strict`, body: crd });
      installed.set(id, name);
    }
    for (const name of names) await api.waitForCondition(catalogCrd(name), 'Established');
  }

  it('takes every schema of assets/crds as it stands there', async () => {
    await install(CRD_NAMES);
    await install(CURRENT_CRDS);
    expect(installed.size).to.equal(CURRENT_CRDS.length);
  });

  it('knows every kind of kinds.yaml by the plural and the scope that stand there', async () => {
    await install([...CURRENT_CRDS]);
    const wrong: string[] = [];
    for (const { apiVersion, kind, plural, namespaced } of KINDS) {
      if (apiVersion === 'hco.kubevirt.io/v1beta1') continue; // another generation of the same CRD
      const { resources } = await api.ask<{ resources: { name: string; kind: string; namespaced: boolean }[] }>({
        path: apiVersion.includes('/') ? `/apis/${apiVersion}` : `/api/${apiVersion}`,
      });
      const found = resources.find((resource) => resource.kind === kind && !resource.name.includes('/'));
      if (found?.name !== plural || found.namespaced !== namespaced) wrong.push(`${apiVersion} ${kind}: ${JSON.stringify(found)}`);
    }
    expect(wrong).to.deep.equal([]);
  });

  for (const [name, sample] of Object.entries(SAMPLES)) {
    it(`takes every object of the cluster ${name} by server-side apply, and keeps each of its fields`, async () => {
      await install(sample.served ?? CURRENT_CRDS);
      const objects = await objectsOf(sample);
      expect(objects.length).to.be.greaterThan(5);
      for (const object of objects) {
        await applied(object, '&dryRun=All');
        expect(lostFields(object, await applied(object, '')), JSON.stringify(object['metadata'])).to.deep.equal([]);
      }
    });
  }

  it('refuses a field that no schema declares, so that the tests above mean something', async () => {
    await install(CURRENT_CRDS);
    const [object] = (await objectsOf(SAMPLES['nothing-asked-for']!)).filter(({ kind }) => kind === 'UIPlugin');
    const body = { ...object, spec: { ...(object!['spec'] as JsonMap), nonsense: true } };
    const { status, body: answer } = await controlPlane.request(applyOf(body, '&dryRun=All'));
    expect(status).to.be.greaterThan(399);
    expect(JSON.stringify(answer)).to.contain('nonsense');
  });

  async function objectsOf(sample: Sample): Promise<JsonMap[]> {
    const rows = [...(await rowsOf(sample)).values()];
    return rows.flatMap((row) => (row.kind === 'object' ? [row.object as unknown as JsonMap] : []));
  }

  /** A CRD that was just replaced may take a moment until its new schema counts. */
  async function applied(object: JsonMap, query: string): Promise<JsonMap> {
    const { namespace } = object['metadata'] as { namespace?: string };
    if (namespace !== undefined) await api.apply({ apiVersion: 'v1', kind: 'Namespace', metadata: { name: namespace } });
    let refusal = '';
    const answer = await poll(
      `${object['kind'] as string} to be taken`,
      async () => {
        const { status, body } = await controlPlane.request(applyOf(object, query));
        refusal = JSON.stringify(body);
        return status < 300 && (body as JsonMap);
      },
      { timeoutMs: 30_000, intervalMs: 100, onTimeout: () => refusal },
    );
    return answer;
  }
});

function applyOf(object: JsonMap, query: string) {
  const { apiVersion, kind } = object as unknown as { apiVersion: string; kind: string };
  const { name, namespace } = object['metadata'] as { name: string; namespace?: string };
  const row = KINDS.find((candidate) => candidate.apiVersion === apiVersion && candidate.kind === kind);
  if (row === undefined) throw new Error(`kinds.yaml has no ${apiVersion} ${kind}`);
  const root = apiVersion.includes('/') ? `/apis/${apiVersion}` : `/api/${apiVersion}`;
  const place = row.namespaced ? `/namespaces/${namespace}` : '';
  const path = `${root}${place}/${row.plural}/${name}?fieldManager=virt-steward&force=true&fieldValidation=Strict${query}`;
  return { method: 'PATCH', path, body: object, contentType: 'application/apply-patch+yaml' } as const;
}

/** Pointers of what was asked for and is not in the answer. */
function lostFields(wanted: Json, actual: Json | undefined, path = ''): string[] {
  if (Array.isArray(wanted)) {
    if (!Array.isArray(actual) || actual.length < wanted.length) return [path];
    return wanted.flatMap((element: Json, index) => lostFields(element, actual[index], `${path}/${index}`));
  }
  if (!isJsonMap(wanted)) return wanted === actual ? [] : [path];
  if (!isJsonMap(actual)) return Object.keys(wanted).length === 0 ? [] : [path];
  return Object.entries(wanted).flatMap(([member, value]) => lostFields(value, actual[member], `${path}/${member}`));
}
