import { expect } from 'chai';
import { poll } from '../../harness/poll';
import { expectStarted, ReportingAgent } from '../../harness/reporting-agent';
import { NAMESPACE, SERVICE_ACCOUNT, StewardCluster, type TestObject } from '../../harness/steward-cluster';
import { type ManagerProcess, startManager } from '../../harness/steward-processes';
import { aVm, aWolConfig, testMac } from '../../harness/virtual-machines';
import { untilEvent, untilStatus } from '../../harness/wol-objects';

interface Action {
  readonly verb: string;
  readonly group?: string;
  /** With its subresource behind a slash. */
  readonly resource: string;
  readonly namespace?: string;
}

interface Rule {
  readonly apiGroups: readonly string[];
  readonly resources: readonly string[];
  readonly verbs: readonly string[];
}

const VM_GROUP = 'kubevirt.io';
const SUBRESOURCES = 'subresources.kubevirt.io';
const WOL_GROUP = 'wol.pillon.org';
const RBAC_GROUP = 'rbac.authorization.k8s.io';
const ROLE = { apiVersion: `${RBAC_GROUP}/v1`, kind: 'ClusterRole', metadata: { name: 'virt-steward-manager' } };

const actions = (verbs: readonly string[], group: string, resource: string): Action[] => verbs.map((verb) => ({ verb, group, resource }));
/** In the namespace of the manager, and no other. */
const here = (list: readonly Action[]): Action[] => list.map((action) => ({ ...action, namespace: NAMESPACE }));

const NEEDED: readonly Action[] = [
  ...actions(['list', 'watch'], VM_GROUP, 'virtualmachines'),
  ...actions(['list', 'watch'], VM_GROUP, 'virtualmachineinstances'),
  ...actions(['list', 'watch'], WOL_GROUP, 'wolconfigs'),
  ...actions(['patch'], WOL_GROUP, 'wolconfigs/status'),
  ...actions(['update'], SUBRESOURCES, 'virtualmachines/start'),
  ...actions(['update'], SUBRESOURCES, 'virtualmachineinstances/unpause'),
  ...actions(['create', 'patch'], 'events.k8s.io', 'events'),
  ...actions(['create'], 'authentication.k8s.io', 'tokenreviews'),
  ...actions(['create'], 'authorization.k8s.io', 'subjectaccessreviews'),
  ...actions(['update'], WOL_GROUP, 'wolconfigs/finalizers'),
  ...here(actions(['get', 'list', 'watch', 'create', 'update', 'patch'], 'apps', 'daemonsets')),
  ...here(actions(['list', 'watch'], '', 'services')),
  ...here(actions(['list', 'watch'], '', 'serviceaccounts')),
];

const WRITES = ['create', 'update', 'patch', 'delete', 'deletecollection'];
const FORBIDDEN: readonly Action[] = [
  ...actions(WRITES, VM_GROUP, 'virtualmachines'),
  ...actions(['update', 'patch'], VM_GROUP, 'virtualmachines/status'),
  ...actions(WRITES, VM_GROUP, 'virtualmachineinstances'),
  ...actions(['update'], SUBRESOURCES, 'virtualmachines/stop'),
  ...actions(['update'], SUBRESOURCES, 'virtualmachines/restart'),
  ...actions(['update'], SUBRESOURCES, 'virtualmachineinstances/pause'),
  ...actions(['get'], SUBRESOURCES, 'virtualmachineinstances/console'),
  ...actions(['get'], SUBRESOURCES, 'virtualmachineinstances/vnc'),
  ...actions(WRITES, WOL_GROUP, 'wolconfigs'),
  ...actions(['get', 'list', 'watch', 'create', 'update'], '', 'secrets'),
  ...actions(['list', 'create', 'delete'], '', 'pods'),
  ...actions(['create'], '', 'pods/exec'),
  ...actions(['list', 'patch'], '', 'nodes'),
  ...actions(['list', 'create'], '', 'configmaps'),
  ...actions(['create'], '', 'serviceaccounts/token'),
  ...actions(['impersonate'], '', 'users'),
  ...actions(['list', 'create', 'patch', 'delete'], 'apps', 'daemonsets'),
  ...here(actions(['delete', 'deletecollection'], 'apps', 'daemonsets')),
  ...here(actions(WRITES, 'apps', 'deployments')),
  ...here(actions(WRITES, '', 'services')),
  ...here(actions(WRITES, '', 'serviceaccounts')),
  ...actions(['list'], '', 'services'),
  ...actions(['create', 'update', 'patch', 'bind', 'escalate'], RBAC_GROUP, 'clusterroles'),
  ...actions(['create', 'update', 'patch'], RBAC_GROUP, 'clusterrolebindings'),
  ...actions(['create', 'update', 'patch', 'delete'], 'apiextensions.k8s.io', 'customresourcedefinitions'),
  ...actions(['create', 'update', 'patch'], 'admissionregistration.k8s.io', 'validatingwebhookconfigurations'),
];

