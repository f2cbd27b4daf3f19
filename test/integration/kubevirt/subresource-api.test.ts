import { readFileSync } from 'node:fs';
import { get } from 'node:https';
import { join } from 'node:path';
import { expect } from 'chai';
import { poll } from '../../harness/poll';
import type { StateChangeRequest } from '../../kubevirt/objects';
import type { VirtualMachine, VmiPhase } from '../../kubevirt/stand-in';
import { NAMESPACE, type NewVm, Rig } from './rig';

const START = { action: 'Start' } as const;

interface Row {
  readonly id: string;
  readonly spec: NonNullable<NewVm['spec']>;
  readonly phase?: VmiPhase;
  readonly status?: object;
  readonly body?: object;
  readonly code: number;
  readonly text?: RegExp;
  /** Spec after the call; the spec before where absent. */
  readonly specAfter?: object;
  /** Queue after the call. */
  readonly queue?: (vmiUid: string) => readonly StateChangeRequest[];
}

const RECOVERY = { conditions: [{ type: 'ManualRecoveryRequired', status: 'True' }] };
const STOPPED = { printableStatus: 'Stopped' };

const TABLE: readonly Row[] = [
  { id: 'active', spec: { runStrategy: 'Manual' }, phase: 'Scheduling', code: 409, text: /already running/ },
  { id: 'recovery', spec: { runStrategy: 'Manual' }, status: RECOVERY, code: 409, text: /recovery/ },
  { id: 'halted', spec: { runStrategy: 'Halted' }, code: 202, specAfter: { runStrategy: 'Always' } },
  { id: 'halted-final', spec: { runStrategy: 'Halted' }, phase: 'Failed', code: 202, specAfter: { runStrategy: 'Always' } },
  { id: 'running-false', spec: { running: false }, code: 202, specAfter: { running: true } },
  { id: 'neither', spec: {}, code: 202, specAfter: { running: true } },
  {
    id: 'halted-paused',
    spec: { runStrategy: 'Halted' },
    body: { paused: true },
    code: 202,
    queue: () => [{ action: 'Start', data: { paused: 'true' } }],
  },
  { id: 'manual', spec: { runStrategy: 'Manual' }, code: 202, queue: () => [START] },
  { id: 'manual-with-status', spec: { runStrategy: 'Manual' }, status: STOPPED, code: 202, queue: () => [START] },
  { id: 'rerun-unknown', spec: { runStrategy: 'RerunOnFailure' }, phase: 'Unknown', status: STOPPED, code: 202, queue: () => [START] },
  { id: 'manual-final', spec: { runStrategy: 'Manual' }, phase: 'Failed', code: 202, queue: (uid) => [{ action: 'Stop', uid }, START] },
  {
    id: 'rerun-succeeded',
    spec: { runStrategy: 'RerunOnFailure' },
    phase: 'Succeeded',
    code: 202,
    queue: (uid) => [{ action: 'Stop', uid }, START],
  },
  {
    id: 'underway',
    spec: { runStrategy: 'Manual' },
    status: { stateChangeRequests: [START] },
    code: 500,
    text: /already underway/,
    queue: () => [START],
  },
  { id: 'rerun-failed', spec: { runStrategy: 'RerunOnFailure' }, phase: 'Failed', code: 409, text: /failed state/ },
  { id: 'always', spec: { runStrategy: 'Always' }, code: 409, text: /does not support manual start/ },
  { id: 'running-true', spec: { running: true }, phase: 'Succeeded', code: 409, text: /does not support manual start/ },
  { id: 'once', spec: { runStrategy: 'Once' }, code: 409, text: /does not support manual start/ },
  { id: 'receiver', spec: { runStrategy: 'WaitAsReceiver' }, code: 202 },
  { id: 'both', spec: { running: false, runStrategy: 'Manual' }, code: 500, text: /mutually exclusive/ },
  { id: 'dry-run', spec: { runStrategy: 'Halted' }, body: { dryRun: ['All'] }, code: 202 },
];

