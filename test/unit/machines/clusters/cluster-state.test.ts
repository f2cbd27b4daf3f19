import { expect } from 'chai';
import type { ClusterFindings } from '../../../../src/machines/clusters/cluster-findings';
import { ClusterFindingsStore } from '../../../../src/machines/clusters/cluster-findings';
import { type ClusterFacts, judgeCluster, outageOf } from '../../../../src/machines/clusters/cluster-state';
import { KubevirtConfigError } from '../../../../src/machines/clusters/config-error';

const FOUND: ClusterFindings = {
  revision: undefined,
  ...{ clusterId: 'id-1', forbidden: undefined, kubeVirtVersion: 'v1.8.1', kubeVirt: [], hasImporter: true, missingRights: [] },
  ...{ crdVersions: new Map(), crdProblem: undefined },
};
const health = (state: NonNullable<ClusterFacts['health']>['state'], detail = ''): ClusterFacts['health'] => ({
  ...{ state, detail, problem: undefined },
});

function judged(given: Partial<ClusterFacts>): string {
  const facts: ClusterFacts = {
    name: 'east',
    problem: undefined,
    health: health('Ready'),
    findings: FOUND,
    expectedId: undefined,
    machines: 0,
    ...given,
  };
  const { phase, status } = judgeCluster(facts) ?? { phase: 'nothing', status: 'yet' };
  return `${phase} ${status}`;
}

const problem = (word: ConstructorParameters<typeof KubevirtConfigError>[1]): KubevirtConfigError =>
  new KubevirtConfigError('east', word, word);

describe('phase and status of a KubevirtConfig', () => {
  const rows: readonly (readonly [string, Partial<ClusterFacts>, string])[] = [
    ['connected and KubeVirt available', {}, 'Ready Connected'],
    ['a call failed, but the cluster still counts as there', { health: health('Degraded') }, 'Ready Connected'],
    ['KubeVirt not ready', { findings: { ...FOUND, kubeVirt: ['x'] } }, 'Unreachable KubeVirtNotReady'],
    ['no answer', { health: health('Unreachable', 'connect ECONNREFUSED') }, 'Unreachable Disconnected'],
    ['a certificate that is not trusted', { health: health('Unreachable', 'self-signed certificate in chain') }, 'Unreachable TLSError'],
    ['errors of the server', { health: health('Unreachable', 'GET /version: 503 ServiceUnavailable: x') }, 'Unreachable ServerError'],
    ['401', { health: health('AuthFailed') }, 'Invalid Unauthorized'],
    ['403', { findings: { ...FOUND, forbidden: 'no' } }, 'Invalid Forbidden'],
    ['no Secret', { health: undefined, problem: problem('SecretNotFound') }, 'Invalid SecretNotFound'],
    ['a Secret that may not be read', { health: undefined, problem: problem('SecretForbidden') }, 'Invalid SecretForbidden'],
    ['a bad kubeconfig', { health: undefined, problem: problem('InvalidKubeconfig') }, 'Invalid InvalidKubeconfig'],
    ['a bad kubeconfig, while the one before works', { problem: problem('InvalidKubeconfig') }, 'Ready Connected'],
    [
      'a bad kubeconfig, while the one before works no more',
      { problem: problem('InvalidKubeconfig'), health: health('Unreachable') },
      'Invalid InvalidKubeconfig',
    ],
    ['a bad spec', { health: undefined, problem: problem('InvalidSpec') }, 'Invalid InvalidSpec'],
    ['another cluster than Machines were placed on', { expectedId: 'id-0', machines: 2 }, 'Invalid ClusterChanged'],
    ['another cluster, and no Machine is placed there', { expectedId: 'id-0' }, 'Ready Connected'],
    ['the same cluster', { expectedId: 'id-1', machines: 2 }, 'Ready Connected'],
    ['not contacted yet', { health: health('Connecting') }, 'nothing yet'],
    ['not checked yet', { findings: undefined }, 'nothing yet'],
  ];

  for (const [title, given, expected] of rows) {
    it(`${title}: ${expected}`, () => {
      expect(judged(given)).to.equal(expected);
    });
  }

  it('tell how another cluster is accepted', () => {
    const facts = { name: 'east', problem: undefined, health: health('Ready'), findings: FOUND, expectedId: 'id-0', machines: 2 };

    expect(judgeCluster(facts)?.message).to.equal(
      'KubevirtConfig east now points to cluster id-1, but 2 Machines were placed on cluster id-0; set annotation vitistack.io/accept-cluster-id: id-1 to accept it',
    );
  });

  for (const [detail, expected] of [
    ['GET /version: connect ECONNREFUSED 10.0.0.1:6443', 'Disconnected'],
    ['GET /version: getaddrinfo ENOTFOUND east.example.org', 'Disconnected'],
    ['GET /version: no answer within 5000 ms', 'Disconnected'],
    ['GET /version: certificate has expired', 'TLSError'],
    ["GET /version: Hostname/IP does not match certificate's altnames", 'TLSError'],
    ['GET /version: unable to get local issuer certificate', 'TLSError'],
    ['GET /version: 500 InternalError: boom', 'ServerError'],
    ['GET /version: 429 TooManyRequests: later', 'ServerError'],
    ['GET /version: 502: bad gateway', 'ServerError'],
  ] as const) {
    it(`name an outage by its text: ${detail} is ${expected}`, () => {
      expect(outageOf(detail)).to.equal(expected);
    });
  }
});

