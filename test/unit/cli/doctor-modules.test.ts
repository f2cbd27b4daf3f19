import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect } from 'chai';
import type { DoctorCommandFlags } from '../../../src/cli/run-doctor-command';
import { runDoctorCommand } from '../../../src/cli/run-doctor-command';
import { ConfigMap, Deployment, Secret } from '../../../src/framework';
import { FakeApiServer, status } from '../../../src/framework/testing';
import type { Finding } from '../../../src/kubevirt/diagnosis/finding';
import { KubevirtConfig } from '../../../src/machines/kinds';
import { compileDoctorOptions } from '../../../src/wol/doctor/doctor-options';
import { ROOT } from '../../harness/steward-cluster';

const NAMESPACE = 'virt-steward-system';
const CRDS = ['machines', 'kubevirtconfigs', 'networkconfigurations'].map((name) => join(ROOT, 'crds', `vitistack.io_${name}.yaml`));
const FORBIDDEN = { do: status(403, { reason: 'Forbidden', message: 'no' }), times: 1_000_000 };

describe('doctor without an argument', () => {
  let server: FakeApiServer;
  let folder: string;

  beforeEach(async () => {
    server = await FakeApiServer.start({ crdFiles: CRDS });
    folder = mkdtempSync(join(tmpdir(), 'doctor-modules-'));
    writeFileSync(join(folder, 'kubeconfig'), server.kubeconfig('somebody'));
  });
  afterEach(async () => {
    await server.stop();
    rmSync(folder, { recursive: true, force: true });
  });

  const doctor = async (said: Omit<DoctorCommandFlags, 'kubeconfig'> = {}): Promise<readonly Finding[]> => {
    const lines: string[] = [];
    const io = { env: {}, print: (line: string) => void lines.push(line), warn: () => undefined };
    const options = compileDoctorOptions(undefined, { output: 'json' }, () => undefined);
    await runDoctorCommand(options, undefined, { kubeconfig: join(folder, 'kubeconfig'), ...said }, io);
    return (JSON.parse(lines.join('\n')) as { checks: Finding[] }).checks;
  };
  const about = (findings: readonly Finding[], ...checks: string[]): string[] =>
    findings.filter(({ check }) => checks.includes(check)).map(({ check, outcome, found }) => `${outcome} ${check} ${found}`);
  const runManager = (...args: string[]): void => {
    const template = { spec: { containers: [{ name: 'manager', args: ['manager', ...args] }] } };
    server.objects.create(Deployment, { metadata: { name: 'virt-steward-manager', namespace: NAMESPACE }, spec: { template } });
  };
  const aConfig = (namespace: string): void => {
    server.objects.create(KubevirtConfig, { metadata: { name: 'east', namespace }, spec: { name: 'east', kubeconfigSecretRef: 'east' } });
    server.objects.create(Secret, { metadata: { name: 'east', namespace }, data: {} });
  };

  it('says of each module whose use may not be looked at which right is missing', async () => {
    server.faults.add({ on: { verb: 'list', kind: KubevirtConfig }, ...FORBIDDEN });
    server.faults.add({ on: { verb: 'get', kind: ConfigMap }, ...FORBIDDEN });
    const findings = await doctor();

    expect(about(findings, 'platform', 'machines')).to.deep.equal([
      `warn platform whether the module platform is in use: not checked, you may not get configmaps in namespace ${NAMESPACE}`,
      'warn machines whether the module machines is in use: not checked, you may not list kubevirtconfigs.vitistack.io',
    ]);
    expect(findings.find(({ check }) => check === 'machines')?.remedy).to.equal('ask for the right to list kubevirtconfigs.vitistack.io');
  });

  it('says nothing of modules that are not in use', async () => {
    expect(about(await doctor(), 'platform', 'machines', 'cluster')).to.deep.equal([]);
  });

  it('looks at the modules that the manager runs, although there is nothing of them yet', async () => {
    runManager('--modules=wol,platform,machines', '--kubevirt-configs-namespace=clusters');
    const findings = await doctor();

    expect(about(findings, 'settings', 'platform', 'cluster')).to.deep.equal([
      `ok settings of Deployment ${NAMESPACE}/virt-steward-manager, which runs all modules`,
      `fail platform no manager has written ConfigMap virt-steward-platform-status in ${NAMESPACE} yet`,
      "warn cluster No KubevirtConfig resources found in namespace 'clusters'. Please create at least one KubevirtConfig.",
    ]);
    expect(findings[0]?.check).to.equal('settings');
  });

  it('names clusters as the manager with its namespaces does, or with those that are given', async () => {
    aConfig('clusters');
    const keys = async (...said: Parameters<typeof doctor>): Promise<string[]> =>
      about(await doctor(...said), 'cluster').map((line) => /KubevirtConfig (\S+):/.exec(line)?.[1] ?? line);

    expect(await keys()).to.deep.equal(['clusters/east']);
    runManager('--kubevirt-configs-namespace=clusters');
    expect(await keys()).to.deep.equal(['east']);
    expect(await keys({ kubevirtConfigsNamespace: 'elsewhere,clusters' })).to.deep.equal(['clusters/east']);
  });

  it('looks at nothing of Wake-on-LAN where the manager does not run it', async () => {
    expect((await doctor()).map(({ check }) => check)).to.include.members(['kubevirt', 'rights']);
    runManager('--modules=machines');
    expect([...new Set((await doctor()).map(({ check }) => check))]).to.deep.equal(['settings', 'definition', 'cluster']);
  });

  it('asks for the rights that the manager needs with its flags', async () => {
    const asked = (): string[] => {
      const bodies = server.journal.entries().filter(({ path }) => path.endsWith('/subjectaccessreviews'));
      return bodies.map(({ body }) => {
        const { resourceAttributes = {} } = (body as { spec: { resourceAttributes?: Record<string, string> } }).spec;
        return `${resourceAttributes['verb']} ${resourceAttributes['resource']} ${resourceAttributes['name'] ?? ''}`.trim();
      });
    };
    runManager('--modules=wol', '--metrics-secure=false', '--grpc-insecure');
    await doctor();
    expect(asked()).to.include('get wolconfigs');
    expect(asked()).to.not.include('create leases').and.not.include('create secrets');

    server.objects.delete(Deployment, `${NAMESPACE}/virt-steward-manager`);
    runManager('--modules=wol', '--leader-elect', '--grpc-tls-mode=cert-manager');
    await doctor();
    expect(asked()).to.include('create leases').and.include('create tokenreviews');
    expect(asked()).to.not.include('create secrets');
  });
});
