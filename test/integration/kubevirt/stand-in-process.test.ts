import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { createInterface, type Interface } from 'node:readline';
import { expect } from 'chai';
import { type ControlPlane, startControlPlane } from '../../../hack/control-plane';
import { FakeClock } from '../../../src/framework/testing/fake-clock';
import { poll } from '../../harness/poll';
import { startKubeVirtStandIn } from '../../kubevirt/stand-in';

const MAIN = join(__dirname, '../../kubevirt/main.js');
const SUBRESOURCES = '/apis/subresources.kubevirt.io/v1';

describe('the KubeVirt stand-in as a process of its own', () => {
  let controlPlane: ControlPlane;
  let child: ChildProcess | undefined;
  before(async () => {
    controlPlane = await startControlPlane({ controllerManager: false });
  });
  after(() => controlPlane?.stop());
  afterEach(() => void child?.kill('SIGKILL'));

  function run(args: readonly string[]): { lines: Interface; exit: Promise<unknown> } {
    child = spawn(process.execPath, [MAIN, ...args], { stdio: ['pipe', 'pipe', 'ignore'] });
    const exit = once(child, 'exit').then(([code]) => code as unknown);
    return { lines: createInterface({ input: child.stdout as NodeJS.ReadableStream }), exit };
  }

  for (const [title, end] of [
    ['SIGTERM', (process: ChildProcess) => void process.kill('SIGTERM')],
    ['the end of its parent', (process: ChildProcess) => void process.stdin?.end()],
  ] as const) {
    it(`says when it is ready and leaves the subresource API at ${title}`, async () => {
      const { lines, exit } = run([controlPlane.kubeconfigPath, '{"schedulingMs":100}']);
      const [line] = (await once(lines, 'line')) as [string];
      expect(JSON.parse(line)).to.deep.include({ ready: true });
      expect((await controlPlane.request({ path: SUBRESOURCES })).status).to.equal(200);

      end(child as ChildProcess);

      expect(await exit).to.equal(0);
      expect(
        (await controlPlane.request({ path: '/apis/apiregistration.k8s.io/v1/apiservices/v1.subresources.kubevirt.io' })).status,
      ).to.equal(404);
    });
  }

  it('ends with 2 without a kubeconfig and with 1 when it cannot be read', async () => {
    expect(await run([]).exit).to.equal(2);
    expect(await run(['/nowhere/kubeconfig']).exit).to.equal(1);
    expect(await run([controlPlane.kubeconfigPath, '{"schedulingMs":-1}']).exit).to.equal(1);
  });

  it('keeps time by the clock it is given', async () => {
    const clock = new FakeClock();
    const standIn = await startKubeVirtStandIn({ kubeconfig: controlPlane.kubeconfig, clock, timings: { schedulingMs: 3_600_000 } });
    const target = { namespace: 'default', name: 'slow' };
    const phaseIs = (phase: string): Promise<true> =>
      poll(`the phase to be ${phase}`, async () => {
        await clock.advance(50);
        return (await standIn.vmi(target))?.status?.phase === phase ? true : undefined;
      });
    try {
      await createAlwaysVm(target.name);
      await phaseIs('Scheduling');
      await poll('virt-controller to see it and set its timer', async () => (clock.pendingTimers > 0 ? true : undefined));

      await clock.advance(3_600_000);

      await phaseIs('Running');
      expect((await standIn.vmi(target))?.status?.phaseTransitionTimestamps?.at(-1)?.phaseTransitionTimestamp).to.match(/^2026-01-01T01:/);
    } finally {
      await standIn.stop();
    }
    expect(clock.pendingTimers).to.equal(0);
  });

  it('can be taken off a cluster completely, running machines included', async () => {
    const standIn = await startKubeVirtStandIn({ kubeconfig: controlPlane.kubeconfig });
    await createAlwaysVm('left');

    await standIn.uninstall();

    expect((await controlPlane.request({ path: '/apis/kubevirt.io/v1/virtualmachines' })).status).to.equal(404);
  });

  async function createAlwaysVm(name: string): Promise<void> {
    const spec = { runStrategy: 'Always', template: { spec: { domain: {} } } };
    const body = { apiVersion: 'kubevirt.io/v1', kind: 'VirtualMachine', metadata: { name }, spec };
    const { status } = await controlPlane.request({
      method: 'POST',
      path: '/apis/kubevirt.io/v1/namespaces/default/virtualmachines',
      body,
    });
    expect(status).to.equal(201);
  }
});
