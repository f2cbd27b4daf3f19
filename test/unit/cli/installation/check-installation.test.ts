import { expect } from 'chai';
import { checkInstallation } from '../../../../src/cli/installation/check-installation';
import type { Answer, Probes } from '../../../../src/cli/installation/probes';
import { REMOVALS } from '../../../../src/cli/removal/removals';
import { FakeClock } from '../../../../src/framework/testing';
import { ClusterView } from '../../../../src/kubevirt/diagnosis/cluster-view';
import { type FakeClusterOptions, type FakeObject, fakeClient, NAMESPACE } from '../../wol/doctor/fake-cluster';

const LABELS = { 'app.kubernetes.io/component': 'manager' };
const SCHEMA = { openAPIV3Schema: { type: 'object' } };
const VERBOSE = '[+]informers ok: 3 watching\n[+]leader ok\nreadyz check passed';

const deployment = (args: readonly string[] = [], available = 2, changes: Partial<Record<'spec' | 'status', object>> = {}): FakeObject => ({
  apiVersion: 'apps/v1',
  kind: 'Deployment',
  metadata: { name: 'virt-steward-manager', namespace: NAMESPACE, generation: 1 },
  spec: {
    replicas: 2,
    selector: { matchLabels: LABELS },
    template: { spec: { containers: [{ name: 'manager', args: ['manager', '--modules=wol', '--leader-elect=true', ...args] }] } },
    ...changes.spec,
  },
  status: { availableReplicas: available, updatedReplicas: 2, observedGeneration: 1, ...changes.status },
});
const pod = (name: string, podIP: string): FakeObject => ({
  apiVersion: 'v1',
  kind: 'Pod',
  metadata: { name, namespace: NAMESPACE, labels: LABELS },
  status: { podIP, conditions: [{ type: 'Ready', status: 'True' }] },
});
/** Not Ready, with the states of its container. */
const troubled = (name: string, container: object, status: object = {}): FakeObject => ({
  ...pod(name, ''),
  status: {
    podIP: '',
    conditions: [{ type: 'Ready', status: 'False' }],
    containerStatuses: [{ name: 'manager', ready: false, ...container }],
    ...status,
  },
});
/** Unless told otherwise renewed once the minute of patience is over. */
const lease = (holder: string, renewedMsAgo = -60_000): FakeObject => ({
  apiVersion: 'coordination.k8s.io/v1',
  kind: 'Lease',
  metadata: { name: 'virt-steward-manager', namespace: NAMESPACE },
  spec: {
    holderIdentity: `${holder}_1`,
    leaseDurationSeconds: 15,
    renewTime: new Date(new FakeClock().now() - renewedMsAgo).toISOString(),
  },
});
const definition = (schema: unknown = SCHEMA): FakeObject => ({
  apiVersion: 'apiextensions.k8s.io/v1',
  kind: 'CustomResourceDefinition',
  metadata: { name: 'wolconfigs.wol.pillon.org' },
  spec: { versions: [{ name: 'v1beta1', schema }] },
  status: { conditions: [{ type: 'Established', status: 'True' }] },
});
const named = (name: string): FakeObject => ({ ...definition(), metadata: { name } });
const MACHINES_DEFINITIONS = REMOVALS.machines.ownKinds.map(({ plural, group }) => named(`${plural}.${group}`));
const bundle: FakeObject = {
  apiVersion: 'v1',
  kind: 'ConfigMap',
  metadata: { name: 'virt-steward-grpc-ca', namespace: NAMESPACE },
  data: { 'ca.crt': 'an authority' },
};
const config: FakeObject = { apiVersion: 'wol.pillon.org/v1beta1', kind: 'WolConfig', metadata: { name: 'lab' } };
const agents = (ready: number): FakeObject => ({
  apiVersion: 'apps/v1',
  kind: 'DaemonSet',
  metadata: { name: 'wol-agent-lab', namespace: NAMESPACE, generation: 1 },
  status: { desiredNumberScheduled: 2, numberReady: ready, observedGeneration: 1 },
});
const HEALTHY = [deployment(), pod('a', '192.0.2.1'), pod('b', '2001:db8::1'), lease('a'), definition(), bundle, config, agents(2)];

