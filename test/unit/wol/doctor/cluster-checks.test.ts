import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect } from 'chai';
import { parse } from 'yaml';
import type { RbacRule } from '../../../../src/framework';
import { ClusterView } from '../../../../src/kubevirt/diagnosis/cluster-view';
import type { Finding } from '../../../../src/kubevirt/diagnosis/finding';
import { agentChecks, receptionOf } from '../../../../src/wol/doctor/agent-checks';
import { configChecks } from '../../../../src/wol/doctor/config-checks';
import type { Check } from '../../../../src/wol/doctor/context';
import { definitionChecks, FIELDS } from '../../../../src/wol/doctor/definition-checks';
import { kubevirtChecks } from '../../../../src/wol/doctor/kubevirt-checks';
import { mapChecks } from '../../../../src/wol/doctor/map-checks';
import { rightsChecks } from '../../../../src/wol/doctor/rights-checks';
import { aVm, aWolConfig } from '../../../harness/virtual-machines';
import { aContext, type FakeClusterOptions, type FakeObject, fakeClient, NAMESPACE, SERVED } from './fake-cluster';

const DEFINITION = parse(
  readFileSync(join(__dirname, '..', '..', '..', '..', '..', 'crds', 'wol.pillon.org_wolconfigs.yaml'), 'utf8'),
) as FakeObject & {
  spec: { versions: { schema: { openAPIV3Schema: { properties: Record<string, { properties: Record<string, unknown> }> } } }[] };
};

async function run(check: Check, options: FakeClusterOptions = {}, rules: readonly RbacRule[] = []): Promise<Finding[]> {
  return check(await aContext(options, rules));
}

const outcomes = (findings: readonly Finding[], check?: string): string[] =>
  findings.filter((finding) => check === undefined || finding.check === check).map(({ outcome }) => outcome);

const config = (name: string, conditions: readonly object[], fields: object = {}): FakeObject => {
  const object = aWolConfig(name) as FakeObject;
  return { ...object, metadata: { name, generation: 1 }, status: { observedGeneration: 1, conditions, ...fields } };
};
const condition = (type: string, status: string, reason: string, message = ''): object => ({ type, status, reason, message });

const daemonSet = (name: string, ready: number, desired: number, namespace = NAMESPACE): FakeObject => ({
  apiVersion: 'apps/v1',
  kind: 'DaemonSet',
  metadata: {
    name: `wol-agent-${name}`,
    namespace,
    labels: { app: 'wol-agent', 'wol.pillon.org/wolconfig': name },
    annotations: { 'wol.pillon.org/health-port': '8080' },
  },
  spec: { template: { spec: { containers: [{ name: 'agent' }] } } },
  status: { desiredNumberScheduled: desired, numberReady: ready },
});
/** As kubevirt-wol wrote it. */
const unmarked = (namespace: string): FakeObject => {
  const object = daemonSet('old', 1, 1, namespace);
  return { ...object, metadata: { ...object.metadata, annotations: {} } };
};
const agentPod = (node: string, ready: boolean): FakeObject => ({
  apiVersion: 'v1',
  kind: 'Pod',
  metadata: { name: `agent-${node}`, namespace: NAMESPACE, labels: { app: 'wol-agent', 'wol.pillon.org/wolconfig': 'lab' } },
  spec: { nodeName: node },
  status: { conditions: [{ type: 'Ready', status: ready ? 'True' : 'False' }] },
});
const node = (name: string): FakeObject => ({ apiVersion: 'v1', kind: 'Node', metadata: { name } });
const operatorNamespace = (level?: string): FakeObject => ({
  apiVersion: 'v1',
  kind: 'Namespace',
  metadata: { name: NAMESPACE, labels: level === undefined ? {} : { 'pod-security.kubernetes.io/enforce': level } },
});

const withAccount = (object: FakeObject, name: string): FakeObject => ({
  ...object,
  spec: { template: { spec: { serviceAccountName: name, containers: [{ name: 'agent' }] } } },
});

describe('the service account of agents', () => {
  it('is named, with how to make it, when agents are not ready because it is missing', async () => {
    const objects = [aWolConfig('lab') as FakeObject, withAccount(daemonSet('lab', 0, 1), 'wol')];
    const [found] = (await run(agentChecks, { objects })).filter(({ check }) => check === 'agents');
    expect(found).to.include({ outcome: 'fail', remedy: `kubectl -n ${NAMESPACE} create serviceaccount wol` });
    expect(found?.found).to.contain(`ServiceAccount ${NAMESPACE}/wol, which their pods run as, does not exist`);

    const account: FakeObject = { apiVersion: 'v1', kind: 'ServiceAccount', metadata: { name: 'wol', namespace: NAMESPACE } };
    const [other] = (await run(agentChecks, { objects: [...objects, account] })).filter(({ check }) => check === 'agents');
    expect(other?.found).to.not.contain('ServiceAccount');
  });
});

