import { execFile } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect } from 'chai';
import { catalogCrd } from '../../harness/catalog-crds';
import { kubevirtConfig, machineRef } from '../../harness/machines-fixture';
import { PATIENCE_MS, poll } from '../../harness/poll';
import { MAIN, NAMESPACE, objectsIn, ROOT, StewardCluster } from '../../harness/steward-cluster';
import { type ManagerProcess, startManager } from '../../harness/steward-processes';

interface Report {
  readonly code: number;
  /** The first check: by which settings it judges. */
  readonly settings: string;
  readonly checks: readonly { readonly check: string; readonly outcome: string; readonly found: string; readonly remedy?: string }[];
}

const CRDS = ['hyperconvergeds.hco.kubevirt.io', 'kubedeschedulers.operator.openshift.io'];
const DESCHEDULER = {
  apiVersion: 'operator.openshift.io/v1',
  kind: 'KubeDescheduler',
  metadata: { name: 'cluster', namespace: 'openshift-kube-descheduler-operator' },
};

describe('virt-steward doctor on assets and Machines', function () {
  this.timeout(4 * PATIENCE_MS);
  let cluster: StewardCluster;
  let manager: ManagerProcess;

  const run = (...args: string[]): Promise<{ code: number; stdout: string; stderr: string }> =>
    new Promise((resolve) => {
      const env = { PATH: process.env['PATH'], KUBECONFIG: cluster.controlPlane.kubeconfigPath };
      execFile(process.execPath, [MAIN, 'doctor', ...args], { env, timeout: PATIENCE_MS }, (error, stdout, stderr) =>
        resolve({ code: error === null ? 0 : Number(error.code), stdout, stderr }),
      );
    });
  const report = async (...args: string[]): Promise<Report> => {
    const { code, stdout, stderr } = await run(...args, '-o', 'json');
    expect(stderr).to.equal('');
    const [settings, ...checks] = (JSON.parse(stdout) as Pick<Report, 'checks'>).checks;
    expect(settings).to.include({ check: 'settings' });
    return { code, checks, settings: settings?.found ?? '' };
  };
  /** Asks until the answer is of that kind, since the manager takes its time to see and to write. */
  const untilTold = (args: readonly string[], check: string, found: RegExp): Promise<Report> => {
    let last: Report | undefined;
    return poll(
      `doctor ${args.join(' ')} to say ${found}`,
      async () => {
        last = await report(...args);
        return last.checks.some((one) => one.check === check && found.test(one.found)) ? last : undefined;
      },
      { timeoutMs: PATIENCE_MS, intervalMs: 200, onTimeout: () => JSON.stringify(last, undefined, 2) },
    );
  };

  before(async function () {
    this.timeout(0);
    cluster = await StewardCluster.start({ kubevirt: false });
    await cluster.api.apply({ apiVersion: 'v1', kind: 'Namespace', metadata: { name: 'team-a' } });
    manager = await startManager(cluster);
  });

  after(async () => {
    await manager?.process.stop();
    await cluster?.stop();
  });

  it('says that nothing is there to read switches from', async () => {
    const { code, checks } = await untilTold(['asset/descheduler-loadaware'], 'manager', /written no row|FILTERED/);

    expect(code).to.equal(1);
    expect(checks[0]).to.include({ check: 'decision', outcome: 'fail' });
    expect(checks[0]?.found).to.match(/there is no HyperConverged and no KubeVirt/);
  });

  it('tells that an asset waits for a switch, then for its API, and then that it is applied', async () => {
    await cluster.api.apply(catalogCrd(CRDS[0]!));
    await cluster.api.waitForCondition(catalogCrd(CRDS[0]!), 'Established');
    const objects = objectsIn(readFileSync(join(ROOT, 'hack/demo/hyperconverged.yaml'), 'utf8'));
    for (const object of objects) {
      const { annotations: _, ...metadata } = object.metadata;
      await cluster.api.apply({ ...object, metadata });
    }
    const off = await untilTold(['asset/descheduler-loadaware'], 'manager', /NotSwitchedOn/);
    expect(off.checks[0]).to.deep.include({
      ...{ check: 'decision', outcome: 'warn' },
      found: 'descheduler-loadaware: FILTERED NotSwitchedOn: platform.kubevirt.io/enable-loadaware is not "true"',
    });
    expect(off.code).to.equal(0);

    for (const object of objects) await cluster.api.apply(object);
    const missing = await untilTold(['asset/descheduler-loadaware'], 'manager', /CRDMissing/);
    expect(missing.checks[0]?.found).to.match(/MISSING CRDMissing: needs kind:operator\.openshift\.io\/v1\/KubeDescheduler/);
    expect(missing.code).to.equal(1);

    await cluster.api.apply(catalogCrd(CRDS[1]!));
    const applied = await untilTold(['asset/descheduler-loadaware'], 'manager', /: INCLUDED/);
    expect(applied.checks[0]).to.include({ check: 'decision', outcome: 'ok' });
  });

  it('tells that the patch of an owner cannot be used', async () => {
    // It is decided on before it is there.
    await poll('the object to be there', () => cluster.api.get(DESCHEDULER));
    await cluster.api.mergePatch(DESCHEDULER, { metadata: { annotations: { 'platform.kubevirt.io/patch': 'no patch' } } });
    const { code, checks } = await untilTold(['asset/descheduler-loadaware'], 'manager', /HELD InvalidPatch/);

    expect(code).to.equal(1);
    expect(checks[0]).to.include({ check: 'decision', outcome: 'fail' });
    expect(checks[0]?.remedy).to.contain('platform.kubevirt.io/patch');
  });

  it('tells what keeps a Machine from its virtual machine, step by step', async () => {
    await cluster.api.apply(kubevirtConfig('east'));
    await cluster.api.apply({ ...machineRef('web'), spec: { kubevirtConfigRef: { name: 'east' } } });
    const { code, checks } = await untilTold(['machine/team-a/web'], 'cluster', /SecretNotFound/);

    expect(code).to.equal(1);
    expect(checks.slice(0, 2).map(({ check, outcome }) => [check, outcome])).to.deep.equal([
      ['definition', 'ok'],
      ['machine', 'ok'],
    ]);
    expect(checks.find(({ check }) => check === 'secret')?.found).to.match(/failed to get kubeconfig secret .*east-kubeconfig/);
  });

  it('judges with the settings of the Deployment in the namespace of the manager, once there is one', async () => {
    expect((await report('machine/team-a/web')).settings).to.equal(`defaults: there is no Deployment ${NAMESPACE}/virt-steward-manager`);
    const metadata = { name: 'virt-steward-manager', namespace: NAMESPACE };
    await cluster.api.apply({ apiVersion: 'v1', kind: 'ConfigMap', metadata, data: { where: 'clusters' } });
    const env = [{ name: 'KUBEVIRT_CONFIGS_NAMESPACE', valueFrom: { configMapKeyRef: { name: metadata.name, key: 'where' } } }];
    const labels = { app: 'virt-steward-manager' };
    const container = { name: 'manager', image: 'virt-steward/manager', args: ['manager', '--modules=wol,machines'], env };
    const template = { metadata: { labels }, spec: { containers: [container] } };
    const spec = { replicas: 0, selector: { matchLabels: labels }, template };
    await cluster.api.apply({ apiVersion: 'apps/v1', kind: 'Deployment', metadata, spec });
    try {
      const { checks, settings } = await report('machine/team-a/web');
      expect(settings).to.equal(`of Deployment ${NAMESPACE}/virt-steward-manager, which runs wol, machines`);
      // A bare name is looked up where that manager looks.
      expect(checks.find(({ check }) => check === 'cluster')?.found).to.equal('KubevirtConfig east does not exist');
    } finally {
      await cluster.api.delete({ apiVersion: 'apps/v1', kind: 'Deployment', metadata });
    }
  });

  it('looks at every module that is in use when it is asked about nothing, or at those that are named', async () => {
    const { checks } = await report();
    expect(checks.map(({ check }) => check)).to.include.members([
      'kubevirt',
      'rights',
      'platform',
      'assets',
      'definition',
      'secret',
      'machines',
    ]);

    const { checks: named } = await report('--modules=platform');
    expect(new Set(named.map(({ check }) => check))).to.deep.equal(new Set(['platform', 'assets']));
  });

  for (const [args, message] of [
    [['asset/nothing'], 'what to look at is "asset/nothing"; allowed: asset/ and one of '],
    [['machine/a/b/c'], 'what to look at is "machine/a/b/c"; allowed: machine/NAMESPACE/NAME of a Machine'],
    [['machine/team-a/web', '--port=9'], '--port goes without asset/NAME and machine/NAMESPACE/NAME'],
    [['lab/desktop', '--modules=wol'], '--modules goes without an argument and --install'],
    [['--install', '--watch-namespaces=lab'], '--watch-namespaces goes without --install'],
    [['machine/team-a/web', '--platform-activation=x'], '--platform-activation is "x"; allowed: always, annotation'],
    [['--platform-assets-dir=x'], '--platform-assets-dir goes with asset/NAME only'],
  ] as const) {
    it(`refuses ${args.join(' ')} with 2 and one line`, async () => {
      const { code, stderr } = await run(...args);

      expect(code).to.equal(2);
      expect(stderr).to.contain(`error: ${message}`);
      expect(stderr.trimEnd().split('\n')).to.have.length(1);
    });
  }
});
