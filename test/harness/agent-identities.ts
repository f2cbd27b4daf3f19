/**
 * What the kubelet mounts for agents: real tokens, and the published authorities, in folders.
 *
 * Owns: the agents' service account, a pod for each agent that its token is bound to, the folders. Never: makes a token itself, but for
 * `signed`, which nobody else would make.
 */
import { createPrivateKey, sign } from 'node:crypto';
import { mkdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { poll } from './poll';
import { NAMESPACE, type StewardCluster, type TestObject } from './steward-cluster';

export const AGENT_ACCOUNT = 'virt-steward-wol-agent';
export const AUDIENCE = 'wol-manager';
/** The kubelet renews tokens of an hour; nobody does here. */
const TOKEN_SECONDS = 24 * 60 * 60;

const BUNDLE = { apiVersion: 'v1', kind: 'ConfigMap', metadata: { name: 'virt-steward-grpc-ca', namespace: NAMESPACE } };

export interface TokenWish {
  /** @default the agents' account */
  account?: string;
  audience?: string;
  /** Pod the token is bound to. @default none */
  pod?: string;
}

export class AgentIdentities {
  private constructor(private readonly cluster: StewardCluster) {}

  static async create(cluster: StewardCluster): Promise<AgentIdentities> {
    await cluster.api.apply(accountOf(AGENT_ACCOUNT));
    return new AgentIdentities(cluster);
  }

  /** The authorities that agents verify the manager against, once they are published. */
  async authorities(): Promise<string> {
    return poll('the authorities to be published', async () => {
      const bundle = await this.cluster.api.get<TestObject & { data?: Record<string, string> }>(BUNDLE);
      return bundle?.data?.['ca.crt'];
    });
  }

  async token({ account = AGENT_ACCOUNT, audience = AUDIENCE, pod }: TokenWish = {}): Promise<string> {
    if (account !== AGENT_ACCOUNT) await this.cluster.api.apply(accountOf(account));
    const boundObjectRef = pod === undefined ? undefined : { apiVersion: 'v1', kind: 'Pod', name: pod };
    const { status } = await this.cluster.api.ask<{ status: { token: string } }>({
      method: 'POST',
      path: `/api/v1/namespaces/${NAMESPACE}/serviceaccounts/${account}/token`,
      body: {
        apiVersion: 'authentication.k8s.io/v1',
        kind: 'TokenRequest',
        spec: { audiences: [audience], expirationSeconds: TOKEN_SECONDS, ...(pod === undefined ? {} : { boundObjectRef }) },
      },
    });
    return status.token;
  }

  /** A pod of the agents on a node; its name is that of the node. */
  async pod(nodeName: string): Promise<string> {
    const container = { name: 'agent', image: 'agent.example' };
    // Without a kubelet the node is not ready, and others would be evicted, which ends their tokens.
    const tolerations = [{ operator: 'Exists' }];
    await this.cluster.api.apply({ apiVersion: 'v1', kind: 'Node', metadata: { name: nodeName } });
    await this.cluster.api.apply({
      apiVersion: 'v1',
      kind: 'Pod',
      metadata: { name: nodeName, namespace: NAMESPACE },
      spec: { nodeName, serviceAccountName: AGENT_ACCOUNT, automountServiceAccountToken: false, tolerations, containers: [container] },
    });
    return nodeName;
  }

  /** A folder as it is mounted into the agent of that node. Write again what has changed with `update`. */
  async folder(nodeName: string, token?: string): Promise<string> {
    const folder = join(this.cluster.controlPlane.directory, `identity-${nodeName}-${Math.random().toString(36).slice(2)}`);
    mkdirSync(folder, { mode: 0o700 });
    put(folder, 'token', token ?? (await this.token({ pod: await this.pod(nodeName) })));
    await this.update(folder);
    return folder;
  }

  /** Brings the published authorities into the folder, as the kubelet does now and then. */
  async update(folder: string): Promise<void> {
    put(folder, 'ca.crt', await this.authorities());
  }

  /** Brings the token of the agent on that node into the folder. */
  async replaceToken(folder: string, nodeName: string): Promise<void> {
    put(folder, 'token', await this.token({ pod: await this.pod(nodeName) }));
  }

  /** A token with claims that the API server would not give, signed with its own key. */
  signed(like: string, claims: Readonly<Record<string, unknown>>): string {
    const [header = '', payload = ''] = like.split('.');
    const key = createPrivateKey(readFileSync(join(this.cluster.controlPlane.directory, 'pki', 'service-account.key')));
    const said = { ...(JSON.parse(Buffer.from(payload, 'base64url').toString('utf8')) as object), ...claims };
    const content = `${header}.${Buffer.from(JSON.stringify(said)).toString('base64url')}`;
    const signature = sign('sha256', Buffer.from(content), { key, dsaEncoding: 'ieee-p1363' });
    return `${content}.${signature.toString('base64url')}`;
  }
}

function accountOf(name: string): TestObject {
  return { apiVersion: 'v1', kind: 'ServiceAccount', metadata: { name, namespace: NAMESPACE } };
}

function put(folder: string, name: string, text: string): void {
  writeFileSync(join(folder, `.${name}`), text, { mode: 0o600 });
  renameSync(join(folder, `.${name}`), join(folder, name));
}
