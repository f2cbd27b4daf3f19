import { expect } from 'chai';
import type { WolConfigAgent } from '../../../../src/api/wol/v1beta1';
import type { AgentSurroundings } from '../../../../src/wol/deployment/agent-daemon-set';
import { aConfig, aDaemonSet } from './builders';

interface Container {
  readonly env: readonly { readonly name: string; readonly value?: string }[];
  readonly [field: string]: unknown;
}
interface Pod {
  readonly containers: readonly [Container];
  readonly volumes?: readonly unknown[];
  readonly [field: string]: unknown;
}

function podOf(agent: WolConfigAgent = {}, around: Partial<AgentSurroundings> = {}): Pod {
  const { spec } = aDaemonSet(aConfig({ spec: { agent } }), around);
  return (spec as { template: { spec: Pod } }).template.spec;
}
const containerOf = (agent?: WolConfigAgent, around?: Partial<AgentSurroundings>): Container => podOf(agent, around).containers[0];
const names = ({ env }: Container): string[] => env.map(({ name }) => name);
const variableOf = ({ env }: Container, wanted: string): string | undefined => env.find(({ name }) => name === wanted)?.value;

const FOLDER = '/var/run/secrets/virt-steward/grpc';
const TOKEN = { serviceAccountToken: { audience: 'wol-manager', expirationSeconds: 3_600, path: 'token' } };
const CA = { configMap: { name: 'virt-steward-grpc-ca', items: [{ key: 'ca.crt', path: 'ca.crt' }] } };

describe('the DaemonSet that is asked for', () => {
  it('gives agents a token for the manager alone and the authority to know it by', () => {
    const pod = podOf();

    expect(pod.volumes).to.deep.equal([{ name: 'grpc-identity', projected: { sources: [TOKEN, CA] } }]);
    expect(pod.containers[0]['volumeMounts']).to.deep.equal([{ name: 'grpc-identity', mountPath: FOLDER, readOnly: true }]);
    expect(pod['automountServiceAccountToken']).to.equal(false);
  });

  it('names its variables in the order of the specification', () => {
    const all = containerOf({ rawEthernet: true }, { transport: 'mtls' });

    expect(names(all)).to.deep.equal([
      ...['NODE_NAME', 'POD_NAMESPACE', 'WOLCONFIG_NAME', 'HEALTH_PROBE_BIND_ADDRESS'],
      ...['GRPC_CA_FILE', 'GRPC_TOKEN_FILE', 'GRPC_CERT_FILE', 'GRPC_KEY_FILE', 'RAW_ETHERNET', 'NODE_OPTIONS'],
    ]);
    expect(variableOf(all, 'GRPC_CA_FILE')).to.equal(`${FOLDER}/ca.crt`);
    expect(variableOf(all, 'GRPC_TOKEN_FILE')).to.equal(`${FOLDER}/token`);
    expect(variableOf(all, 'GRPC_CERT_FILE')).to.equal(`${FOLDER}/tls.crt`);
    expect(variableOf(all, 'GRPC_KEY_FILE')).to.equal(`${FOLDER}/tls.key`);
  });

  it('gives agents a client certificate where the manager asks for one', () => {
    const items = ['tls.crt', 'tls.key'].map((path) => ({ key: path, path }));
    const secret = { secret: { name: 'virt-steward-wol-agent-tls', items } };

    expect(podOf({}, { transport: 'mtls' }).volumes).to.deep.equal([
      { name: 'grpc-identity', projected: { sources: [TOKEN, CA, secret] } },
    ]);
  });

  it('mounts nothing and says so where the manager serves in plaintext', () => {
    const pod = podOf({}, { transport: 'insecure' });

    expect(pod).not.to.have.property('volumes');
    expect(pod.containers[0]).not.to.have.property('volumeMounts');
    expect(variableOf(pod.containers[0], 'GRPC_INSECURE')).to.equal('true');
    expect(names(pod.containers[0])).not.to.include('GRPC_TOKEN_FILE');
  });

  it('asks for no user but a non-root one, and for nothing beyond low ports', () => {
    const pod = podOf();

    expect(pod['securityContext']).to.deep.equal({ runAsNonRoot: true, seccompProfile: { type: 'RuntimeDefault' } });
    expect(pod.containers[0]['securityContext']).to.deep.equal({
      allowPrivilegeEscalation: false,
      readOnlyRootFilesystem: true,
      runAsNonRoot: true,
      capabilities: { drop: ['ALL'], add: ['NET_BIND_SERVICE'] },
    });
    for (const field of ['hostPID', 'hostIPC', 'affinity', 'nodeSelector', 'priorityClassName']) expect(pod).not.to.have.property(field);
    for (const field of ['command', 'ports']) expect(pod.containers[0]).not.to.have.property(field);
  });

  it('runs agents as root with NET_RAW only where Ethernet frames are asked for', () => {
    const pod = podOf({ rawEthernet: true });

    const root = { runAsNonRoot: false, runAsUser: 0 };
    expect(pod['securityContext']).to.deep.equal({ ...root, seccompProfile: { type: 'RuntimeDefault' } });
    expect(pod.containers[0]['securityContext']).to.deep.equal({
      allowPrivilegeEscalation: false,
      readOnlyRootFilesystem: true,
      ...root,
      capabilities: { drop: ['ALL'], add: ['NET_BIND_SERVICE', 'NET_RAW'] },
    });
    expect(variableOf(pod.containers[0], 'RAW_ETHERNET')).to.equal('true');
  });

  const heaps: readonly (readonly [string, WolConfigAgent['resources'], string | undefined])[] = [
    ['half of the default limit', undefined, '--max-old-space-size=64'],
    ['half of a given limit', { limits: { memory: '200Mi' } }, '--max-old-space-size=100'],
    ['never less than Node needs', { limits: { memory: '40Mi' } }, '--max-old-space-size=32'],
    ['no word of it without a limit', { requests: { memory: '40Mi' } }, undefined],
    ['no word of it with claims only', { claims: [{ name: 'nic' }] }, undefined],
  ];
  for (const [what, resources, options] of heaps) {
    it(`limits the heap: ${what}`, () => {
      const container = containerOf(resources === undefined ? {} : { resources });

      expect(variableOf(container, 'NODE_OPTIONS')).to.equal(options);
      if (resources !== undefined) expect(container['resources']).to.deep.equal(resources);
    });
  }

  it('listens on the effective ports', () => {
    const argsOf = (spec: NonNullable<Parameters<typeof aConfig>[0]>['spec']): unknown =>
      (aDaemonSet(aConfig({ spec: spec ?? {} })).spec as { template: { spec: Pod } }).template.spec.containers[0]['args'];

    expect(argsOf({})).to.include('--ports=9');
    expect(argsOf({ wolPort: 7 })).to.include('--ports=7');
    expect(argsOf({ wolPorts: [9, 40_000, 9], wolPort: 7 })).to.include('--ports=9,40000');
  });

  it('takes the pull policy of the config before that of the manager, and a whole update strategy', () => {
    expect(containerOf({})['imagePullPolicy']).to.equal('Always');
    expect(containerOf({ imagePullPolicy: 'Never' })['imagePullPolicy']).to.equal('Never');
    const updateStrategy = { type: 'OnDelete' };
    expect(aDaemonSet(aConfig({ spec: { agent: { updateStrategy } } })).spec?.['updateStrategy']).to.deep.equal(updateStrategy);
    expect(aDaemonSet().spec?.['updateStrategy']).to.deep.equal({ type: 'RollingUpdate', rollingUpdate: { maxUnavailable: 1 } });
  });
});
