/**
 * A real control plane for `examples/`, and one example as a process with exactly the rights it says it needs.
 *
 * Owns: what the README of an example asks a person to do first: CRDs, rights. Never: imports an example; people run them from outside.
 */
import { execFile } from 'node:child_process';
import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { type ControlPlane, startControlPlane } from '../../hack/control-plane';
import { AdminApi } from './admin-api';
import { applyRights } from './apply-rights';
import { TestProcess } from './child-process';
import { objectsIn, ROOT, type TestObject } from './steward-cluster';

const RUN = join(ROOT, 'build', 'examples', 'run.js');
const NAMESPACE = 'default';
const CRD_FOLDERS = ['crds', 'examples/crds'];

export class ExampleCluster {
  private constructor(
    readonly controlPlane: ControlPlane,
    readonly api: AdminApi,
  ) {}

  static async start(): Promise<ExampleCluster> {
    const cluster = await startControlPlane();
    try {
      const api = new AdminApi(cluster);
      for (const folder of CRD_FOLDERS) {
        for (const file of await readdir(join(ROOT, folder))) {
          for (const crd of await manifest(`${folder}/${file}`)) {
            await api.apply(crd);
            await api.waitForCondition(crd, 'Established');
          }
        }
      }
      return new ExampleCluster(cluster, api);
    } catch (error) {
      await cluster.stop();
      throw error;
    }
  }

  /** Applies a file of the example, for example `sample.yaml`. */
  async apply(example: string, file: string): Promise<void> {
    for (const object of await manifest(`examples/${example}/${file}`)) await this.api.apply(object);
  }

  /**
   * Starts `npm run example` without npm, as a service account that holds what `--rbac` prints.
   * @param env further variables of the process.
   * @returns the process, once it runs.
   */
  async launch(example: string, env: Readonly<Record<string, string>> = {}): Promise<TestProcess> {
    await this.api.apply({ apiVersion: 'v1', kind: 'ServiceAccount', metadata: { name: example, namespace: NAMESPACE } });
    const { stdout } = await promisify(execFile)(process.execPath, [RUN, example, '--rbac']);
    await applyRights(this.api, objectsIn(stdout), `system:serviceaccount:${NAMESPACE}:${example}`);
    const kubeconfig = await this.controlPlane.serviceAccountKubeconfig(NAMESPACE, example);
    const path = this.controlPlane.writeFile(`${example}.kubeconfig`, kubeconfig);
    const launched = new TestProcess(example, [RUN, example], { ...env, KUBECONFIG: path });
    await launched.until('runs', () => launched.log.includes('operator started'));
    return launched;
  }

  stop(): Promise<void> {
    return this.controlPlane.stop();
  }
}

async function manifest(path: string): Promise<TestObject[]> {
  return objectsIn(await readFile(join(ROOT, path), 'utf8'));
}
