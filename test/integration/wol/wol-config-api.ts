/**
 * WolConfigs on a real API server, for the tests of the API itself.
 *
 * Owns: installing the CRD and the requests that those tests make. Never: goes through the operator's own client; what is
 * tested here is what any client meets. Invariant: dry runs only, unless a function says that it stores something.
 */
import { readFileSync } from 'node:fs';
import { request } from 'node:https';
import { join } from 'node:path';
import { expect } from 'chai';
import { parse } from 'yaml';
import { type ControlPlane, type RestResponse, startControlPlane } from '../../../hack/control-plane';
import type { WolConfig } from '../../../src/api/wol/v1beta1';
import { poll } from '../../harness/poll';

/** Folder of the repository, from the compiled file. */
export const REPOSITORY = join(__dirname, '..', '..', '..', '..');
const COLLECTION = '/apis/wol.pillon.org/v1beta1/wolconfigs';
const CRDS = '/apis/apiextensions.k8s.io/v1/customresourcedefinitions';

/** What a table of `kubectl get` is made of. */
export interface Table {
  readonly columnDefinitions: readonly { readonly name: string; readonly type: string; readonly priority: number }[];
  readonly rows: readonly { readonly cells: readonly unknown[] }[];
}

/** The parsed content of a YAML file of the repository, all its documents. */
export function yamlFile(path: string): unknown[] {
  return readFileSync(join(REPOSITORY, path), 'utf8')
    .split(/^---$/m)
    .map((document) => parse(document) as unknown)
    .filter((document) => document !== null && document !== undefined);
}

/** A control plane that serves WolConfig. The caller stops it. */
export class WolConfigApi implements AsyncDisposable {
  private constructor(private readonly controlPlane: ControlPlane) {}

  /** Starts a control plane and installs the CRD. @throws {Error} when it is not served in time. */
  static async start(): Promise<WolConfigApi> {
    const controlPlane = await startControlPlane({ controllerManager: false });
    const api = new WolConfigApi(controlPlane);
    try {
      await api.installCrd();
      return api;
    } catch (error) {
      await controlPlane.stop();
      throw error;
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.controlPlane.stop();
  }

  /** Asks to create an object with this spec (none when undefined) and stores nothing. */
  tryCreate(spec: unknown): Promise<RestResponse> {
    const object = {
      apiVersion: 'wol.pillon.org/v1beta1',
      kind: 'WolConfig',
      metadata: { name: 'tried' },
      ...(spec === undefined ? {} : { spec }),
    };
    return this.controlPlane.request({ method: 'POST', path: `${COLLECTION}?dryRun=All&fieldValidation=Strict`, body: object });
  }

  /** What the API server would store for this spec. Fails the test when it refuses, or does not know a field. */
  async accepted(spec: unknown): Promise<WolConfig> {
    return bodyOf(await this.tryCreate(spec), 201);
  }

  /** The reasons for which the API server refuses this spec. Fails the test when it accepts. */
  async refusal(spec: unknown): Promise<string> {
    const { status, body } = await this.tryCreate(spec);
    expect(status, JSON.stringify(body)).to.equal(422);
    return (body as { message: string }).message;
  }

  /** Stores an object. The caller deletes it. */
  async create(object: object): Promise<WolConfig> {
    return bodyOf(await this.controlPlane.request({ method: 'POST', path: `${COLLECTION}?fieldValidation=Strict`, body: object }), 201);
  }

  async delete(name: string): Promise<void> {
    await this.controlPlane.request({ method: 'DELETE', path: `${COLLECTION}/${name}` });
  }

  /** Replaces the object or, with the subresource, its status. */
  async replace(object: WolConfig, subresource = ''): Promise<RestResponse> {
    const path = `${COLLECTION}/${object.metadata?.name}${subresource}`;
    return this.controlPlane.request({ method: 'PUT', path, body: object });
  }

  /** Applies a status as one field manager, without force. Stores it. */
  applyStatus(name: string, fieldManager: string, status: object): Promise<RestResponse> {
    return this.controlPlane.request({
      method: 'PATCH',
      path: `${COLLECTION}/${name}/status?fieldManager=${fieldManager}`,
      contentType: 'application/apply-patch+yaml',
      body: { apiVersion: 'wol.pillon.org/v1beta1', kind: 'WolConfig', metadata: { name }, status },
    });
  }

  async read(name: string): Promise<WolConfig> {
    return bodyOf(await this.controlPlane.request({ path: `${COLLECTION}/${name}` }), 200);
  }

  /** The table that `kubectl get wolcfg` prints. */
  table(): Promise<Table> {
    const { server, ca, adminToken } = this.controlPlane;
    const headers = { accept: 'application/json;as=Table;v=v1;g=meta.k8s.io', authorization: `Bearer ${adminToken}` };
    return new Promise((resolve, reject) => {
      const exchange = request(new URL(COLLECTION, server), { ca, headers, agent: false }, (response) => {
        const chunks: Buffer[] = [];
        response.on('data', (chunk: Buffer) => chunks.push(chunk));
        response.once('error', reject);
        response.once('end', () => resolve(JSON.parse(Buffer.concat(chunks).toString('utf8')) as Table));
      });
      exchange.once('error', reject);
      exchange.end();
    });
  }

  /** The CRD as the API server stored it, with the conditions it set. */
  async crd(): Promise<{ status: { acceptedNames: object; conditions: { type: string; status: string; message: string }[] } }> {
    return bodyOf(await this.controlPlane.request({ path: `${CRDS}/wolconfigs.wol.pillon.org` }), 200);
  }

  private async installCrd(): Promise<void> {
    const [crd] = yamlFile('crds/wol.pillon.org_wolconfigs.yaml');
    bodyOf(await this.controlPlane.request({ method: 'POST', path: `${CRDS}?fieldValidation=Strict`, body: crd }), 201);
    await poll('WolConfig to be served', async () => (await this.controlPlane.request({ path: COLLECTION })).status === 200);
  }
}

function bodyOf<T>({ status, body }: RestResponse, expected: number): T {
  expect(status, JSON.stringify(body)).to.equal(expected);
  return body as T;
}
