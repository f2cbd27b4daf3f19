import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect } from 'chai';
import { parse, stringify } from 'yaml';
import { ClusterView } from '../../../../src/kubevirt/diagnosis/cluster-view';
import type { Finding } from '../../../../src/kubevirt/diagnosis/finding';
import { machinePath } from '../../../../src/machines/doctor/machine-path';
import { machinesChecks } from '../../../../src/machines/doctor/machines-checks';
import { ROOT } from '../../../harness/steward-cluster';
import { type FakeObject, fakeClient } from '../../wol/doctor/fake-cluster';
import { theSettings } from '../the-settings';

const NOW_MS = Date.parse('2026-01-01T00:00:00Z');
const CRDS = ['machines', 'kubevirtconfigs', 'networkconfigurations'].map(
  (name) => parse(readFileSync(join(ROOT, `crds/vitistack.io_${name}.yaml`), 'utf8')) as FakeObject,
);
const API = 'vitistack.io/v1alpha1';
const condition = (type: string, status: string, reason: string, message = '') => ({ type, status, reason, message });
const config = (status: object = {}): FakeObject => ({
  ...{ apiVersion: API, kind: 'KubevirtConfig', metadata: { name: 'east', namespace: 'default', generation: 1 } },
  spec: { name: 'east', kubeconfigSecretRef: 'east-kubeconfig' },
  status: { phase: 'Ready', status: 'Connected', server: 'https://east', machines: 1, observedGeneration: 1, conditions: [], ...status },
});
const kubeconfig = (user: object = { token: 'secret-token' }): FakeObject => {
  const text = stringify({
    ...{ apiVersion: 'v1', kind: 'Config', 'current-context': 'east' },
    clusters: [{ name: 'east', cluster: { server: 'https://127.0.0.1:6443' } }],
    users: [{ name: 'east', user }],
    contexts: [{ name: 'east', context: { cluster: 'east', user: 'east' } }],
  });
  const metadata = { name: 'east-kubeconfig', namespace: 'default' };
  return { apiVersion: 'v1', kind: 'Secret', metadata, data: { kubeconfig: Buffer.from(text).toString('base64') } };
};
const machine = (status: object, spec: object = {}): FakeObject => ({
  ...{ apiVersion: API, kind: 'Machine', metadata: { name: 'web', namespace: 'team-a', generation: 1 }, spec },
  status: {
    ...{ phase: 'Running', observedGeneration: 1, kubevirtConfigRef: { name: 'east', namespace: 'default', rule: 'Single' } },
    conditions: [condition('Placed', 'True', 'Single'), condition('Ready', 'True', 'Running')],
    ...status,
  },
});
const parts = (objects: readonly FakeObject[], denied: readonly string[] = []) => ({
  ...{ view: new ClusterView(fakeClient({ objects, denied }).client), settings: theSettings(), nowMs: NOW_MS },
});
const lines = (findings: readonly Finding[]): string[] => findings.map(({ check, outcome, found }) => `${outcome} ${check} ${found}`);
const path = (objects: readonly FakeObject[], denied?: readonly string[]): Promise<Finding[]> =>
  machinePath('team-a', 'web', parts(objects, denied));