describe('the subresource API of the KubeVirt stand-in, through the API server', () => {
  let rig: Rig;
  before(async () => {
    rig = await Rig.start({ controller: false });
  });
  after(() => rig?.stop());
  afterEach(() => rig.kubevirt.faults.clear());

  const subresource = (name: string, verb: string, resource = 'virtualmachines'): string =>
    `/apis/subresources.kubevirt.io/v1/namespaces/${NAMESPACE}/${resource}/${name}/${verb}`;

  for (const { id, spec, phase, status, body, code, text, specAfter, queue } of TABLE) {
    it(`start row ${id}: answers ${code} and leaves the VM as KubeVirt would`, async () => {
      await rig.createVm({ name: id, spec });
      if (status !== undefined) await rig.patchVm(id, { status }, '/status');
      const vmi = phase === undefined ? undefined : await rig.createVmi(id, phase);

      const answer = await rig.kubevirt.call('start', { namespace: NAMESPACE, name: id }, body);

      expect(answer.code).to.equal(code);
      if (text === undefined) {
        expect(answer.text).to.equal('');
        expect(answer.headers['content-type']).to.equal(undefined);
      } else {
        expect(JSON.parse(answer.text)).to.deep.include({ kind: 'Status', status: 'Failure', code });
        expect(JSON.parse(answer.text).message).to.match(text);
      }
      const { template: _template, ...after } = (await rig.vm(id)).spec;
      expect(after).to.deep.equal(specAfter ?? spec);
      expect((await rig.vm(id)).status?.stateChangeRequests).to.deep.equal(queue?.(vmi?.metadata.uid ?? ''));
    });
  }

  it('removes startFailure together with the request', async () => {
    await rig.createVm({ name: 'start-failure', spec: { runStrategy: 'RerunOnFailure' } });
    const startFailure = { consecutiveFailCount: 1, lastFailedVMIUID: 'x', retryAfterTimestamp: '2026-01-01T00:00:00Z' };
    await rig.patchVm('start-failure', { status: { startFailure } }, '/status');

    expect((await rig.kubevirt.call('start', { namespace: NAMESPACE, name: 'start-failure' })).code).to.equal(202);

    expect((await rig.vm('start-failure')).status).to.deep.equal({ stateChangeRequests: [START] });
  });

  it('answers 404 for a missing VM, 405 for POST and 400 for a body that is no object', async () => {
    await rig.createVm({ name: 'forms', spec: { runStrategy: 'Manual' } });

    expect((await rig.kubevirt.call('start', { namespace: NAMESPACE, name: 'gone' })).code).to.equal(404);
    expect((await rig.controlPlane.request({ method: 'POST', path: subresource('forms', 'start') })).status).to.equal(405);
    const malformed = await rig.kubevirt.call('start', { namespace: NAMESPACE, name: 'forms' }, 'not json');
    expect([malformed.code, JSON.parse(malformed.text).reason]).to.deep.equal([400, 'BadRequest']);
  });

  it('answers 409 to one of two starts that run into each other, and writes once', async () => {
    await rig.createVm({ name: 'race', spec: { runStrategy: 'Halted' } });

    const answers = await Promise.all(Array.from({ length: 8 }, () => rig.kubevirt.call('start', { namespace: NAMESPACE, name: 'race' })));

    const codes = answers.map((answer) => answer.code);
    expect(codes.filter((code) => code === 202)).to.have.length(1);
    expect(codes.filter((code) => code === 409)).to.have.length(7);
    expect(rig.kubevirt.journal.calls({ name: 'race', wrote: true })).to.have.length(1);
  });

  it('answers 500 with the cause when the patch is refused by an admission policy', async () => {
    await rig.createVm({ name: 'snapshotting', spec: { runStrategy: 'Halted' } });
    await forbidUpdatesOf(rig, 'snapshotting');

    const answer = await pollUntilRefused(rig, 'snapshotting');

    expect(answer.code).to.equal(500);
    expect(JSON.parse(answer.text).message).to.match(/^Internal error occurred: .*snapshot in progress/);
  });

  it('pauses, unpauses and refuses as KubeVirt does', async () => {
    const target = { namespace: NAMESPACE, name: 'paused' };
    expect((await rig.kubevirt.call('unpause', target)).code).to.equal(404);
    await rig.createVmi('paused', 'Running');
    expect((await rig.kubevirt.call('unpause', target)).code).to.equal(409);

    expect((await rig.kubevirt.call('pause', target)).code).to.equal(200);
    expect((await rig.vmi('paused'))?.status?.conditions?.[0]).to.deep.include({ type: 'Paused', status: 'True' });
    expect((await rig.kubevirt.call('unpause', target)).code).to.equal(200);
    expect((await rig.vmi('paused'))?.status?.conditions).to.deep.equal([]);
  });

  it('lets a service account start only with its right to update virtualmachines/start, and names it in the journal', async () => {
    await rig.createVm({ name: 'guarded', spec: { runStrategy: 'Manual' } });
    const token = await serviceAccount(rig, 'waker');

    const denied = await rig.controlPlane.request({ method: 'PUT', path: subresource('guarded', 'start') }, token);
    expect(denied.status).to.equal(403);
    expect(rig.kubevirt.journal.calls({ name: 'guarded' })).to.deep.equal([]);

    await grantStart(rig, 'waker');
    // The API server learns of roles by a watch; until then it refuses before it asks anybody.
    const start = { method: 'PUT', path: subresource('guarded', 'start') } as const;
    await poll('the start to be allowed', async () => (await rig.controlPlane.request(start, token)).status === 202);
    expect(rig.kubevirt.journal.calls({ name: 'guarded' })[0]).to.deep.include({
      user: `system:serviceaccount:${NAMESPACE}:waker`,
      code: 202,
      wrote: true,
    });
    expect((await rig.controlPlane.request({ method: 'PUT', path: subresource('guarded', 'stop') }, token)).status).to.equal(403);
  });

  it('answers 401 in plain text to whoever comes round the API server', async () => {
    const { code, type, text } = await direct(rig.kubevirt.port, subresource('any', 'start'));

    expect([code, type]).to.deep.equal([401, 'text/plain; charset=utf-8']);
    expect(text).to.equal('request is not authenticated');
    expect((await direct(rig.kubevirt.port, '/apis/subresources.kubevirt.io/v1')).code).to.equal(200);
  });

  it('asks again whether a user may start, also when the front proxy vouches for the user', async () => {
    await rig.createVm({ name: 'reviewed', spec: { runStrategy: 'Manual' } });
    const frontProxy = frontProxyOf(rig);

    const nobody = await direct(rig.kubevirt.port, subresource('reviewed', 'start'), {
      ...frontProxy,
      user: 'nobody',
      group: 'system:authenticated',
    });
    const admin = await direct(rig.kubevirt.port, subresource('reviewed', 'start'), {
      ...frontProxy,
      user: 'root',
      group: 'system:masters',
    });

    expect([nobody.code, nobody.type]).to.deep.equal([401, 'text/plain; charset=utf-8']);
    expect(admin.code).to.equal(405);
    expect((await rig.vm('reviewed')).status).to.equal(undefined);
  });

  it('is found by discovery', async () => {
    const { body } = await rig.controlPlane.request({ path: '/apis/subresources.kubevirt.io/v1' });
    expect((body as { resources: { name: string }[] }).resources.map(({ name }) => name)).to.include.members([
      'virtualmachines/start',
      'virtualmachineinstances/unpause',
    ]);
  });

  it('meets each queued fault exactly once and writes nothing for those that refuse', async () => {
    await rig.createVm({ name: 'faulty', spec: { runStrategy: 'Manual' } });
    const target = { namespace: NAMESPACE, name: 'faulty' };
    rig.kubevirt.faults.failNext('start', { kind: 'answer', code: 500 });
    rig.kubevirt.faults.failNext('start', { kind: 'answer', code: 503, retryAfterSeconds: 1 });
    rig.kubevirt.faults.failNext('start', { kind: 'cut' });
    rig.kubevirt.faults.failNext('start', { kind: 'cutAfterWrite' });

    const codes: number[] = [];
    for (let i = 0; i < 5; i++) codes.push((await rig.kubevirt.call('start', target)).code);

    // A cut connection reaches the client as the API server's own 503; after the write the request is queued, hence the 500.
    expect(codes).to.deep.equal([500, 503, 503, 503, 500]);
    expect(rig.kubevirt.journal.calls({ name: 'faulty' }).map(({ code, wrote }) => [code, wrote])).to.deep.equal([
      [500, false],
      [503, false],
      [0, false],
      [0, true],
      [500, false],
    ]);
  });

  it('validates what KubeVirt validates in its CRD, and keeps unknown fields', async () => {
    const path = `/apis/kubevirt.io/v1/namespaces/${NAMESPACE}/virtualmachines`;
    const vm = (spec: object): object => ({ apiVersion: 'kubevirt.io/v1', kind: 'VirtualMachine', metadata: { generateName: 'x-' }, spec });
    const template = { spec: { domain: { devices: {} }, volumes: [{ name: 'root' }] } };

    expect((await rig.controlPlane.request({ method: 'POST', path, body: vm({}) })).status).to.equal(422);
    expect((await rig.controlPlane.request({ method: 'POST', path, body: vm({ template, running: 'yes' }) })).status).to.equal(422);
    const { status, body } = await rig.controlPlane.request({ method: 'POST', path, body: vm({ template }) });
    expect(status).to.equal(201);
    expect((body as VirtualMachine).spec.template?.spec?.['volumes']).to.deep.equal([{ name: 'root' }]);
  });
});