describe('the check of KubeVirt', () => {
  it('is ok when objects and calls are served', async () => {
    expect(outcomes(await run(kubevirtChecks))).to.deep.equal(['ok', 'ok']);
  });

  it('fails without KubeVirt, and tells what to install', async () => {
    const findings = await run(kubevirtChecks, { served: { 'wol.pillon.org/v1beta1': ['wolconfigs'] } });
    expect(outcomes(findings)).to.deep.equal(['fail', 'fail']);
    expect(findings[0]).to.include({ found: 'kubevirt.io/v1 is not served', remedy: 'install KubeVirt; the manager notices by itself' });
  });

  it('fails when virt-api does not answer, and when it does not know the call', async () => {
    expect(outcomes(await run(kubevirtChecks, { served: { ...SERVED, 'subresources.kubevirt.io/v1': 'unavailable' } }))).to.deep.equal([
      'ok',
      'fail',
    ]);
    const [, calls] = await run(kubevirtChecks, { served: { ...SERVED, 'subresources.kubevirt.io/v1': ['virtualmachines/start'] } });
    expect(calls?.found).to.contain('lacks virtualmachineinstances/unpause');
  });
});

describe('the check of the definition', () => {
  it('knows every field of spec and status, and no other', () => {
    const { properties } = DEFINITION.spec.versions[0]!.schema.openAPIV3Schema;
    for (const part of ['spec', 'status'] as const) {
      expect([...FIELDS[part]].sort()).to.deep.equal(Object.keys(properties[part]!.properties).sort());
    }
  });

  it('is ok with the definition of this version', async () => {
    expect(outcomes(await run(definitionChecks, { objects: [DEFINITION] }))).to.deep.equal(['ok']);
  });

  it('fails when the API is not served, and with the definition of another version', async () => {
    expect(outcomes(await run(definitionChecks, { served: {} }))).to.deep.equal(['fail']);
    const older = structuredClone(DEFINITION);
    delete older.spec.versions[0]!.schema.openAPIV3Schema.properties['status']!.properties['agentProblems'];
    const [finding] = await run(definitionChecks, { objects: [older] });
    expect(finding).to.include({ outcome: 'fail' });
    expect(finding?.found).to.contain('status.agentProblems');
  });

  it('warns, naming the right, when the caller may not read definitions', async () => {
    const [finding] = await run(definitionChecks, { denied: ['get customresourcedefinitions'] });
    expect(finding).to.deep.include({ outcome: 'warn', remedy: 'ask for the right to get customresourcedefinitions.apiextensions.k8s.io' });
  });
});

describe('the check of the rights of the manager', () => {
  const rules: readonly RbacRule[] = [
    {
      group: 'subresources.kubevirt.io',
      resource: 'virtualmachines/start',
      verbs: ['update'],
      names: [],
      namespace: undefined,
      reasons: [],
    },
    { group: '', resource: 'secrets', verbs: ['get'], names: ['a', 'b'], namespace: NAMESPACE, reasons: [] },
  ];
  const binding: FakeObject = {
    apiVersion: 'rbac.authorization.k8s.io/v1',
    kind: 'ClusterRoleBinding',
    metadata: { name: 'virt-steward-manager' },
    subjects: [{ kind: 'ServiceAccount', name: 'steward', namespace: NAMESPACE }],
  };

  it('is ok when the account that the roles are bound to may do everything', async () => {
    const findings = await run(rightsChecks, { objects: [binding] }, rules);
    expect(outcomes(findings)).to.deep.equal(['ok']);
    expect(findings[0]?.found).to.contain(`system:serviceaccount:${NAMESPACE}:steward has`);
  });

  it('fails when something is missing, names it, and prints the command that mends it', async () => {
    const [finding] = await run(rightsChecks, { refused: ['get secrets'] }, rules);
    expect(finding).to.include({ outcome: 'fail' });
    expect(finding?.found).to.contain(`may not get secrets a in ${NAMESPACE}, get secrets b in ${NAMESPACE}`);
    expect(finding?.remedy).to.contain(
      `virt-steward rbac --namespace=${NAMESPACE} --service-account=virt-steward-manager | kubectl apply -f -`,
    );
  });

  it('names a right once, also where several rules and optional ones grant it', async () => {
    const twice: RbacRule = { group: 'authentication.k8s.io', resource: 'tokenreviews', verbs: ['create'], names: [] } as never;
    const context = await aContext({ refused: ['create tokenreviews'] }, [twice, twice]);
    const findings = await rightsChecks({ ...context, optionalRules: [twice] });
    expect(outcomes(findings)).to.deep.equal(['fail']);
    expect(findings[0]?.found.match(/tokenreviews/g)).to.have.length(1);
  });

  it('warns, naming the right, when the caller may not ask', async () => {
    const [finding] = await run(rightsChecks, { denied: ['create subjectaccessreviews'] }, rules);
    expect(finding).to.include({ outcome: 'warn' });
    expect(finding?.found).to.contain('you may not create subjectaccessreviews.authorization.k8s.io');
  });
});

