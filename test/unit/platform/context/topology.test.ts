import { expect } from 'chai';
import type { KubernetesObject } from '../../../../src/framework';
import { type TopologyInput, topologyOf } from '../../../../src/platform/context/topology';

const role = (...names: string[]): Record<string, string> =>
  Object.fromEntries(names.map((name) => [`node-role.kubernetes.io/${name}`, '']));
const node = (labels: Record<string, string> = {}): KubernetesObject => ({ metadata: { name: 'node', labels } });
const of = (input: Partial<TopologyInput>) => topologyOf({ nodes: [], isOpenShift: false, ...input });
const object = (body: object): KubernetesObject => ({ metadata: { name: 'cluster' }, ...body });

describe('the topology', () => {
  it('of a cluster of which nothing is known is empty', () => {
    expect(of({})).to.deep.equal({
      ...{ isOpenShift: false, openshiftVersion: '', controlPlaneTopology: '', isHCP: false, cloudProvider: '' },
      ...{ isAWS: false, isAzure: false, isGCP: false, isBareMetal: false, isVSphere: false, isOpenStack: false },
      ...{ hasSchedulableMasters: false, isCompact: false, masterCount: 0, workerCount: 0, totalNodeCount: 0 },
      ...{ architectures: [], roles: ['worker'] },
    });
  });

  const NODES: readonly (readonly [string, readonly KubernetesObject[], object])[] = [
    [
      'three masters and two workers',
      [...Array(3).fill(node(role('master', 'control-plane'))), node(role('worker')), node(role('worker'))],
      { masterCount: 3, workerCount: 2, totalNodeCount: 5, hasSchedulableMasters: false, isCompact: false, roles: ['worker'] },
    ],
    [
      'three masters that are workers',
      Array(3).fill(node(role('control-plane', 'worker'))),
      { masterCount: 3, workerCount: 0, totalNodeCount: 3, hasSchedulableMasters: true, isCompact: true, roles: ['worker', 'master'] },
    ],
    [
      'one master that is a worker, and one that is not',
      [node(role('master', 'worker')), node(role('master'))],
      { masterCount: 2, workerCount: 0, hasSchedulableMasters: true, isCompact: false },
    ],
    [
      'masters that are workers, and a worker',
      [node(role('master', 'worker')), node(role('worker'))],
      { masterCount: 1, workerCount: 1, isCompact: false },
    ],
    [
      'nodes without a role',
      [node(), node({ 'kubernetes.io/os': 'linux' })],
      { masterCount: 0, workerCount: 2, totalNodeCount: 2, isCompact: false },
    ],
    ['a node of another role', [node(role('infra'))], { masterCount: 0, workerCount: 0, totalNodeCount: 1 }],
    [
      'nodes of two architectures',
      [node({ 'kubernetes.io/arch': 's390x' }), node({ 'kubernetes.io/arch': 'amd64' }), node({ 'kubernetes.io/arch': 'amd64' })],
      { architectures: ['amd64', 's390x'] },
    ],
  ];
  for (const [what, nodes, expected] of NODES) {
    it(`counts ${what}`, () => expect(of({ nodes })).to.deep.include(expected));
  }

  it('believes the Scheduler more than the roles of nodes', () => {
    const nodes = [node(role('master')), node(role('worker'))];
    const both = [node(role('master', 'worker'))];

    expect(of({ nodes, scheduler: object({ spec: { mastersSchedulable: true } }) })).to.deep.include({
      hasSchedulableMasters: true,
      roles: ['worker', 'master'],
    });
    expect(of({ nodes: both, scheduler: object({ spec: {} }) })).to.deep.include({ hasSchedulableMasters: false, roles: ['worker'] });
  });

  for (const [flag, type] of [
    ['isAWS', 'AWS'],
    ['isAzure', 'Azure'],
    ['isGCP', 'GCP'],
    ['isBareMetal', 'BareMetal'],
    ['isVSphere', 'VSphere'],
    ['isOpenStack', 'OpenStack'],
  ] as const) {
    it(`knows the platform ${type}`, () => {
      const topology = of({ isOpenShift: true, infrastructure: object({ status: { platformStatus: { type } } }) });

      expect(topology).to.include({ cloudProvider: type, isOpenShift: true, [flag]: true });
      expect(Object.values(topology).filter((value) => value === true)).to.have.length(2);
    });
  }

  it('knows a control plane that is hosted elsewhere', () => {
    expect(of({ infrastructure: object({ status: { controlPlaneTopology: 'External' } }) })).to.include({
      controlPlaneTopology: 'External',
      isHCP: true,
    });
    expect(of({ infrastructure: object({ status: { controlPlaneTopology: 'HighlyAvailable' } }) })).to.include({ isHCP: false });
  });

  it('knows the version of OpenShift that is wanted', () => {
    expect(of({ clusterVersion: object({ status: { desired: { version: '4.20.1' } } }) }).openshiftVersion).to.equal('4.20.1');
  });

  const PREFIXES: readonly (readonly [string, unknown, number | undefined])[] = [
    ['one network', [{ cidr: '10.128.0.0/14', hostPrefix: 23 }], 23],
    [
      'the largest of several',
      [
        { cidr: '10.128.0.0/14', hostPrefix: 23 },
        { cidr: '10.132.0.0/14', hostPrefix: 25 },
      ],
      25,
    ],
    [
      'IPv4 beside IPv6',
      [
        { cidr: 'fd01::/48', hostPrefix: 64 },
        { cidr: '10.128.0.0/14', hostPrefix: 23 },
      ],
      23,
    ],
    ['IPv6 alone', [{ cidr: 'fd01::/48', hostPrefix: 64 }], undefined],
    ['nonsense', [{ cidr: '10.0.0.0/8', hostPrefix: '23' }, null, { hostPrefix: 0 }], undefined],
    ['no list', undefined, undefined],
  ];
  for (const [what, clusterNetwork, expected] of PREFIXES) {
    it(`has the host prefix ${expected} from ${what}`, () => {
      expect(of({ network: object({ status: { clusterNetwork } }) }).hostPrefix).to.equal(expected);
    });
  }
});