async function serviceAccount(rig: Rig, name: string): Promise<string> {
  const body = { apiVersion: 'v1', kind: 'ServiceAccount', metadata: { name } };
  await rig.controlPlane.request({ method: 'POST', path: `/api/v1/namespaces/${NAMESPACE}/serviceaccounts`, body });
  return rig.controlPlane.serviceAccountToken(NAMESPACE, name);
}

async function grantStart(rig: Rig, account: string): Promise<void> {
  const rbac = `/apis/rbac.authorization.k8s.io/v1/namespaces/${NAMESPACE}`;
  const rules = [{ apiGroups: ['subresources.kubevirt.io'], resources: ['virtualmachines/start'], verbs: ['update'] }];
  const role = { apiVersion: 'rbac.authorization.k8s.io/v1', kind: 'Role', metadata: { name: 'start' }, rules };
  const binding = {
    apiVersion: 'rbac.authorization.k8s.io/v1',
    kind: 'RoleBinding',
    metadata: { name: 'start' },
    roleRef: { apiGroup: 'rbac.authorization.k8s.io', kind: 'Role', name: 'start' },
    subjects: [{ kind: 'ServiceAccount', name: account, namespace: NAMESPACE }],
  };
  await rig.controlPlane.request({ method: 'POST', path: `${rbac}/roles`, body: role });
  await rig.controlPlane.request({ method: 'POST', path: `${rbac}/rolebindings`, body: binding });
}