interface Reachable {
  readonly ready?: Answer;
  readonly grpc?: Answer;
  /** Without and with a token. */
  readonly metrics?: readonly [Answer, Answer];
}

const answer = (status: number, text = ''): Answer => ({ kind: 'answer', status, text });

function probesOf(
  { ready = answer(200, VERBOSE), grpc = answer(16), metrics = [answer(401), answer(200)] }: Reachable,
  asked: string[],
): Probes {
  return {
    get: (url, { tls, token } = {}) => {
      asked.push(`${url.href} ${tls?.serverName ?? ''} ${tls?.ca ?? ''}`.trim());
      return Promise.resolve(url.pathname === '/readyz' ? ready : metrics[token === undefined ? 0 : 1]);
    },
    grpc: (address, _path, { ca, serverName }) => {
      asked.push(`${address} ${serverName} ${ca}`);
      return Promise.resolve(grpc);
    },
  };
}

interface Outcome {
  readonly code: number;
  readonly lines: readonly string[];
  readonly asked: readonly string[];
}

async function run(
  objects: readonly FakeObject[],
  {
    reachable = {},
    token = 'of the test',
    onView = () => undefined,
    ...cluster
  }: { reachable?: Reachable; token?: string | undefined; onView?: () => unknown } & FakeClusterOptions = {},
): Promise<Outcome> {
  const clock = new FakeClock();
  const lines: string[] = [];
  const asked: string[] = [];
  const checked = checkInstallation({
    ...{ namespace: NAMESPACE, deployment: 'virt-steward-manager', output: 'text', clock, token: token === '' ? undefined : token },
    view: () => {
      onView();
      return new ClusterView(fakeClient({ ...cluster, objects }).client);
    },
    probes: probesOf(reachable, asked),
    definition: () => ({ spec: { versions: [{ name: 'v1beta1', schema: SCHEMA }] } }),
    print: (line) => lines.push(line),
  });
  let code: number | undefined;
  void checked.then((result) => {
    code = result;
  });
  for (let round = 0; code === undefined && round < 200; round++) {
    await new Promise((resolve) => setImmediate(resolve));
    clock.advance(500);
  }
  return { code: await checked, lines, asked };
}

