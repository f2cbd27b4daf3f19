import { mkdirSync, mkdtempSync, readdirSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { createServer, type Server } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect } from 'chai';
import {
  type ControlPlane,
  type ControlPlaneBinaries,
  readGoSources,
  resolveBinaries,
  startControlPlane,
} from '../../../hack/control-plane';
import { freeTcpPort } from '../../harness/free-port';
import { poll } from '../../harness/poll';
import { runningOf } from '../../unit/control-plane/processes';

describe('starting a control plane', () => {
  const started: ControlPlane[] = [];
  const start = async (...args: Parameters<typeof startControlPlane>): Promise<ControlPlane> => {
    const controlPlane = await startControlPlane(...args);
    started.push(controlPlane);
    return controlPlane;
  };

  let binaries: ControlPlaneBinaries;

  before(async function () {
    this.timeout(0);
    binaries = await resolveBinaries();
  });

  afterEach(async () => {
    await Promise.all(started.splice(0).map((controlPlane) => controlPlane.stop()));
  });

  it('serves the Kubernetes version that go.mod names, from what was built of it', async () => {
    const controlPlane = await start();

    const version = await controlPlane.request({ path: '/version' });
    const { gitVersion } = version.body as { gitVersion: string };
    expect(gitVersion).to.match(
      binaries.origin === 'KUBEBUILDER_ASSETS' ? /^v1\.\d+/ : new RegExp(`^${readGoSources().kubernetesVersion}$`),
    );
    await poll('it to be ready still', async () => (await controlPlane.request({ path: '/readyz' })).body === 'ok');
    expect(controlPlane.pids.has('kube-controller-manager')).to.equal(controlPlane.hasControllerManager);
  });

  it('gives two started at the same time nothing in common', async () => {
    const [one, other] = (await Promise.all([start(), start()])) as [ControlPlane, ControlPlane];

    const created = await one.request({ method: 'POST', path: '/api/v1/namespaces', body: { metadata: { name: 'only-here' } } });
    expect(created.status).to.equal(201);
    expect((await other.request({ path: '/api/v1/namespaces/only-here' })).status).to.equal(404);
    expect(one.server).not.to.equal(other.server);
    expect(one.directory).not.to.equal(other.directory);
    expect((await other.request({ path: '/api' }, one.adminToken)).status, "one's token at the other").to.equal(401);

    await one.stop();
    expect((await other.request({ path: '/api/v1/namespaces/default' })).status, 'the other after one has stopped').to.equal(200);
  });

  it('takes another port when the one it found has been taken meanwhile', async () => {
    const squatter = await listening();
    const { port: takenPort } = squatter.address() as { port: number };
    const free = await freeTcpPort();
    const proposals = [takenPort, free];
    try {
      const controlPlane = await start({ controllerManager: false, findPort: async () => proposals.shift() ?? 0 });

      expect(controlPlane.server).to.equal(`https://127.0.0.1:${free}`);
    } finally {
      squatter.close();
    }
  });

  it('shows the end of the log of a server that does not start, and leaves nothing', async () => {
    await inTemporaryFolder(async (temporary) => {
      const failure = await failureOf(start({ extraArgs: { 'kube-apiserver': ['--no-such-flag'] } }));

      expect(failure).to.match(/^kube-apiserver has ended with code 1; the end of the log of kube-apiserver:\n/);
      expect(failure).to.contain('unknown flag: --no-such-flag');
      expect(readdirSync(temporary)).to.deep.equal([]);
    });
  });

  it('says that the temporary folder has too long a path for sockets', async () => {
    await inTemporaryFolder(async (temporary) => {
      const deep = join(temporary, 'x'.repeat(80));
      mkdirSync(deep);
      process.env['TMPDIR'] = deep;

      expect(await failureOf(start())).to.match(/^TMPDIR is too long: the path of a socket in it has \d+ bytes; allowed: 103 \(/);
      expect(readdirSync(deep)).to.deep.equal([]);
    });
  });

  it('runs the scheduler only when asked to', async () => {
    const hasOne = binaries.commands['kube-scheduler'] !== undefined;

    const [without, scheduling] = await Promise.all([
      start({ controllerManager: false }),
      start({ controllerManager: false, scheduler: hasOne }),
    ]);

    expect([without.hasScheduler, scheduling.hasScheduler]).to.deep.equal([false, hasOne]);
    expect([...without.pids.keys()]).to.deep.equal(['etcd', 'kube-apiserver']);
    expect([...scheduling.pids.keys()]).to.deep.equal(['etcd', 'kube-apiserver', ...(hasOne ? ['kube-scheduler'] : [])]);
  });

  it('can be stopped twice, also at the same time', async () => {
    const controlPlane = await start({ controllerManager: false });
    const pids = [...controlPlane.pids.values()];

    await Promise.all([controlPlane.stop(), controlPlane.stop()]);
    await controlPlane.stop();

    expect(runningOf(pids)).to.deep.equal([]);
    expect(controlPlane.pids.size).to.equal(0);
  });

  describe('from KUBEBUILDER_ASSETS', () => {
    let assets: string;

    beforeEach(() => {
      assets = mkdtempSync(join(tmpdir(), 'virt-steward-assets-'));
      for (const name of ['etcd', 'kube-apiserver'] as const) symlinkSync(binaries.commands[name][0], join(assets, name));
    });

    afterEach(() => rmSync(assets, { recursive: true }));

    it('runs etcd and kube-apiserver without a controller-manager, and says so', async () => {
      const controlPlane = await start({ env: { ...process.env, KUBEBUILDER_ASSETS: assets } });

      expect(controlPlane.hasControllerManager).to.equal(false);
      expect([...controlPlane.pids.keys()]).to.deep.equal(['etcd', 'kube-apiserver']);
      const pod = { metadata: { name: 'pod' }, spec: { containers: [{ name: 'main', image: 'none' }] } };
      const created = await controlPlane.request({ method: 'POST', path: '/api/v1/namespaces/default/pods', body: pod });
      expect(created.status, 'a pod without anybody who makes service accounts').to.equal(201);
    });

    it('says that it was not ready in time, what the last answer was, and leaves nothing', async () => {
      rmSync(join(assets, 'kube-apiserver'));
      writeFileSync(join(assets, 'kube-apiserver'), '#!/bin/sh\nexec sleep 600\n', { mode: 0o755 });
      await inTemporaryFolder(async (temporary) => {
        const env = { ...process.env, KUBEBUILDER_ASSETS: assets };
        const failure = await failureOf(start({ env, readyTimeoutMs: 1 }));

        expect(failure).to.match(/^not ready within 1 ms: GET \/readyz got .*; the end of the log of kube-apiserver:\n/);
        expect(readdirSync(temporary)).to.deep.equal([]);
      });
    });

    it('refuses to go without a controller-manager that was asked for', async () => {
      const failure = await start({ env: { KUBEBUILDER_ASSETS: assets }, controllerManager: true }).catch((error: Error) => error);

      expect((failure as Error).message).to.equal('kube-controller-manager was asked for, but KUBEBUILDER_ASSETS has none');
    });
  });
});

/** Points TMPDIR at a folder of its own meanwhile, so that what is left there can be seen. */
async function inTemporaryFolder(act: (temporary: string) => Promise<void>): Promise<void> {
  const temporary = mkdtempSync(join(tmpdir(), 'virt-steward-failing-'));
  const { TMPDIR: usual } = process.env;
  process.env['TMPDIR'] = temporary;
  try {
    await act(temporary);
  } finally {
    if (usual === undefined) delete process.env['TMPDIR'];
    else process.env['TMPDIR'] = usual;
    rmSync(temporary, { recursive: true });
  }
}

function failureOf(attempt: Promise<unknown>): Promise<string> {
  return attempt.then(
    () => 'no failure',
    (error: Error) => error.message,
  );
}

function listening(): Promise<Server> {
  return new Promise((resolve) => {
    const server = createServer().listen(0, '127.0.0.1', () => resolve(server));
  });
}
