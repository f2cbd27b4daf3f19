/**
 * The template of an operator package as its user has it: virt-steward is an installed package, compiled against with its published
 * typings, and the operator is a process that holds the rights it prints and no others.
 */
import { execFile } from 'node:child_process';
import { cp, mkdir, mkdtemp, readFile, rm, symlink } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { promisify } from 'node:util';
import { expect } from 'chai';
import { type ControlPlane, startControlPlane } from '../../../hack/control-plane';
import { AdminApi } from '../../harness/admin-api';
import { applyRights } from '../../harness/apply-rights';
import { TestProcess } from '../../harness/child-process';
import { freeTcpPort } from '../../harness/free-port';
import { poll } from '../../harness/poll';
import { objectsIn, ROOT, type TestObject } from '../../harness/steward-cluster';

const NAMESPACE = 'acme-steward';
const run = promisify(execFile);

interface Package {
  dependencies?: Record<string, string>;
  devDependencies?: Record<string, string>;
  overrides?: unknown;
}
interface Config extends TestObject {
  status?: { managedVMs?: number; conditions?: { type: string; status: string; reason: string }[] };
}

describe('19-own-operator-package on a real API server', () => {
  let folder: string;
  let main: string;
  let archive: string;
  let controlPlane: ControlPlane | undefined;
  let operator: TestProcess | undefined;
  let api: AdminApi;

  const packageOf = async (path: string): Promise<Package> => JSON.parse(await readFile(join(path, 'package.json'), 'utf8')) as Package;
  const config = async (name: string): Promise<Config | undefined> =>
    api.get<Config>({ apiVersion: 'wol.pillon.org/v1beta1', kind: 'WolConfig', metadata: { name } });
  const putConfig = (name: string, annotations: Record<string, string> = {}): Promise<TestObject> =>
    api.apply({ apiVersion: 'wol.pillon.org/v1beta1', kind: 'WolConfig', metadata: { name, annotations }, spec: {} });
  const condition = async (name: string, type: string): Promise<{ status: string; reason: string } | undefined> =>
    (await config(name))?.status?.conditions?.find((candidate) => candidate.type === type);
  const contact = async (name: string): Promise<unknown> => {
    const metadata = { namespace: NAMESPACE, name: `contact-${name}` };
    return (await api.get<TestObject & { data?: unknown }>({ apiVersion: 'v1', kind: 'ConfigMap', metadata }))?.data;
  };

  /** What `npm install` does, without a registry: our package from its archive, everything else linked from this repository. */
  async function install(): Promise<void> {
    const modules = join(folder, 'node_modules');
    const steward = join(modules, 'virt-steward');
    await mkdir(steward, { recursive: true });
    const { stdout } = await run('npm', ['pack', '--ignore-scripts', '--offline', '--silent', `--pack-destination=${folder}`], {
      cwd: ROOT,
    });
    archive = stdout.trim();
    await run('tar', ['-xzf', join(folder, archive), '-C', steward, '--strip-components=1']);
    const [own, theirs] = await Promise.all([packageOf(folder), packageOf(steward)]);
    const names = new Set(Object.keys({ ...own.dependencies, ...own.devDependencies, ...theirs.dependencies }));
    names.delete('virt-steward');
    for (const name of names) {
      await mkdir(dirname(join(modules, name)), { recursive: true });
      await symlink(join(ROOT, 'node_modules', name), join(modules, name));
    }
  }

  before(async () => {
    folder = await mkdtemp(join(tmpdir(), 'own-operator-'));
    main = join(folder, 'dist', 'main.js');
    await cp(join(ROOT, 'examples', '19-own-operator-package'), folder, { recursive: true });
    await install();
    await run(process.execPath, [join(folder, 'node_modules', 'typescript', 'bin', 'tsc'), '-p', folder]).catch(
      (error: { stdout: string }) => {
        throw new Error(`the package does not compile:\n${error.stdout}`);
      },
    );

    controlPlane = await startControlPlane({ controllerManager: false });
    api = new AdminApi(controlPlane);
    for (const crd of objectsIn(await readFile(join(folder, 'node_modules/virt-steward/crds/wol.pillon.org_wolconfigs.yaml'), 'utf8'))) {
      await api.apply(crd);
      await api.waitForCondition(crd, 'Established');
    }
    await api.apply({ apiVersion: 'v1', kind: 'Namespace', metadata: { name: NAMESPACE } });
    await api.apply({ apiVersion: 'v1', kind: 'ServiceAccount', metadata: { name: NAMESPACE, namespace: NAMESPACE } });
    const { stdout: rights } = await run(process.execPath, [main, 'rbac']);
    await applyRights(api, objectsIn(rights), `system:serviceaccount:${NAMESPACE}:${NAMESPACE}`);

    const kubeconfig = await controlPlane.serviceAccountKubeconfig(NAMESPACE, NAMESPACE);
    const healthPort = await freeTcpPort();
    operator = new TestProcess('own operator', [main], {
      KUBECONFIG: controlPlane.writeFile('own-operator.kubeconfig', kubeconfig),
      GRPC_INSECURE: 'true',
      GRPC_BIND_ADDRESS: `127.0.0.1:${await freeTcpPort()}`,
      HEALTH_PROBE_BIND_ADDRESS: `127.0.0.1:${healthPort}`,
    });
    const ready = async (): Promise<boolean> => (await fetch(`http://127.0.0.1:${healthPort}/readyz`)).ok;
    await operator.until('ready', () => ready().catch(() => false));
  });

  after(async () => {
    await operator?.kill();
    await controlPlane?.stop();
    await rm(folder, { recursive: true, force: true });
  });

  it('runs the handler it adds', async () => {
    await putConfig('lab', { 'acme.example/contact': 'Ada' });
    await poll('the directory knows Ada', async () => JSON.stringify(await contact('lab')) === '{"contact":"Ada"}');
  });

  it('runs the method it overrides, in the place of the shipped one', async () => {
    await putConfig('attic');
    await poll('the attic has no contact', async () => (await condition('attic', 'Contactable'))?.reason === 'NoContact');
    await putConfig('attic', { 'acme.example/contact': 'Bob' });
    await poll('the attic has one', async () => (await condition('attic', 'Contactable'))?.status === 'True');
  });

  it('runs the methods it inherits', async () => {
    await poll('the shipped status', async () => (await config('lab'))?.status?.managedVMs === 0);
    await poll('the shipped condition', async () => (await condition('lab', 'Ready')) !== undefined);
  });

  it('needs no right that it does not print', () => {
    expect(operator?.log.split('\n').filter((line) => /forbidden/i.test(line))).to.deep.equal([]);
  });

  it('pins what this repository pins', async () => {
    const [own, ours] = await Promise.all([packageOf(folder), packageOf(ROOT)]);
    const { 'virt-steward': steward, ...dependencies } = own.dependencies ?? {};
    expect(steward).to.equal(`file:${archive}`);
    expect(ours.dependencies).to.include(dependencies);
    expect(ours.devDependencies).to.include(own.devDependencies);
    expect(own.overrides).to.deep.equal(ours.overrides);
  });

  it('ends with 0 on SIGTERM, and says in one line what is wrong with a bad setting', async () => {
    expect(await operator?.stop()).to.deep.equal({ code: 0, signal: null });

    const refused = await run(process.execPath, [main], {
      env: { ...process.env, GRPC_BIND_ADDRESS: 'nowhere', GRPC_INSECURE: 'true' },
    }).catch((error: { code: number; stderr: string }) => error);
    expect(refused).to.include({ code: 2 });
    expect(refused.stderr).to.match(/^error: --grpc-bind-address \(from GRPC_BIND_ADDRESS\) is "nowhere"; allowed: .*\n$/);
  });
});