describe('findings of several clusters', () => {
  const VMS = 'virtualmachines.kubevirt.io';
  const VMIS = 'virtualmachineinstances.kubevirt.io';

  function store(versions: Readonly<Record<string, Record<string, string>>>): ClusterFindingsStore {
    const findings = new ClusterFindingsStore();
    for (const [key, crds] of Object.entries(versions)) {
      findings.set(key, { ...FOUND, clusterId: `id-${key}`, crdVersions: new Map(Object.entries(crds)) });
    }
    return findings;
  }

  it('compare CRDs with those of the first cluster by key', () => {
    const findings = store({ a: { [VMS]: 'v1', [VMIS]: 'v1' }, b: { [VMS]: 'v2' }, c: { [VMS]: 'v1', [VMIS]: 'v1' } });

    expect(findings.crdFindings('a')).to.deep.equal([]);
    expect(findings.crdFindings('c')).to.deep.equal([]);
    expect(findings.crdFindings('b')).to.deep.equal([
      `Cluster 'b': KubeVirt CRD '${VMS}' version mismatch - a: v1, b: v2`,
      `Cluster 'b': KubeVirt CRD '${VMIS}' not found (exists in 'a' with version v1)`,
    ]);
  });

  it('name what is missing, with the texts of the older operator', () => {
    const findings = new ClusterFindingsStore();
    findings.set('a', { ...FOUND, hasImporter: false, missingRights: ['create secrets', 'get namespaces'], kubeVirt: ["Cluster 'a': x"] });

    expect(findings.textsOf('a', true)).to.deep.equal([
      "Cluster 'a': x",
      "Cluster 'a': missing permissions: create secrets, get namespaces",
      "Cluster 'a': CDI is not installed",
    ]);
    expect(findings.textsOf('a', false)).to.have.length(2);
  });

  it('hold no more once another connection leads to the cluster, and what was found before that is not taken for it', () => {
    const findings = new ClusterFindingsStore();
    findings.set('a', FOUND);
    const epoch = findings.epochOf('a');
    findings.expire('a');

    expect(findings.get('a')).to.equal(undefined);
    expect(findings.set('a', FOUND, epoch)).to.equal(false);
    expect(findings.get('a')).to.equal(undefined);
    expect(findings.set('a', FOUND, findings.epochOf('a'))).to.equal(true);
    expect(findings.get('a')).to.equal(FOUND);
  });

  it('count one cluster once, under the smaller key', () => {
    const findings = store({ b: {}, a: {} });
    findings.set('c', { ...FOUND, clusterId: 'id-a' });

    expect([findings.duplicateOf('a'), findings.duplicateOf('b'), findings.duplicateOf('c')]).to.deep.equal([undefined, undefined, 'a']);
    findings.forget('a');
    expect(findings.duplicateOf('c')).to.equal(undefined);
  });
});