describe('the check of WolConfigs', () => {
  it('is ok for one whose conditions are all right', async () => {
    const fine = config('lab', [condition('Ready', 'True', 'MappingUpdated'), condition('AgentReady', 'True', 'AllReady')], {
      managedVMs: 2,
      managedMACs: 3,
      wolPorts: [9],
    });
    expect(await run(configChecks, { objects: [fine] })).to.deep.equal([
      { check: 'config', outcome: 'ok', found: 'WolConfig lab: 3 addresses wake 2 virtual machines on port 9' },
    ]);
  });

  it('fails for one that is not ready or not looked at, with the words of the condition and what to do', async () => {
    const invalid = config('bad', [condition('Ready', 'False', 'InvalidConfig', 'spec.wolPorts[0] is 0; allowed: 1 to 65535')]);
    const [finding, unseen] = await run(configChecks, { objects: [invalid, aWolConfig('new') as FakeObject] });
    expect(finding).to.deep.include({
      outcome: 'fail',
      found: 'WolConfig bad: InvalidConfig: spec.wolPorts[0] is 0; allowed: 1 to 65535',
      remedy: 'kubectl edit wolcfg bad',
    });
    expect(unseen).to.include({ outcome: 'fail', found: 'WolConfig new: no manager has looked at it yet' });
  });

  it('warns of a conflict, of a change not taken up, of no WolConfig, and when the caller may not see them', async () => {
    const torn = config('lab', [condition('MACConflict', 'True', 'Conflict', '1 address')], { observedGeneration: 0 });
    expect(outcomes(await run(configChecks, { objects: [torn] }))).to.deep.equal(['warn', 'warn']);
    expect(outcomes(await run(configChecks))).to.deep.equal(['warn']);
    const [finding] = await run(configChecks, { denied: ['list wolconfigs'] });
    expect(finding).to.deep.include({ outcome: 'warn', remedy: 'ask for the right to list wolconfigs.wol.pillon.org' });
  });
});

