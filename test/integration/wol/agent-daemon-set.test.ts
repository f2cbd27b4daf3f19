import { expect } from 'chai';
import { poll } from '../../harness/poll';
import { NAMESPACE } from '../../harness/steward-cluster';
import { aWolConfig } from '../../harness/virtual-machines';
import { eventsAbout, untilCondition, untilEvent, untilStatus, wolConfig, wolConfigRef } from '../../harness/wol-objects';
import { AGENT_IMAGE, containerOf, DeploymentBench, daemonSetRef, variable } from './agent-deployment-bench';

const LABELS = (config: string): Record<string, string> => ({
  app: 'wol-agent',
  'app.kubernetes.io/name': 'wol-agent',
  'app.kubernetes.io/component': 'agent',
  'app.kubernetes.io/part-of': 'kubevirt-wol',
  'app.kubernetes.io/managed-by': 'kubevirt-wol-controller',
  'wol.pillon.org/wolconfig': config,
});

/** What the API server adds to every pod template. */
const SERVER_DEFAULTS = { restartPolicy: 'Always', schedulerName: 'default-scheduler' };

describe('the DaemonSet of a WolConfig', () => {
  let bench: DeploymentBench;

  before(async function () {
    this.timeout(0);
    bench = await DeploymentBench.start();
  });

  after(() => bench?.stop());

  describe('as it is stored', () => {
    it('has every field of the specification for a config that says nothing', async () => {
      await bench.cluster.api.apply(aWolConfig('plain'));

      const daemonSet = await bench.until('plain', 'to exist');

      const { uid } = (await wolConfig(bench.cluster.api, 'plain'))!.metadata!;
      expect(daemonSet.metadata).to.deep.include({ name: 'wol-agent-plain', namespace: NAMESPACE, labels: LABELS('plain') });
      expect(daemonSet.metadata.annotations).to.deep.include({
        'wol.pillon.org/wolconfig-name': 'plain',
        'wol.pillon.org/health-port': '8080',
      });
      expect(daemonSet.metadata.ownerReferences).to.deep.equal([
        { apiVersion: 'wol.pillon.org/v1beta1', kind: 'WolConfig', name: 'plain', uid, controller: true, blockOwnerDeletion: true },
      ]);
      expect(daemonSet.spec.selector).to.deep.equal({ matchLabels: LABELS('plain') });
      expect(daemonSet.spec.updateStrategy).to.deep.equal({ type: 'RollingUpdate', rollingUpdate: { maxUnavailable: 1, maxSurge: 0 } });
      expect(daemonSet.spec.template.metadata.labels).to.deep.equal(LABELS('plain'));
      const { containers, serviceAccount, ...pod } = daemonSet.spec.template.spec;
      expect(serviceAccount).to.equal(pod['serviceAccountName']);
      expect(pod).to.deep.equal({
        ...SERVER_DEFAULTS,
        hostNetwork: true,
        dnsPolicy: 'ClusterFirstWithHostNet',
        serviceAccountName: 'virt-steward-wol-agent',
        automountServiceAccountToken: false,
        terminationGracePeriodSeconds: 10,
        tolerations: [
          { operator: 'Exists', effect: 'NoSchedule' },
          { operator: 'Exists', effect: 'NoExecute' },
        ],
        securityContext: { runAsNonRoot: true, seccompProfile: { type: 'RuntimeDefault' } },
      });
      expect(containers).to.have.length(1);
      expect(containers[0]).to.deep.equal({
        name: 'agent',
        image: AGENT_IMAGE,
        imagePullPolicy: 'Always',
        args: [
          '--node-name=$(NODE_NAME)',
          `--operator-address=virt-steward-grpc.${NAMESPACE}.svc:9090`,
          '--ports=9',
          '--zap-log-level=info',
        ],
        env: [
          { name: 'NODE_NAME', valueFrom: { fieldRef: { apiVersion: 'v1', fieldPath: 'spec.nodeName' } } },
          { name: 'POD_NAMESPACE', valueFrom: { fieldRef: { apiVersion: 'v1', fieldPath: 'metadata.namespace' } } },
          { name: 'WOLCONFIG_NAME', value: 'plain' },
          { name: 'HEALTH_PROBE_BIND_ADDRESS', value: ':8080' },
          { name: 'GRPC_INSECURE', value: 'true' },
          { name: 'NODE_OPTIONS', value: '--max-old-space-size=64' },
        ],
        securityContext: {
          allowPrivilegeEscalation: false,
          readOnlyRootFilesystem: true,
          runAsNonRoot: true,
          capabilities: { drop: ['ALL'], add: ['NET_BIND_SERVICE'] },
        },
        resources: { requests: { cpu: '50m', memory: '64Mi' }, limits: { cpu: '100m', memory: '128Mi' } },
        livenessProbe: {
          httpGet: { path: '/healthz', port: 8080, scheme: 'HTTP' },
          ...{ initialDelaySeconds: 15, periodSeconds: 30, timeoutSeconds: 5, failureThreshold: 3, successThreshold: 1 },
        },
        readinessProbe: {
          httpGet: { path: '/readyz', port: 8080, scheme: 'HTTP' },
          ...{ initialDelaySeconds: 5, periodSeconds: 10, timeoutSeconds: 3, failureThreshold: 3, successThreshold: 1 },
        },
        terminationMessagePath: '/dev/termination-log',
        terminationMessagePolicy: 'File',
      });
      expect((await untilEvent(bench.cluster.api, 'WolConfig', 'plain', 'AgentCreated')).type).to.equal('Normal');
    });

    it('follows every setting of the config', async () => {
      const agent = {
        nodeSelector: { 'kubernetes.io/os': 'linux' },
        priorityClassName: 'system-node-critical',
        tolerations: [{ key: 'lab', operator: 'Equal', value: 'yes', effect: 'NoSchedule' }],
        resources: { limits: { memory: '1Gi' } },
        image: 'registry.example.org/virt-steward/agent:2.0.0',
        imagePullPolicy: 'Never',
        updateStrategy: { type: 'OnDelete' },
        rawEthernet: true,
        healthPort: 9_100,
      };
      await bench.cluster.api.apply(aWolConfig('full', { wolPorts: [9, 7, 9], agent }));

      const daemonSet = await bench.until('full', 'to exist');

      const { nodeSelector, priorityClassName, tolerations, resources, image, imagePullPolicy } = agent;
      expect(daemonSet.spec.updateStrategy).to.deep.include({ type: 'OnDelete' });
      expect(daemonSet.spec.template.spec).to.deep.include({ nodeSelector, priorityClassName, tolerations });
      expect(daemonSet.spec.template.spec['securityContext']).to.deep.include({ runAsNonRoot: false, runAsUser: 0 });
      const container = containerOf(daemonSet);
      expect(container).to.deep.include({ image, imagePullPolicy });
      expect(container['resources']).to.deep.include({ limits: resources.limits });
      expect(container['args']).to.include('--ports=9,7');
      expect(container['securityContext']).to.deep.include({
        ...{ runAsNonRoot: false, runAsUser: 0 },
        capabilities: { drop: ['ALL'], add: ['NET_BIND_SERVICE', 'NET_RAW'] },
      });
      expect(variable(daemonSet, 'RAW_ETHERNET')).to.equal('true');
      expect(variable(daemonSet, 'NODE_OPTIONS')).to.equal('--max-old-space-size=512');
      expect(variable(daemonSet, 'HEALTH_PROBE_BIND_ADDRESS')).to.equal(':9100');
      expect(container['readinessProbe']).to.have.nested.property('httpGet.port', 9_100);
    });

    it('loses what its config no longer asks for', async () => {
      await bench.cluster.api.mergePatch(wolConfigRef('full'), { spec: { agent: null } });

      const daemonSet = await bench.until('full', 'to be as without settings', (found) => containerOf(found)['image'] === AGENT_IMAGE);

      const pod = daemonSet.spec.template.spec;
      expect(pod).not.to.have.any.keys('nodeSelector', 'priorityClassName');
      expect(pod['securityContext']).to.deep.equal({ runAsNonRoot: true, seccompProfile: { type: 'RuntimeDefault' } });
      expect(containerOf(daemonSet)['securityContext']).not.to.have.property('runAsUser');
      expect(variable(daemonSet, 'RAW_ETHERNET')).to.equal(undefined);
      await untilEvent(bench.cluster.api, 'WolConfig', 'full', 'AgentUpdated');
    });

    it('has a short name and label for a config whose name has 253 characters, and its whole name beside them', async () => {
      const name = `${'a'.repeat(53)}.${'b'.repeat(199)}`;
      await bench.cluster.api.apply(aWolConfig(name, { agent: { healthPort: 9_200 } }));

      const { status } = await untilStatus(
        bench.cluster.api,
        name,
        'to name its DaemonSet',
        ({ agentStatus }) => agentStatus !== undefined,
      );

      const daemonSet = await bench.untilNamed(status!.agentStatus!.daemonSetName!, 'to exist');
      const short = daemonSet.metadata.labels!['wol.pillon.org/wolconfig']!;
      expect(short).to.match(/^a{53}-[0-9a-f]{8}$/);
      expect(daemonSet.metadata.name).to.equal(`wol-agent-${short}`);
      expect(daemonSet.metadata.annotations).to.include({ 'wol.pillon.org/wolconfig-name': name });
      expect(variable(daemonSet, 'WOLCONFIG_NAME')).to.equal(name);
      await bench.cluster.api.delete(wolConfigRef(name));
    });
  });

  describe('when somebody changes it', () => {
    const NAME = 'plain';
    const ref = daemonSetRef(`wol-agent-${NAME}`);

    it('gets the image, labels, annotations and owner back that it had', async () => {
      const { metadata } = (await bench.daemonSet(NAME))!;
      const label = { 'app.kubernetes.io/part-of': 'something-else', 'wol.pillon.org/wolconfig': null };
      await bench.cluster.api.mergePatch(ref, {
        metadata: { labels: label, annotations: { 'wol.pillon.org/wolconfig-name': null, 'wol.pillon.org/health-port': null } },
        spec: { template: { spec: { hostNetwork: false } } },
      });
      await bench.until(NAME, 'to be repaired', ({ metadata: { labels, annotations }, spec }) => {
        const hasLabels = labels!['app.kubernetes.io/part-of'] === 'kubevirt-wol' && labels!['wol.pillon.org/wolconfig'] === NAME;
        return hasLabels && annotations!['wol.pillon.org/health-port'] === '8080' && spec.template.spec['hostNetwork'] === true;
      });

      await bench.cluster.api.mergePatch(ref, { metadata: { ownerReferences: null } });
      const repaired = await bench.until(NAME, 'to have its owner back', (found) => found.metadata.ownerReferences !== undefined);

      expect(repaired.metadata.ownerReferences).to.deep.equal(metadata.ownerReferences);
      expect(repaired.metadata.uid).to.equal(metadata.uid);
    });

    it('keeps what others add: kubectl rollout restart works', async () => {
      const restartedAt = '2026-01-02T03:04:05Z';
      await bench.cluster.api.mergePatch(ref, {
        metadata: { labels: { team: 'lab' } },
        spec: { template: { metadata: { annotations: { 'kubectl.kubernetes.io/restartedAt': restartedAt } } } },
      });
      await bench.cluster.api.mergePatch(ref, { metadata: { labels: { 'app.kubernetes.io/part-of': 'else' } } });

      const { spec, metadata } = await bench.until(
        NAME,
        'to be repaired',
        (found) => found.metadata.labels!['app.kubernetes.io/part-of'] === 'kubevirt-wol',
      );
      expect(spec.template.metadata.annotations).to.include({ 'kubectl.kubernetes.io/restartedAt': restartedAt });
      expect(metadata.labels).to.include({ team: 'lab' });
    });

    it('is made anew when it is deleted, with the health port it had', async () => {
      const { uid } = (await bench.daemonSet(NAME))!.metadata;

      await bench.cluster.api.delete(ref);

      const anew = await bench.until(NAME, 'to be another one', ({ metadata }) => metadata.uid !== uid);
      expect(variable(anew, 'HEALTH_PROBE_BIND_ADDRESS')).to.equal(':8080');
    });

    it('is written no more once all is as it should be, whatever makes the manager look', async function () {
      this.timeout(300_000);
      // What the DaemonSet controller writes later would be news to the manager, and it was made anew a moment ago.
      for (const name of [NAME, 'full']) {
        await bench.until(name, 'to be observed', ({ metadata, status }) => status?.observedGeneration === metadata.generation);
      }
      await untilCondition(bench.cluster.api, NAME, 'AgentReady', 'False', 'NoNodes');
      const service = (n: number) => ({
        ...{ apiVersion: 'v1', kind: 'ServiceAccount' },
        metadata: {
          ...{ name: 'zz-agents', namespace: NAMESPACE, annotations: { n: String(n) } },
          labels: { 'app.kubernetes.io/name': 'wol-agent', 'app.kubernetes.io/component': 'agent' },
        },
      });
      const account = { ...service(0), metadata: { ...service(0).metadata, name: 'virt-steward-wol-agent' } };
      const statusRuns = (): Promise<number> =>
        bench.metric('controller_runtime_reconcile_total', { controller: 'WolConfigHandler.reconcile' });
      // A status is looked at once in two seconds, so that what happened before this test may still be waiting to be written.
      const look = async (n: number): Promise<void> => {
        const [runs, statuses] = [await bench.runs(), await statusRuns()];
        await bench.cluster.api.apply(service(n));
        await poll('every config to be looked at', async () => (await bench.runs()) >= runs + 2 && (await statusRuns()) >= statuses + 2, {
          timeoutMs: 60_000,
        });
      };
      let n = 0;
      await bench.cluster.api.apply(account);
      await look(++n);
      await poll(
        'a look at every config that writes nothing',
        async () => {
          const writes = await bench.writes();
          await look(++n);
          return (await bench.writes()) === writes;
        },
        { timeoutMs: 120_000 },
      );
      const [writes, events] = [await bench.writes(), await eventsAbout(bench.cluster.api, 'WolConfig', NAME)];
      const versions = async (): Promise<unknown[]> => [
        (await bench.daemonSet(NAME))!.metadata.resourceVersion,
        (await wolConfig(bench.cluster.api, NAME))!.metadata!.resourceVersion,
      ];
      const before = await versions();

      for (let again = 0; again < 3; again++) await look(++n);

      expect(await bench.writes(), 'requests that write').to.equal(writes);
      expect(await versions()).to.deep.equal(before);
      expect(await eventsAbout(bench.cluster.api, 'WolConfig', NAME)).to.deep.equal(events);
    });
  });

  describe('when its surroundings change', () => {
    it('gets the address of the Service and the name of the ServiceAccount that are there, without waiting', async () => {
      const labels = (name: string): Record<string, string> => ({ 'app.kubernetes.io/name': name, 'app.kubernetes.io/component': 'grpc' });
      const service = (name: string, of: string, ports: object[]) => ({
        ...{ apiVersion: 'v1', kind: 'Service', metadata: { name, namespace: NAMESPACE, labels: labels(of) } },
        spec: { selector: { app: 'x' }, ports },
      });
      const address = (found: Parameters<typeof containerOf>[0]): unknown => (containerOf(found)['args'] as string[])[1];

      await bench.cluster.api.apply(
        service('a-older', 'kubevirt-wol', [
          { name: 'http', port: 80 },
          { name: 'x', port: 9_090 },
        ]),
      );
      await bench.until('plain', 'to use it', (found) => address(found) === `--operator-address=a-older.${NAMESPACE}.svc:9090`);
      await bench.cluster.api.apply(
        service('b-own', 'virt-steward', [
          { name: 'http', port: 80 },
          { name: 'grpc', port: 7_070 },
        ]),
      );
      await bench.until('plain', 'to prefer ours', (found) => address(found) === `--operator-address=b-own.${NAMESPACE}.svc:7070`);

      await bench.cluster.api.apply({
        ...{ apiVersion: 'v1', kind: 'ServiceAccount' },
        metadata: {
          ...{ name: 'a-agents', namespace: NAMESPACE },
          labels: { 'app.kubernetes.io/name': 'wol-agent', 'app.kubernetes.io/component': 'agent' },
        },
      });
      await bench.until('plain', 'to run as it', ({ spec }) => spec.template.spec['serviceAccountName'] === 'a-agents');
    });

    it('rolls to another AGENT_IMAGE, address, account and pull policy when the manager is started with them', async () => {
      const env = { AGENT_IMAGE: 'registry.example.org/virt-steward/agent:1.1.0', AGENT_IMAGE_PULL_POLICY: 'IfNotPresent' };
      const flags = ['--agent-operator-address=steward.example.org:19090', '--agent-service-account=chosen'];
      await bench.restart({ env, flags });

      const daemonSet = await bench.until('plain', 'to have the image', (found) => containerOf(found)['image'] === env.AGENT_IMAGE);

      expect(containerOf(daemonSet)).to.include({ imagePullPolicy: 'IfNotPresent' });
      expect(containerOf(daemonSet)['args']).to.include('--operator-address=steward.example.org:19090');
      expect(daemonSet.spec.template.spec['serviceAccountName']).to.equal('chosen');
      await bench.restart();
    });
  });

  describe('when its config is deleted', () => {
    it('goes by garbage collection, and a new config of the same name gets one of its own', async () => {
      // The garbage collector looks for kinds of new definitions every 30 s only.
      await bench.cluster.api.apply(aWolConfig('brief', { wolPorts: [4_000] }));
      const { uid } = (await bench.until('brief', 'to exist')).metadata;

      await bench.cluster.api.delete(wolConfigRef('brief'));
      await bench.cluster.api.apply(aWolConfig('brief', { wolPorts: [4_001] }));

      const anew = await bench.until('brief', 'to be another one', ({ metadata }) => metadata.uid !== uid);
      expect(containerOf(anew)['args']).to.include('--ports=4001');
      expect(anew.metadata.ownerReferences![0]!.uid).to.equal((await wolConfig(bench.cluster.api, 'brief'))!.metadata!.uid);
      await untilCondition(bench.cluster.api, 'brief', 'AgentReady', 'False', 'NoNodes');
    });
  });
});
