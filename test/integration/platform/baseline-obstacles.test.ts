import { expect } from 'chai';
import { PATCH_ANNOTATION } from '../../../src/platform/keys';
import { poll } from '../../harness/poll';
import { type BaselineStage, BaselineStages } from './baseline-stage';

const MINUTE_MS = 60_000;

describe('what stands in the way of one object on a real API server', () => {
  const stages = new BaselineStages();
  let stage: BaselineStage;

  before(() => stages.open());
  after(() => stages.close());
  beforeEach(async () => {
    stage = await stages.next();
  });
  afterEach(() => stage.close());

  it('a namespace that is missing takes no token, however often it is looked for', async () => {
    const lost = { ...stage.gadget({ size: 1 }), metadata: { name: 'a', namespace: 'nowhere' } };
    for (let i = 0; i < 20; i++) {
      expect(await stage.run(lost)).to.include({ status: 'NamespaceMissing', compliance: undefined });
      expect(await stage.run(lost, { namespaceState: () => 'absent' })).to.include({ status: 'NamespaceMissing' });
    }
    await stage.api.apply({ apiVersion: 'v1', kind: 'Namespace', metadata: { name: 'nowhere' } });
    expect(await stage.run(lost)).to.include({ status: 'Applied' });
  });

  it('a field that the schema does not declare is named, and nothing is written', async () => {
    const wrong = () => stage.gadget({ size: 1, unheard: 'of' });
    expect(await stage.run(wrong())).to.include({ status: 'SchemaMismatch', compliance: 0 });
    expect(await stage.live()).to.equal(undefined);
    await stage.run(stage.gadget({ size: 1 }));
    const outcome = await stage.run(wrong());

    expect(outcome).to.include({ status: 'SchemaMismatch', wrote: false });
    expect(outcome.message).to.contain('.spec.unheard');
    expect(await stage.run(stage.gadget({ size: 'large' }))).to.include({ status: 'SchemaMismatch' });
  });

  it('a patch that the schema does not allow is named as the reason, and so is each next one', async () => {
    await stage.run(stage.gadget({ size: 1 }));
    const messages: (string | undefined)[] = [];
    for (const path of ['/spec/unheard', '/spec/unknown']) {
      await stage.annotate({ [PATCH_ANNOTATION]: JSON.stringify([{ op: 'add', path, value: 1 }]) });
      stage.told();
      messages.push((await stage.run(stage.gadget({ size: 1 }))).message);
      expect(stage.told(), path).to.include('SchemaMismatch');
    }

    for (const message of messages) expect(message).to.contain(`the annotation ${PATCH_ANNOTATION} changes what is sent`);
    expect(messages[0]).to.contain('.spec.unheard');
    expect(messages[1]).to.contain('.spec.unknown');
  });

  it('an exclusion leaves the object untouched, and so do exclusions that cannot be read', async () => {
    await stage.run(stage.gadget({ size: 1 }));
    await stage.mergeAs('a-person', { spec: { size: 2 } });

    expect(await stage.run(stage.gadget({ size: 1 }), { exclusion: { kind: 'excluded' } })).to.include({
      status: 'Excluded',
      compliance: undefined,
    });
    expect(stage.calls).to.deep.equal([]);
    expect(await stage.run(stage.gadget({ size: 1 }), { exclusion: { kind: 'unknown', problem: 'x' } })).to.include({
      status: 'InvalidExclusions',
    });
    expect(await stage.spec()).to.include({ size: 2 });
  });

  it('a rollout that is not due holds a node-level write, and takes no token', async () => {
    stage.rollout = { open: false, reason: 'PoolUpdating', pool: 'worker' };
    const rules = { isNodeLevel: true };
    for (let i = 0; i < 10; i++) {
      expect(await stage.run(stage.gadget({ size: 1 }), { rules })).to.include({ status: 'RolloutPending', reason: 'PoolUpdating' });
    }
    stage.rollout = { open: true };
    expect(await stage.run(stage.gadget({ size: 1 }), { rules })).to.include({ status: 'Applied' });
  });

  it('a policy that refuses the write is told with its words, and tried again later', async () => {
    await installPolicy(stage);
    const outcome = await poll('the policy to be in force', async () => {
      await stage.clock.advance(MINUTE_MS);
      const tried = await stage.run(stage.gadget({ size: 666 }));
      return tried.status === 'Applied' ? void (await stage.delete()) : tried;
    });

    expect(outcome).to.include({ status: 'Rejected', compliance: 0, retryAfterMs: 1_000 });
    expect(outcome.message).to.contain('no such size');
    expect((await stage.run(stage.gadget({ size: 666 }))).retryAfterMs).to.equal(2_000);
    expect(await stage.run(stage.gadget({ size: 1 }))).to.include({ status: 'Applied', compliance: 1 });
  });

  it('a webhook that sets another value than ours is not fought with: the dry-run shows that nothing would change', async () => {
    await installMutation(stage);
    const gadget = () => stage.gadget({ size: 1, color: 'ours' });
    await poll('the policy to be in force', async () => {
      await stage.clock.advance(MINUTE_MS);
      await stage.run(gadget());
      return (await stage.spec())['color'] === 'theirs' || void (await stage.delete());
    });
    const before = await stage.live();

    for (let round = 0; round < 10; round++) {
      expect(await stage.run(gadget(), { isFull: true })).to.include({ status: 'InSync', wrote: false });
    }
    expect(await stage.live()).to.deep.equal(before);
  });

  it('a webhook that does not answer is waited for, and told once it does not pass', async () => {
    await stage.run(stage.gadget({ size: 1 }));
    await stage.mergeAs('a-person', { spec: { size: 2 } });
    stage.told();
    const remove = await installDeadWebhook(stage);
    try {
      const first = await poll('the webhook to be in force', async () => {
        await stage.clock.advance(MINUTE_MS);
        const outcome = await stage.run(stage.gadget({ size: 1, color: String(Math.random()) }));
        return outcome.status === 'Applied' ? false : outcome;
      });
      expect(first).to.include({ status: 'Transient', retryAfterMs: 1_000 });
      expect(await stage.run(stage.gadget({ size: 1 }))).to.include({ status: 'Transient', retryAfterMs: 2_000 });
      const third = await stage.run(stage.gadget({ size: 1 }));
      expect(third).to.include({ status: 'Transient', compliance: 0, retryAfterMs: 4_000 });
      expect(third.message).to.contain('gadgets.example.org');
      expect(stage.told().filter((reason) => reason === 'ApplyFailed')).to.have.length(1);
    } finally {
      await remove();
    }
    await stage.clock.advance(MINUTE_MS);
    await poll('the webhook to be gone', async () => (await stage.run(stage.gadget({ size: 1 }))).compliance === 1);
  });
});