/** Refuses updates of one VM as KubeVirt's webhook does while a snapshot is taken. */
async function forbidUpdatesOf(rig: Rig, name: string): Promise<void> {
  const root = '/apis/admissionregistration.k8s.io/v1';
  const policy = {
    apiVersion: 'admissionregistration.k8s.io/v1',
    kind: 'ValidatingAdmissionPolicy',
    metadata: { name },
    spec: {
      failurePolicy: 'Fail',
      matchConstraints: {
        resourceRules: [{ apiGroups: ['kubevirt.io'], apiVersions: ['v1'], operations: ['UPDATE'], resources: ['virtualmachines'] }],
      },
      validations: [{ expression: `object.metadata.name != '${name}'`, message: 'snapshot in progress' }],
    },
  };
  const binding = {
    apiVersion: 'admissionregistration.k8s.io/v1',
    kind: 'ValidatingAdmissionPolicyBinding',
    metadata: { name },
    spec: { policyName: name, validationActions: ['Deny'] },
  };
  await rig.controlPlane.request({ method: 'POST', path: `${root}/validatingadmissionpolicies`, body: policy });
  await rig.controlPlane.request({ method: 'POST', path: `${root}/validatingadmissionpolicybindings`, body: binding });
}

/** A policy takes effect some moments after it was created: dry runs tell when, without changing the VM. */
async function pollUntilRefused(rig: Rig, name: string): ReturnType<Rig['kubevirt']['call']> {
  await poll('the policy to take effect', async () => {
    const { code } = await rig.kubevirt.call('start', { namespace: NAMESPACE, name }, { dryRun: ['All'] });
    return code === 500 ? true : undefined;
  });
  return rig.kubevirt.call('start', { namespace: NAMESPACE, name });
}

interface Caller {
  readonly cert?: string;
  readonly key?: string;
  readonly user: string;
  readonly group: string;
}

/** What the API server shows to servers behind it. */
function frontProxyOf(rig: Rig): { cert: string; key: string } {
  const read = (file: string): string => readFileSync(join(rig.controlPlane.directory, 'pki', file), 'utf8');
  return { cert: read('front-proxy-client.crt'), key: read('front-proxy-client.key') };
}

/** A GET round the API server. */
function direct(
  port: number,
  path: string,
  caller: Caller = { user: 'admin', group: 'system:masters' },
): Promise<{ code: number; type: string | undefined; text: string }> {
  const { user, group, ...tls } = caller;
  const headers = { 'x-remote-user': user, 'x-remote-group': group };
  return new Promise((resolve, reject) => {
    const outgoing = get({ host: '127.0.0.1', port, path, rejectUnauthorized: false, agent: false, headers, ...tls }, (response) => {
      let text = '';
      response.setEncoding('utf8');
      response.on('data', (chunk: string) => {
        text += chunk;
      });
      response.once('end', () => resolve({ code: response.statusCode ?? 0, type: response.headers['content-type'], text }));
    });
    outgoing.once('error', reject);
  });
}