describe('doctor --install', () => {
  it('finds nothing wrong with an installation that works, and asks every replica', async () => {
    const { code, lines, asked } = await run(HEALTHY);

    expect(lines.at(-1)).to.equal('9 ok, 0 warn, 0 fail');
    expect(code).to.equal(0);
    expect(asked).to.include.members([
      'http://192.0.2.1:8081/readyz?verbose',
      'http://[2001:db8::1]:8081/readyz?verbose',
      `https://192.0.2.1:8443/metrics virt-steward-grpc.${NAMESPACE}.svc an authority`,
      `virt-steward-grpc.${NAMESPACE}.svc:9090 virt-steward-grpc.${NAMESPACE}.svc an authority`,
    ]);
  });

  const without = (name: string): FakeObject[] => HEALTHY.filter(({ kind }) => kind !== name);
  const replaced = (object: FakeObject): FakeObject[] => [...without(object.kind), object];
  const broken: readonly [string, readonly FakeObject[], Reachable, RegExp][] = [
    ['a replica that is not available', replaced(deployment([], 1)), {}, /^FAIL {2}deployment +1 of 2 replicas/],
    [
      'an upgrade whose image cannot be had, although the replicas before it are available',
      [
        ...replaced(deployment([], 2, { status: { updatedReplicas: 1 } })),
        troubled('c', { state: { waiting: { reason: 'ImagePullBackOff', message: 'Back-off pulling image "x:9"' } } }),
      ],
      {},
      /^FAIL {2}deployment +2 of 2 replicas .* are available, 1 of 2 are what it says now; c: ImagePullBackOff: Back-off pulling image "x:9" ->/,
    ],
    [
      'a manager that ends again and again',
      [
        ...replaced(deployment([], 1)),
        troubled('c', {
          state: { waiting: { reason: 'CrashLoopBackOff', message: 'back-off 40s' } },
          lastState: { terminated: { exitCode: 2, reason: 'Error' } },
        }),
      ],
      {},
      /^FAIL {2}deployment +1 of 2 .*; c: CrashLoopBackOff: Error with exit code 2 ->/,
    ],
    [
      'a manager that ends again and again as if its work were done',
      [
        ...replaced(deployment([], 1)),
        troubled('c', {
          state: { waiting: { reason: 'CrashLoopBackOff', message: 'back-off 40s' } },
          lastState: { terminated: { exitCode: 0, reason: 'Completed' } },
        }),
      ],
      {},
      /^FAIL {2}deployment +1 of 2 .*; c: CrashLoopBackOff: Completed with exit code 0 ->/,
    ],
    [
      'a manager that is not ready, but not for the init container that has done its work',
      [
        ...replaced(deployment([], 1)),
        troubled(
          'c',
          {},
          { initContainerStatuses: [{ name: 'init', ready: true, state: { terminated: { exitCode: 0, reason: 'Completed' } } }] },
        ),
      ],
      {},
      /^FAIL {2}deployment +1 of 2 [^;]*; c: it runs and is not ready ->/,
    ],
    [
      'pods that fit on no node',
      [
        ...replaced(deployment([], 1)),
        troubled('c', {}, { containerStatuses: [], conditions: [{ type: 'PodScheduled', status: 'False', message: '0/1 nodes: taints' }] }),
      ],
      {},
      /; c: cannot be scheduled: 0\/1 nodes: taints ->/,
    ],
    [
      'pods that the API server refuses',
      replaced(
        deployment([], 0, {
          status: { updatedReplicas: 0, conditions: [{ type: 'ReplicaFailure', status: 'True', message: 'exceeded quota' }] },
        }),
      ),
      {},
      /^FAIL {2}deployment +0 of 2 .*; no pod can be made: exceeded quota ->/,
    ],
    ['an installation that is not there', without('Deployment'), {}, /^FAIL {2}deployment +there is no Deployment/],
    ['flags that no manager takes', replaced(deployment(['--leader-elect=maybe'])), {}, /^FAIL {2}deployment +--leader-elect is "maybe"/],
    ['nobody who leads', without('Lease'), {}, /^FAIL {2}leader +nobody leads/],
    ['a leader that has stopped to renew', replaced(lease('a', 60_000)), {}, /^FAIL {2}leader +nobody leads: a last did so/],
    [
      'a leader of another installation',
      replaced(lease('stranger')),
      {},
      /^FAIL {2}leader +stranger leads, which is no pod of the Deployment/,
    ],
    [
      'a leader that is not ready',
      [...HEALTHY.filter(({ metadata }) => metadata?.name !== 'a'), troubled('a', {})],
      {},
      /^FAIL {2}leader +a leads, and is not ready/,
    ],
    ['a definition that is missing', without('CustomResourceDefinition'), {}, /^FAIL {2}definition +wolconfigs.* does not exist/],
    ['a definition of another version', replaced(definition({})), {}, /^FAIL {2}definition +.* has another schema .* v1beta1/],
    [
      'a manager that is not ready',
      HEALTHY,
      { ready: answer(500, '[-]informers failed: no list yet') },
      /^FAIL {2}modules +a is not ready: informers failed/,
    ],
    [
      'a certificate of a stranger',
      HEALTHY,
      { grpc: { kind: 'none', why: 'self-signed certificate' } },
      /^FAIL {2}grpc .*self-signed certificate/,
    ],
    ['gRPC that takes calls of anybody', HEALTHY, { grpc: answer(0) }, /^FAIL {2}grpc .* a caller without a token status 0, not 16/],
    ['authorities that are not published', without('ConfigMap'), {}, /^FAIL {2}authorities +ConfigMap virt-steward-grpc-ca holds none/],
    [
      'metrics that anybody may read',
      HEALTHY,
      { metrics: [answer(200), answer(200)] },
      /^FAIL {2}metrics +a answers "200" without a token/,
    ],
    ['metrics that nobody may read', HEALTHY, { metrics: [answer(401), answer(403)] }, /^FAIL {2}metrics .* and "403" with one/],
    ['agents that are missing', replaced(agents(1)), {}, /^FAIL {2}agents +WolConfig lab: 1 of 2 agents are ready/],
  ];
  for (const [title, objects, reachable, line] of broken) {
    it(`fails for ${title}`, async () => {
      const { code, lines } = await run(objects, { reachable });

      expect(code).to.equal(1);
      expect(lines.filter((text) => text.startsWith('FAIL'))[0]).to.match(line);
    });
  }

  it('names a definition that is missing before what follows from it', async () => {
    const { lines } = await run([...without('CustomResourceDefinition').filter(({ kind }) => kind !== 'Deployment'), deployment([], 0)]);

    expect(lines.at(-1)).to.contain('the first that fails: definition');
  });

  it('says at once that a Deployment of no replicas runs no manager, and blames nothing else', async () => {
    const paused = deployment([], 0, { spec: { replicas: 0 }, status: { updatedReplicas: 0 } });
    let looks = 0;
    const { code, lines, asked } = await run([...without('Lease').filter(({ kind }) => kind !== 'Deployment' && kind !== 'Pod'), paused], {
      onView: () => looks++,
    });

    expect(code).to.equal(1);
    expect(lines).to.have.lengthOf(4);
    expect(lines[1]).to.match(/^FAIL {2}deployment +Deployment \S+ is scaled to 0: no manager runs.* -> kubectl .* scale deployment/);
    expect(lines[2]).to.match(/^warn {2}others +leader, modules, gRPC, metrics and agents: not checked/);
    expect(asked).to.deep.equal([]);
    expect(looks, 'as nothing will change by itself').to.equal(1);
  });

  for (const phase of ['Failed', 'Succeeded']) {
    it(`leaves out a pod of phase ${phase}, which has its address still and runs no more`, async () => {
      const dead = troubled('c', { state: { terminated: { exitCode: 137, reason: 'Error' } } }, { phase, podIP: '192.0.2.66' });
      const { code, lines, asked } = await run([...HEALTHY, dead]);

      expect(lines.at(-1)).to.equal('9 ok, 0 warn, 0 fail');
      expect(code).to.equal(0);
      expect(asked.filter((url) => url.includes('192.0.2.66'))).to.deep.equal([]);

      const { lines: short } = await run([...replaced(deployment([], 1)), dead]);
      expect(short.find((line) => line.startsWith('FAIL'))).to.match(/are available ->/);
    });
  }

  for (const modules of ['platform', 'machines']) {
    it(`finds nothing wrong with an installation of the module ${modules} alone, which has no certificate that could be verified`, async () => {
      const objects = without('ConfigMap').filter(({ kind }) => kind !== 'Deployment');
      const own = modules === 'machines' ? MACHINES_DEFINITIONS : [];
      const { code, lines, asked } = await run([...objects, ...own, deployment([`--modules=${modules}`])], {
        reachable: { grpc: { kind: 'none', why: 'ECONNREFUSED' } },
      });

      expect(lines.filter((line) => !line.startsWith('ok')).slice(0, -1)).to.deep.equal([]);
      expect(code).to.equal(0);
      expect(lines.find((line) => /^ok +grpc/.test(line))).to.match(/not served: the module wol is off$/);
      expect(lines.filter((line) => /^ok +metrics/.test(line))).to.deep.equal(
        ['a', 'b'].map(
          (name) =>
            `ok    metrics     ${name} answers 401 without a token and 200 with one; its certificate is self-signed and was not verified`,
        ),
      );
      expect(asked).to.include(`https://192.0.2.1:8443/metrics virt-steward-grpc.${NAMESPACE}.svc`);
      expect(asked.filter((address) => address.includes(':9090'))).to.deep.equal([]);
    });

    it(`fails for metrics that anybody may read, with the module ${modules} alone`, async () => {
      const { code, lines } = await run(replaced(deployment([`--modules=${modules}`])), {
        reachable: { metrics: [answer(200), answer(200)] },
      });

      expect(code).to.equal(1);
      expect(lines.join('\n')).to.match(/FAIL {2}metrics +a answers "200" without a token/);
    });
  }

  it('says that it has not verified a certificate that the Deployment names, and needs no published authority for that', async () => {
    const files = ['--metrics-cert-file=/certs/tls.crt', '--metrics-key-file=/certs/tls.key'];
    const { lines, asked } = await run(replaced(deployment(files)));

    expect(lines.join('\n')).to.match(
      /ok +metrics +a answers .* with one; its certificate is of --metrics-cert-file and was not verified\n/,
    );
    expect(asked).to.include(`https://192.0.2.1:8443/metrics virt-steward-grpc.${NAMESPACE}.svc`);
  });

  it('asks a manager that is not ready why', async () => {
    const unready = { ...troubled('b', {}), status: { ...(troubled('b', {})['status'] as object), podIP: '192.0.2.9' } };
    const { asked, lines } = await run(
      [...HEALTHY.filter(({ kind, metadata }) => kind !== 'Deployment' && metadata?.name !== 'b'), deployment([], 1), unready],
      { reachable: { ready: answer(500, `[-]leader failed: the lease is denied ${'x'.repeat(2_000)}`) } },
    );

    expect(asked).to.include('http://192.0.2.9:8081/readyz?verbose');
    expect(lines.find((line) => line.includes('b is not ready'))).to.match(/leader failed: the lease is denied x+… -> see its log$/);
    expect(Math.max(...lines.map(({ length }) => length))).to.be.below(600);
  });

  it('waits for what was just installed', async () => {
    let looks = 0;
    const clock = new FakeClock();
    const lines: string[] = [];
    const checked = checkInstallation({
      ...{ namespace: NAMESPACE, deployment: 'virt-steward-manager', output: 'text', clock, token: 'of the test' },
      view: () => new ClusterView(fakeClient({ objects: ++looks < 5 ? replaced(agents(0)) : HEALTHY }).client),
      probes: probesOf({}, []),
      definition: () => ({ spec: { versions: [{ name: 'v1beta1', schema: SCHEMA }] } }),
      print: (line) => lines.push(line),
    });
    for (let round = 0; lines.length === 0 && round < 200; round++) {
      await new Promise((resolve) => setImmediate(resolve));
      clock.advance(500);
    }

    expect(await checked).to.equal(0);
    expect(looks).to.equal(5);
  });

  it('says from outside of the cluster what it cannot reach, and fails for nothing of that', async () => {
    const { code, lines } = await run(HEALTHY, { token: '' });

    expect(code).to.equal(0);
    expect(lines.filter((line) => line.startsWith('warn')).map((line) => line.split(/ +/)[1])).to.deep.equal([
      'modules',
      'grpc',
      'metrics',
    ]);
  });

  it('tells what a manager waits for, which is no failure', async () => {
    const waiting = answer(200, '[~]informers waiting: virtualmachines.kubevirt.io is not served, waiting for its CRD\n[+]leader ok');
    const { code, lines } = await run(HEALTHY, { reachable: { ready: waiting } });

    expect(code).to.equal(0);
    expect(lines.join('\n')).to.match(/ok {4}modules +wol on a: informers waiting: virtualmachines\.kubevirt\.io is not served/);
  });

  it('goes by the ports that the Deployment states', async () => {
    const { asked } = await run(replaced(deployment(['--grpc-bind-address=:9191', '--metrics-bind-address', ':9443'])));

    expect(asked.join('\n')).to.contain('svc:9191').and.to.contain(':9443/metrics');
  });
});