async function installMutation({ api, namespace }: BaselineStage): Promise<void> {
  const root = '/apis/admissionregistration.k8s.io/v1';
  const apiVersion = 'admissionregistration.k8s.io/v1';
  const resourceRules = [{ apiGroups: ['example.org'], apiVersions: ['v1'], operations: ['CREATE', 'UPDATE'], resources: ['gadgets'] }];
  const namespaceSelector = { matchLabels: { 'kubernetes.io/metadata.name': namespace } };
  const mutations = [{ patchType: 'ApplyConfiguration', applyConfiguration: { expression: 'Object{spec: Object.spec{color: "theirs"}}' } }];
  const kind = 'MutatingAdmissionPolicy';
  const spec = { matchConstraints: { resourceRules, namespaceSelector }, reinvocationPolicy: 'Never', failurePolicy: 'Fail', mutations };
  const metadata = { name: namespace };
  await api.ask({ method: 'POST', path: `${root}/mutatingadmissionpolicies`, body: { apiVersion, kind, metadata, spec } });
  const body = { apiVersion, kind: `${kind}Binding`, metadata, spec: { policyName: namespace } };
  await api.ask({ method: 'POST', path: `${root}/mutatingadmissionpolicybindings`, body });
}

/** @returns removes it again. */
async function installDeadWebhook({ api, namespace, controlPlane }: BaselineStage): Promise<() => Promise<void>> {
  const path = '/apis/admissionregistration.k8s.io/v1/validatingwebhookconfigurations';
  const webhook = {
    name: 'gadgets.example.org',
    clientConfig: { url: 'https://127.0.0.1:1/' },
    rules: [{ apiGroups: ['example.org'], apiVersions: ['v1'], operations: ['CREATE', 'UPDATE'], resources: ['gadgets'] }],
    namespaceSelector: { matchLabels: { 'kubernetes.io/metadata.name': namespace } },
    ...{ sideEffects: 'None', admissionReviewVersions: ['v1'], failurePolicy: 'Fail', timeoutSeconds: 1 },
  };
  const body = {
    apiVersion: 'admissionregistration.k8s.io/v1',
    kind: 'ValidatingWebhookConfiguration',
    metadata: { name: namespace },
    webhooks: [webhook],
  };
  await api.ask({ method: 'POST', path, body });
  return async () => {
    await controlPlane.request({ method: 'DELETE', path: `${path}/${namespace}` });
  };
}

async function installPolicy({ api, namespace }: BaselineStage): Promise<void> {
  const root = '/apis/admissionregistration.k8s.io/v1';
  const metadata = { name: namespace };
  const kind = 'ValidatingAdmissionPolicy';
  const apiVersion = 'admissionregistration.k8s.io/v1';
  const rule = { apiGroups: ['example.org'], apiVersions: ['v1'], operations: ['CREATE', 'UPDATE'], resources: ['gadgets'] };
  const validations = [{ expression: 'object.spec.size != 666', message: 'no such size' }];
  await api.ask({
    method: 'POST',
    path: `${root}/validatingadmissionpolicies`,
    body: { apiVersion, kind, metadata, spec: { matchConstraints: { resourceRules: [rule] }, validations } },
  });
  const spec = { policyName: namespace, validationActions: ['Deny'] };
  await api.ask({
    method: 'POST',
    path: `${root}/validatingadmissionpolicybindings`,
    body: { apiVersion, kind: `${kind}Binding`, metadata, spec },
  });
}
