import { expect } from 'chai';
import { CHART, Helm, namesOf, the } from '../../harness/helm';
import { NAMESPACE, type TestObject } from '../../harness/steward-cluster';

interface PodSpec {
  containers: {
    name: string;
    image: string;
    args: string[];
    env: { name: string; value?: string }[];
    securityContext: unknown;
    resources: unknown;
  }[];
  securityContext: unknown;
  [field: string]: unknown;
}

const podSpec = (deployment: TestObject): PodSpec => (deployment['spec'] as { template: { spec: PodSpec } }).template.spec;

describe('the rendered chart', () => {
  let helm: Helm;
  let byDefault: TestObject[];

  before(async function () {
    this.timeout(0);
    helm = await Helm.find(4);
    byDefault = await helm.objects('--no-hooks');
  });

  after(() => helm?.remove());

  const manager = async (...args: string[]): Promise<PodSpec['containers'][number]> =>
    podSpec(the(await helm.objects(...args), 'Deployment')).containers[0]!;
  const names = async (...args: string[]): Promise<string[]> => namesOf(await helm.objects(...args));

  it('holds exactly these objects by default, and no DaemonSet, which is up to the manager', () => {
    expect(namesOf(byDefault)).to.deep.equal([
      'ClusterRole/virt-steward-manager',
      'ClusterRole/virt-steward-metrics-reader',
      'ClusterRole/virt-steward-one-installation-a-cluster',
      'ClusterRole/virt-steward-wol',
      'ClusterRole/virt-steward-wolconfig-edit',
      'ClusterRole/virt-steward-wolconfig-view',
      'ClusterRoleBinding/virt-steward-manager',
      'ClusterRoleBinding/virt-steward-wol',
      'CustomResourceDefinition/wolconfigs.wol.pillon.org',
      `Deployment/virt-steward-manager.${NAMESPACE}`,
      `NetworkPolicy/virt-steward-manager.${NAMESPACE}`,
      `PodDisruptionBudget/virt-steward-manager.${NAMESPACE}`,
      `Role/virt-steward-manager.${NAMESPACE}`,
      `RoleBinding/virt-steward-manager.${NAMESPACE}`,
      `Service/virt-steward-grpc.${NAMESPACE}`,
      `Service/virt-steward-metrics.${NAMESPACE}`,
      `ServiceAccount/virt-steward-manager.${NAMESPACE}`,
      `ServiceAccount/virt-steward-wol-agent.${NAMESPACE}`,
    ]);
  });

  it('brings for removal and for helm test one pod each, with rights of their own, and neither when told so', async () => {
    const isHook = (name: string): boolean => /virt-steward-(cleanup|test)/.test(name);
    const hooks = (await helm.objects()).filter(({ metadata }) => isHook(metadata.name));

    expect(hooks.map(({ kind, metadata }) => `${kind}/${metadata.name}`).sort()).to.deep.equal(
      ['ClusterRole', 'ClusterRoleBinding', 'Job', 'Pod', 'Role', 'RoleBinding', 'ServiceAccount']
        .flatMap((kind) => ['cleanup', 'test'].map((name) => `${kind}/virt-steward-${name}`))
        .filter((name) => name !== 'Job/virt-steward-test' && name !== 'Pod/virt-steward-cleanup'),
    );
    for (const { metadata } of hooks)
      expect(metadata['annotations']).to.include({ 'helm.sh/hook-delete-policy': 'before-hook-creation,hook-succeeded' });
    expect((await names('--set=uninstall.cleanup.enabled=false,tests.enabled=false')).filter(isHook)).to.deep.equal([]);
  });

  it('lets the pod of helm test reach the manager also where the peers are listed', async () => {
    const objects = await helm.objects('--set=networkPolicy.grpcFrom[0].ipBlock.cidr=192.0.2.0/24');
    const { ingress } = the(objects, 'NetworkPolicy')['spec'] as { ingress: { from: { podSelector?: { matchLabels: object } }[] }[] };
    const [, tests] = ingress[0]!.from;

    expect(ingress[0]!.from).to.have.lengthOf(2);
    expect(the(objects, 'Pod').metadata['labels']).to.include(tests!.podSelector!.matchLabels);
  });

  it('runs the manager within the restricted Pod Security profile and without a user of its own', () => {
    const spec = podSpec(the(byDefault, 'Deployment'));

    expect(spec.securityContext).to.deep.equal({ runAsNonRoot: true, seccompProfile: { type: 'RuntimeDefault' } });
    expect(spec.containers).to.have.lengthOf(1);
    expect(spec.containers[0]!.securityContext).to.deep.equal({
      allowPrivilegeEscalation: false,
      readOnlyRootFilesystem: true,
      capabilities: { drop: ['ALL'] },
    });
    expect(Object.keys(spec)).not.to.include.members(['hostNetwork']);
    expect(spec.containers[0]!.resources).to.deep.equal({ requests: { cpu: '100m', memory: '192Mi' }, limits: { memory: '512Mi' } });
  });

  it('gives the account of agents the labels by which the manager finds it, and no token', () => {
    const account = the(byDefault, 'ServiceAccount', 'virt-steward-wol-agent');

    expect(account.metadata['labels']).to.include({ 'app.kubernetes.io/name': 'wol-agent', 'app.kubernetes.io/component': 'agent' });
    expect(account['automountServiceAccountToken']).to.equal(false);
  });

  it('keeps CRDs at removal, unless told not to', async () => {
    const annotations = (objects: TestObject[]): unknown => the(objects, 'CustomResourceDefinition').metadata['annotations'];

    expect(annotations(byDefault)).to.deep.equal({ 'helm.sh/resource-policy': 'keep' });
    expect(annotations(await helm.objects('--set=crds.keep=false'))).to.equal(undefined);
    expect(await names('--set=crds.install=false')).not.to.include('CustomResourceDefinition/wolconfigs.wol.pillon.org');
  });

  it('passes flags to the manager, and none for values that are empty', async () => {
    const { args } = await manager(
      '--set=wol.startTimeout=90s,wol.maxStartsPerMinute=0,manager.logLevel=debug,wol.grpc.extraSans={a.example.com,b.example.com}',
    );

    expect(args).to.include.members(['--wol-start-timeout=90s', '--wol-max-starts-per-minute=0', '--log-level=debug']);
    expect(args.filter((arg) => arg.startsWith('--grpc-tls-san'))).to.deep.equal([
      '--grpc-tls-san=a.example.com',
      '--grpc-tls-san=b.example.com',
    ]);
    expect(args.join()).not.to.contain('wol-dedup-window');
  });

  it('builds image references of registry, repository, tag and digest', async () => {
    const digest = `sha256:${'0'.repeat(64)}`;
    const { image, env } = await manager(
      `--set=global.imageRegistry=mirror.example.com,image.digest=${digest},agent.image.registry=other.example.com,agent.image.tag=edge`,
    );

    expect(image).to.match(new RegExp(`^mirror\\.example\\.com/virt-steward/manager:[0-9.]+@${digest}$`));
    expect(env.find(({ name }) => name === 'AGENT_IMAGE')?.value).to.equal('other.example.com/virt-steward/agent:edge');
  });

  it('tells agents the Service in the namespace of the release, at the port of the values', async () => {
    const objects = await helm.objects('--set=wol.grpc.port=9191,fullnameOverride=other');
    const { args, env } = podSpec(the(objects, 'Deployment')).containers[0]!;

    expect(env.find(({ name }) => name === 'AGENT_OPERATOR_ADDRESS')?.value).to.equal(`virt-steward-grpc.${NAMESPACE}.svc:9191`);
    expect(args).to.include('--grpc-bind-address=:9191');
    expect((the(objects, 'Service', 'virt-steward-grpc')['spec'] as { ports: unknown[] }).ports).to.deep.equal([
      { name: 'grpc', port: 9191, targetPort: 'grpc', protocol: 'TCP' },
    ]);
  });

  it('makes no disruption budget for a single replica', async () => {
    expect((await names('--set=manager.replicas=1')).join()).not.to.contain('PodDisruptionBudget');
  });

  it('lets agents use an SCC on OpenShift, found by its API or stated, and nowhere else', async () => {
    const role = `Role/virt-steward-wol-agent-scc.${NAMESPACE}`;

    expect(namesOf(byDefault)).not.to.include(role);
    expect(await names('--api-versions=security.openshift.io/v1')).to.include(role);
    expect(await names('--set=openshift.enabled=true')).to.include(role);
    expect(await names('--api-versions=security.openshift.io/v1', '--set=openshift.enabled=false')).not.to.include(role);
  });

  it('makes an SCC of its own that lets agents be root for raw Ethernet only', async () => {
    const scc = async (raw: boolean): Promise<TestObject> =>
      the(
        await helm.objects(`--set=openshift.enabled=true,openshift.scc.create=true,openshift.scc.rawEthernet=${raw}`),
        'SecurityContextConstraints',
      );

    expect(await scc(false)).to.deep.include({
      allowedCapabilities: ['NET_BIND_SERVICE'],
      runAsUser: { type: 'MustRunAsRange' },
      users: [],
      groups: [],
    });
    expect(await scc(true)).to.deep.include({ allowedCapabilities: ['NET_BIND_SERVICE', 'NET_RAW'], runAsUser: { type: 'RunAsAny' } });
  });

  it('asks cert-manager for a certificate under every name of the Service', async () => {
    const objects = await helm.objects(
      '--set=tls.mode=cert-manager,wol.grpc.extraSans={a.example.com,192.0.2.1}',
      '--api-versions=cert-manager.io/v1',
    );

    expect(the(objects, 'Certificate', 'virt-steward-grpc-tls')['spec']).to.deep.include({
      secretName: 'virt-steward-grpc-tls',
      dnsNames: ['', `.${NAMESPACE}`, `.${NAMESPACE}.svc`, `.${NAMESPACE}.svc.cluster.local`]
        .map((end) => `virt-steward-grpc${end}`)
        .concat('a.example.com'),
      ipAddresses: ['192.0.2.1'],
      issuerRef: { name: 'virt-steward-ca', kind: 'Issuer', group: 'cert-manager.io' },
    });
    expect(namesOf(objects).filter((name) => name.startsWith('Issuer/'))).to.have.lengthOf(2);
  });

  it('uses the issuer that is named instead of making one', async () => {
    const objects = await helm.objects(
      '--set=tls.mode=cert-manager,tls.certManager.issuerRef.name=corporate',
      '--api-versions=cert-manager.io/v1',
    );

    expect(namesOf(objects).filter((name) => name.startsWith('Issuer/'))).to.deep.equal([]);
    expect(the(objects, 'Certificate')['spec']).to.deep.include({
      issuerRef: { name: 'corporate', kind: 'Issuer', group: 'cert-manager.io' },
    });
  });

  it('leaves out objects of an API that the cluster lacks when told to skip them', async () => {
    expect((await names('--set=tls.mode=cert-manager,missingApis=skip')).join()).not.to.contain('Certificate');
    expect((await names('--set=tls.mode=cert-manager,missingApis=render')).join()).to.contain('Certificate');
  });

  it('mounts no Secret and names no certificate files, whoever makes the certificate: the manager reads it through the API', async () => {
    for (const mode of ['self', 'cert-manager', 'service-ca', 'existingSecret']) {
      const secret = mode === 'existingSecret' ? ',tls.existingSecret=own' : '';
      const objects = await helm.objects(`--set=tls.mode=${mode},missingApis=render,openshift.enabled=true${secret}`);
      const spec = podSpec(the(objects, 'Deployment'));
      expect(spec, mode).not.to.have.property('volumes');
      expect(spec.containers[0]!.args.join(' '), mode).not.to.contain('cert-file');
    }
  });

  it('lets the Prometheus Operator verify the manager by what agents verify it by, also when the manager makes the certificate', async () => {
    const objects = await helm.objects('--set=metrics.serviceMonitor.enabled=true', '--api-versions=monitoring.coreos.com/v1');

    expect((the(objects, 'ServiceMonitor')['spec'] as { endpoints: unknown[] }).endpoints[0]).to.deep.include({
      scheme: 'https',
      tlsConfig: {
        serverName: `virt-steward-grpc.${NAMESPACE}.svc`,
        ca: { configMap: { name: 'virt-steward-grpc-ca', key: 'ca.crt' } },
      },
    });
  });

  it('has OpenShift sign the certificate of the Service in mode service-ca', async () => {
    const service = the(await helm.objects('--set=tls.mode=service-ca,openshift.enabled=true'), 'Service', 'virt-steward-grpc');

    expect(service.metadata['annotations']).to.include({ 'service.beta.openshift.io/serving-cert-secret-name': 'virt-steward-grpc-tls' });
  });

  it('limits who may reach the manager, and with egress what it may reach', async () => {
    const policy = (objects: TestObject[]): { ingress: unknown[]; egress?: unknown[]; policyTypes: string[] } =>
      the(objects, 'NetworkPolicy')['spec'] as { ingress: unknown[]; egress?: unknown[]; policyTypes: string[] };

    expect(policy(byDefault).ingress).to.deep.equal([9090, 8443, 8081].map((port) => ({ ports: [{ port, protocol: 'TCP' }] })));
    expect(policy(byDefault).policyTypes).to.deep.equal(['Ingress']);
    expect(policy(await helm.objects('--set=networkPolicy.egress.enabled=true')).egress).to.have.lengthOf(2);
  });

  it('warns in the notes of what is risky, and of nothing else', async () => {
    const notes = async (...args: string[]): Promise<string> =>
      (await helm.must('install', 'virt-steward', CHART, '--dry-run=client', ...args)).split('NOTES:')[1] ?? '';

    expect(await notes())
      .to.contain('kubectl apply')
      .and.not.contain('WARNINGS');
    expect(await notes('--set=wol.grpc.insecure=true')).to.match(/WARNINGS\n {2}wol\.grpc\.insecure/);
    expect((await notes()).split('\n')).to.have.length.below(41);
    expect(await notes('--set=platform.enabled=true')).to.match(/WARNINGS\n {2}platform\.enabled: .* reboot nodes/);
  });

  it('tells in the notes the next step of each module that is on', async () => {
    const values = '--set=platform.enabled=true,platform.activation=annotation,machines.enabled=true,machines.configsNamespace=clusters';
    const notes = (await helm.must('install', 'virt-steward', CHART, '--dry-run=client', values)).split('NOTES:')[1] ?? '';

    expect(notes).to.contain('kind: WolConfig').and.to.contain('platform.kubevirt.io/autopilot=true').and.to.contain('namespace: clusters');
    expect(notes).not.to.contain('{{');
    expect((await helm.must('install', 'virt-steward', CHART, '--dry-run=client')).split('NOTES:')[1]).not.to.match(/Platform:|Machines:/);
  });
});