describe('doctor on a Machine', () => {
  it('tells every step of one that runs, and no content of the Secret', async () => {
    const findings = await path([...CRDS, config(), kubeconfig(), machine({})]);

    expect(lines(findings)).to.deep.equal([
      'ok definition vitistack.io/v1alpha1 is served, in profile first',
      'ok machine Machine team-a/web is Running, and of virt-steward',
      'ok placement it is placed on east, by the rule Single',
      'ok cluster KubevirtConfig east is Ready: https://east, 1 Machines',
      'ok secret Secret default/east-kubeconfig holds a kubeconfig for https://127.0.0.1:6443',
      'ok placement Placed is True: Single',
      'ok ready Ready is True: Running',
    ]);
    expect(JSON.stringify(findings)).not.to.contain('secret-token');
  });

  it('looks at the cluster that a Machine names which is not placed yet', async () => {
    const waiting = machine({ kubevirtConfigRef: undefined }, { kubevirtConfigRef: { name: 'east' } });
    const findings = lines(await path([...CRDS, config(), waiting]));

    expect(findings[2]).to.equal('warn placement it names east, and is not placed yet');
    expect(findings.find((line) => line.startsWith('fail secret'))).to.match(/it does not exist$/);
    const annotated = { ...machine({ kubevirtConfigRef: undefined }) };
    annotated.metadata = { ...annotated.metadata, annotations: { 'vitistack.io/kubevirt-config': 'default/east' } };
    expect(lines(await path([...CRDS, config(), annotated]))[2]).to.equal('warn placement it names east, and is not placed yet');
  });

  it('says which definition is missing, and nothing that rests on it', async () => {
    expect(lines(await path(CRDS.slice(1)))).to.deep.equal([
      'fail definition missing required CRDs/resources: vitistack.io/v1alpha1 machines',
    ]);
  });

  it('says that there is no such Machine, that it is of another provider, or that no manager has looked at it', async () => {
    expect(lines(await path(CRDS)).at(-1)).to.equal('fail machine Machine team-a/web does not exist');
    expect(lines(await path([...CRDS, machine({}, { provider: 'proxmox' })])).at(-1)).to.equal(
      'fail provider Machine team-a/web is of the provider proxmox, so that virt-steward leaves it alone',
    );
    expect(lines(await path([...CRDS, machine({ conditions: [] })])).at(-1)).to.equal(
      'fail machine no manager has looked at Machine team-a/web yet',
    );
  });

  it('names the right that the caller lacks', async () => {
    const findings = await path([...CRDS, config(), machine({})], ['get secrets']);

    expect(lines(findings)).to.include(
      'warn secret Secret default/east-kubeconfig: not checked, you may not get secrets in namespace default',
    );
  });

  it('says what is wrong with the Secret', async () => {
    const secretOf = async (...objects: FakeObject[]): Promise<string | undefined> =>
      lines(await path([...CRDS, config(), machine({}), ...objects])).find((line) => / secret /.test(line));

    expect(await secretOf()).to.match(/^fail secret failed to get kubeconfig secret .*east-kubeconfig.*: it does not exist$/);
    expect(await secretOf({ ...kubeconfig(), data: {} })).to.match(/^fail secret .*does not contain 'kubeconfig' key$/);
    expect(await secretOf(kubeconfig({ exec: { command: '/bin/sh', apiVersion: 'x' } }))).to.match(/^fail secret .*exec/);
    const expired = `x.${Buffer.from(JSON.stringify({ exp: NOW_MS / 1_000 - 1 })).toString('base64url')}.x`;
    expect(await secretOf(kubeconfig({ token: expired }))).to.match(/^fail secret .*expires at 2025-12-31T23:59:59/);
  });

  it('tells what the manager has found out of the cluster', async () => {
    const conditions = [
      condition('Ready', 'False', 'PermissionsMissing'),
      condition('PermissionsGranted', 'False', 'Missing', 'create secrets'),
      condition('DuplicateCluster', 'True', 'SameCluster', 'KubevirtConfig west is the same cluster'),
    ];
    const status = { phase: 'Degraded', status: 'PermissionsMissing', message: 'rights', conditions };
    const clusters = (await path([...CRDS, config(status), kubeconfig(), machine({})])).filter(({ check }) => check === 'cluster');

    expect(lines(clusters)).to.deep.equal([
      'fail cluster KubevirtConfig east: PermissionsGranted False: Missing: create secrets',
      'warn cluster KubevirtConfig east: DuplicateCluster True: SameCluster: KubevirtConfig west is the same cluster',
    ]);
    const [unreachable] = (
      await path([...CRDS, config({ phase: 'Unreachable', status: 'Timeout', message: 'no answer' }), machine({})])
    ).filter(({ check }) => check === 'cluster');
    expect(unreachable).to.include({ outcome: 'fail', found: 'KubevirtConfig east is Unreachable (Timeout): no answer' });
  });

  it('tells the steps in the order in which they explain the Machine, and its failure', async () => {
    const status = {
      ...{
        phase: 'Failed',
        failureReason: 'Failed to prepare storage for VirtualMachine',
        failureMessage: 'StorageError',
        message: 'no class',
      },
      conditions: [
        condition('Ready', 'False', 'StorageError', 'no class'),
        condition('StorageReady', 'False', 'NoStorageClass', 'no class'),
        condition('SpecValid', 'True', 'Valid'),
      ],
    };
    const findings = lines(await path([...CRDS, config(), kubeconfig(), machine(status)])).slice(5);

    expect(findings).to.deep.equal([
      'ok spec SpecValid is True: Valid',
      'fail disks StorageReady is False: NoStorageClass: no class',
      'warn ready Ready is False: StorageError: no class',
      'fail failure Failed to prepare storage for VirtualMachine (StorageError): no class',
    ]);
  });
});

describe('doctor on the machines module', () => {
  it('asks for a KubevirtConfig where there is none', async () => {
    expect(lines(await machinesChecks(parts(CRDS)))).to.deep.equal([
      'ok definition vitistack.io/v1alpha1 is served, in profile first',
      "warn cluster No KubevirtConfig resources found in namespace 'default'. Please create at least one KubevirtConfig.",
    ]);
  });

  it('tells of every cluster, and names the Machines that have failed', async () => {
    const failed = machine({ phase: 'Failed', failureReason: 'Failed to do it', message: 'this is why' });

    expect(lines(await machinesChecks(parts([...CRDS, config(), kubeconfig(), failed])))).to.deep.equal([
      'ok definition vitistack.io/v1alpha1 is served, in profile first',
      'ok cluster KubevirtConfig east is Ready: https://east, 1 Machines',
      'ok secret Secret default/east-kubeconfig holds a kubeconfig for https://127.0.0.1:6443',
      'ok machines 1 Machines, of which 0 run and 1 have failed',
      'fail machines Machine team-a/web: Failed to do it: this is why',
    ]);
  });
});