describe('the check of agents', () => {
  const lab = config('lab', []);

  it('is ok when each node has one', async () => {
    const findings = await run(agentChecks, { objects: [lab, operatorNamespace(), daemonSet('lab', 1, 1)] });
    expect(outcomes(findings).filter((outcome) => outcome !== 'ok')).to.deep.equal([]);
  });

  it('warns where one is missing and fails where all are, naming the nodes', async () => {
    const objects = [lab, operatorNamespace(), node('n1'), node('n2'), agentPod('n1', true), agentPod('n2', false)];
    const [some] = await run(agentChecks, { objects: [...objects, daemonSet('lab', 1, 2)] });
    expect(some).to.include({ outcome: 'warn', found: 'WolConfig lab: 1 of 2 agents are ready; none on n2' });
    const [none] = await run(agentChecks, { objects: [...objects, daemonSet('lab', 0, 2)] });
    expect(none).to.include({ outcome: 'fail' });
    expect(outcomes(await run(agentChecks, { objects: [lab, operatorNamespace()] }), 'agents')).to.deep.equal(['fail']);
  });

  it('takes the word of the WolConfig when the caller may not see DaemonSets, and warns when there is none', async () => {
    const denied = ['get daemonsets', 'list daemonsets'];
    const told = config('lab', [condition('AgentReady', 'False', 'NotReady', '0 of 2 agents are ready')]);
    expect((await run(agentChecks, { objects: [told, operatorNamespace()], denied }))[0]).to.include({
      outcome: 'fail',
      found: 'WolConfig lab: NotReady: 0 of 2 agents are ready',
    });
    expect((await run(agentChecks, { objects: [lab, operatorNamespace()], denied }))[0]).to.include({ outcome: 'warn' });
  });

  it('fails for agents of kubevirt-wol in another namespace, with the command that removes them', async () => {
    const findings = await run(agentChecks, { objects: [operatorNamespace(), unmarked('kubevirt-wol-system')] });
    expect(findings.find(({ check }) => check === 'older-agents')).to.deep.include({
      outcome: 'fail',
      remedy: 'stop that operator, then: kubectl -n kubevirt-wol-system delete daemonset wol-agent-old',
    });
  });

  it('warns of another virt-steward, and does not say to delete its agents', async () => {
    const findings = await run(agentChecks, { objects: [operatorNamespace(), daemonSet('lab', 1, 1, 'elsewhere')] });
    const found = findings.filter(({ check }) => check === 'older-agents');
    expect(outcomes(found)).to.deep.equal(['warn']);
    expect(found[0]?.remedy).to.contain('--operator-namespace elsewhere').and.to.not.contain('delete');
  });

  for (const [level, outcome] of [
    ['privileged', 'ok'],
    [undefined, 'ok'],
    ['baseline', 'fail'],
    ['restricted', 'fail'],
  ] as const) {
    it(`is ${outcome} with Pod Security level ${level}`, async () => {
      expect(outcomes(await run(agentChecks, { objects: [operatorNamespace(level)] }), 'pod-security')).to.deep.equal([outcome]);
    });
  }

  it('warns when the caller may not read the namespace', async () => {
    expect(outcomes(await run(agentChecks, { denied: ['get namespaces'] }), 'pod-security')).to.deep.equal(['warn']);
  });

  const metrics = (drops: number, buffer: number): string =>
    `wol_agent_kernel_drops_total{node="n1",port="9"} ${drops}\nwol_agent_receive_buffer_bytes{node="n1",port="9"} ${buffer}\n`;

  it('warns of packets lost in the kernel and of a small buffer, by what agents measure', async () => {
    expect(receptionOf('n1', metrics(0, 8_388_608))).to.deep.equal([]);
    expect(receptionOf('n1', metrics(7, 425_984)).map(({ found }) => found)).to.deep.equal([
      'node n1: the kernel has dropped 7 packets since the agent started',
      'node n1: the receive buffer has 425984 bytes, 4194304 were asked for',
    ]);
    const objects = [operatorNamespace(), daemonSet('lab', 1, 1), agentPod('n1', true)];
    const pods = { 'agent-n1': metrics(7, 8_388_608) };
    expect(outcomes(await run(agentChecks, { objects, pods }), 'reception')).to.deep.equal(['warn']);
    expect(outcomes(await run(agentChecks, { objects, pods: { 'agent-n1': metrics(0, 8_388_608) } }), 'reception')).to.deep.equal(['ok']);
    const [denied] = (await run(agentChecks, { objects, denied: ['get pods/proxy'] })).filter(({ check }) => check === 'reception');
    expect(denied?.remedy).to.equal(`ask for the right to get pods/proxy in namespace ${NAMESPACE}`);
  });
});

describe('the check of the wake map', () => {
  const objects = (...vms: FakeObject[]): FakeObject[] => [aWolConfig('all') as FakeObject, ...vms];
  const vm = (name: string, mac?: string): FakeObject => aVm({ name, ...(mac === undefined ? {} : { mac }) }) as FakeObject;

  it('is ok when everybody in scope is woken and nobody fights', async () => {
    expect(outcomes(await run(mapChecks, { objects: objects(vm('a', '02:00:00:00:00:01')) }))).to.deep.equal(['ok']);
  });

  it('warns of machines that nothing wakes, of conflicts, and of what the caller cannot see', async () => {
    const torn = objects(vm('a', '02:00:00:00:00:01'), vm('b', '02:00:00:00:00:01'), vm('c'));
    const findings = await run(mapChecks, { objects: torn });
    expect(findings.map(({ check }) => check)).to.deep.equal(['map', 'conflict']);
    expect(findings[0]?.found).to.contain('default/c declares no usable MAC address');
    expect(findings[1]?.found).to.contain('02:00:00:00:00:01 wakes default/a, not default/b');
    const [lack] = await run(mapChecks, { objects: torn, denied: ['list virtualmachines'] });
    expect(lack?.found).to.equal('virtual machines are not seen: you may not list virtualmachines.kubevirt.io');
  });
});

describe('what a caller is shown', () => {
  it('is asked for by reading alone, and once each', async () => {
    const { client, requests } = fakeClient({ objects: [] });
    const view = new ClusterView(client);
    const context = { ...(await aContext()), view };
    for (const check of [kubevirtChecks, configChecks, agentChecks, mapChecks]) await check(context);
    expect(requests.filter((request) => !request.startsWith('GET '))).to.deep.equal([]);
    expect(requests.length).to.be.greaterThan(5);
    expect(new Set(requests).size).to.equal(requests.length);
  });
});