describe('the rights of the manager', () => {
  let cluster: StewardCluster;
  let manager: ManagerProcess;
  let reporter: ReportingAgent;
  let token: string;

  before(async function () {
    this.timeout(0);
    cluster = await StewardCluster.start({ modules: 'wol' });
    token = await cluster.controlPlane.serviceAccountToken(NAMESPACE, SERVICE_ACCOUNT);
    await cluster.api.apply(aWolConfig('all'));
    await cluster.api.apply(aVm({ name: 'guarded', mac: testMac(1) }));
    await cluster.api.apply(aVm({ name: 'other', mac: testMac(2) }));
    manager = await startManager(cluster);
    reporter = new ReportingAgent(manager.grpcPort);
    await untilStatus(cluster.api, 'all', 'to count both', ({ managedVMs }) => managedVMs === 2);
  });

  after(async () => {
    reporter?.close();
    await manager?.process.stop();
    await cluster?.stop();
  });

  /** Asks the API server as the service account itself. */
  async function mayDo({ verb, group = '', resource, namespace }: Action): Promise<boolean> {
    const [name, subresource] = resource.split('/');
    const resourceAttributes = { verb, group, resource: name, subresource, namespace };
    const body = { apiVersion: 'authorization.k8s.io/v1', kind: 'SelfSubjectAccessReview', spec: { resourceAttributes } };
    const path = '/apis/authorization.k8s.io/v1/selfsubjectaccessreviews';
    const answer = await cluster.controlPlane.request({ method: 'POST', path, body }, token);
    expect(answer.status, JSON.stringify(answer.body)).to.equal(201);
    return (answer.body as { status: { allowed: boolean } }).status.allowed;
  }

  const text = ({ verb, group, resource, namespace }: Action): string =>
    `${verb} ${resource}${group === '' ? '' : `.${group}`}${namespace === undefined ? '' : ` in ${namespace}`}`;

  for (const action of NEEDED) {
    it(`include ${text(action)}`, async () => expect(await mayDo(action)).to.equal(true));
  }

  for (const action of FORBIDDEN) {
    it(`do not include ${text(action)}`, async () => expect(await mayDo(action)).to.equal(false));
  }

  it('are all asked for by a reason: no rule has a wildcard', async () => {
    const { rules } = (await cluster.api.get<TestObject & { rules: Rule[] }>(ROLE))!;

    for (const { apiGroups, resources, verbs } of rules) expect([...apiGroups, ...resources, ...verbs]).to.not.include('*');
  });

  it('missing for virtualmachines/start make a wake fail with Forbidden, told by Events, until they are back', async () => {
    const role = (await cluster.api.get<TestObject & { rules: Rule[] }>(ROLE))!;
    const rules = role.rules.filter(({ resources }) => !resources.includes('virtualmachines/start'));
    expect(rules).to.have.length(role.rules.length - 1);
    const start = { verb: 'update', group: SUBRESOURCES, resource: 'virtualmachines/start', namespace: 'default' };

    cluster.expectDenial(`update virtualmachines/start.${SUBRESOURCES}`);
    await cluster.api.mergePatch(ROLE, { rules });
    await poll('the API server to refuse', async () => !(await mayDo(start)));
    let packets = 0;
    // Whoever is not answered within 3 s is told that his wake goes on.
    const answer = await poll('the failure', async () => {
      packets++;
      const told = await reporter.report(testMac(1));
      return told.status === 'ACCEPTED' ? undefined : told;
    });

    expect(answer).to.include({ status: 'ERROR', vm: 'default/guarded' });
    expect(answer.message)
      .to.match(/^Forbidden: /)
      .and.to.contain('virtualmachines/start');
    for (const [kind, name] of [['VirtualMachine', 'guarded'] as const, ['WolConfig', 'all'] as const]) {
      const event = await untilEvent(cluster.api, kind, name, 'WakeFailed');
      expect(event.type).to.equal('Warning');
      expect(event.note)
        .to.match(/^Forbidden: /)
        .and.to.contain('virtualmachines/start');
    }
    await untilStatus(cluster.api, 'all', 'to have a failed wake', ({ lastWake }) => lastWake?.result === 'Failed');
    const errors = /^wol_errors_total\{config="all",reason="Forbidden"\} (\d+)$/m.exec(await manager.metrics())?.[1];
    expect(Number(errors)).to.be.within(1, packets);
    expect(cluster.kubevirt.journal.calls({ verb: 'start' })).to.deep.equal([]);

    await cluster.api.mergePatch(ROLE, { rules: role.rules });
    await poll('the API server to allow', () => mayDo(start));

    const again = await reporter.report(testMac(1));
    // A failure is not remembered as a wake.
    expectStarted(again, 'default/guarded');
    await poll('the start', () => cluster.kubevirt.journal.calls({ verb: 'start', name: 'guarded', code: 202 }).length > 0);
    expect(cluster.kubevirt.journal.calls({ verb: 'start', name: 'guarded', code: 202 })).to.have.length(1);
  });

  it('are those with which it calls: the start is made by its service account', async () => {
    await reporter.untilWakes(testMac(2), 'default/other');

    const call = await poll('the start', () => cluster.kubevirt.journal.calls({ verb: 'start', name: 'other' })[0]);
    expect(call.user).to.equal(`system:serviceaccount:${NAMESPACE}:${SERVICE_ACCOUNT}`);
  });
});
