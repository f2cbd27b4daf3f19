/** A supervisor and a remote cluster for `virt-steward kubeconfig --apply`, without a manager: the test says what the status tells. */
import { setTimeout as pause } from 'node:timers/promises';
import { KubeConfig } from '@kubernetes/client-node';
import { type KubeClient, Namespace, openClient, type RbacRule, Secret, SystemClock } from '../../../../src/framework';
import { FakeApiServer, FakeClock } from '../../../../src/framework/testing';
import { KubevirtConfig } from '../../../../src/machines';
import { CREDENTIAL_LABEL } from '../../../../src/machines/remote-access/remote-access-objects';
import { compileRemoteAccessOptions } from '../../../../src/machines/remote-access/remote-access-options';
import { runRemoteAccess } from '../../../../src/machines/remote-access/run-remote-access';
import { crdText } from '../clusters/clusters-world';

export type Status = NonNullable<KubevirtConfig['status']>;

export interface AccessOutcome {
  readonly done: boolean;
  readonly printed: readonly string[];
  readonly warnings: readonly string[];
  /** How often it looked at the supervisor after the new credential was written. */
  readonly looks: number;
}

export class AccessWorld implements AsyncDisposable {
  readonly interrupt = new AbortController();
  private readonly clock = new FakeClock();

  private constructor(
    readonly supervisor: FakeApiServer,
    readonly remote: FakeApiServer,
    private readonly clients: readonly { client: KubeClient; close(): void }[],
  ) {}

  static async start(): Promise<AccessWorld> {
    const supervisor = await FakeApiServer.start();
    const remote = await FakeApiServer.start();
    supervisor.installCrd(crdText('kubevirtconfigs'));
    remote.objects.create(Namespace, { metadata: { name: 'virt-steward' } });
    const clients = [supervisor, remote].map((server) => {
      const kubeConfig = new KubeConfig();
      kubeConfig.loadFromString(server.kubeconfig());
      return openClient(kubeConfig, { clock: new SystemClock(), userAgent: 'test' });
    });
    return new AccessWorld(supervisor, remote, clients);
  }

  /** A cluster that works with a credential of an earlier run. */
  connected(status: Partial<Status> = {}, secretName = 'east-kubeconfig'): void {
    const { credential, supervisor } = this;
    credential('virt-steward-old', OLD);
    const secret = supervisor.objects.create(Secret, {
      metadata: { namespace: 'default', name: secretName },
      data: { kubeconfig: Buffer.from(OLD).toString('base64') },
    });
    supervisor.objects.create(KubevirtConfig, {
      metadata: { namespace: 'default', name: 'east' },
      spec: { name: 'east', kubeconfigSecretRef: secretName },
    });
    const origin = { namespace: 'default', name: secretName, resourceVersion: secret.metadata!.resourceVersion! };
    this.say({ ...READY, credentialsInUse: origin, observedCredentials: origin, ...status });
  }

  readonly credential = (name: string, token: string, more: Record<string, string> = {}): void => {
    const labels = { [CREDENTIAL_LABEL]: 'virt-steward', ...more };
    const data = { token: Buffer.from(token).toString('base64') };
    this.remote.objects.create(Secret, { metadata: { namespace: 'virt-steward', name, labels }, data });
  };

  /** Time for the command, from when the cluster was made. */
  async pass(ms: number): Promise<void> {
    await this.clock.advance(ms + Date.now() - this.clock.now());
  }

  private get lacksToken(): boolean {
    return this.remote.objects.list(Secret).some(({ data }) => data?.['token'] === undefined);
  }

  /** As a manager would. */
  say(status: Status): void {
    this.supervisor.objects.update(KubevirtConfig, 'default/east', (config) => {
      config.status = status;
    });
  }

  get config(): KubevirtConfig | undefined {
    return this.supervisor.objects.get(KubevirtConfig, 'default/east');
  }

  get secret(): Secret | undefined {
    return this.supervisor.objects.get(Secret, 'default/east-kubeconfig');
  }

  /** The Secret as it is now, as a status names it. */
  get origin(): { namespace: string; name: string; resourceVersion: string } {
    return { namespace: 'default', name: 'east-kubeconfig', resourceVersion: this.secret!.metadata!.resourceVersion! };
  }

  get kubeconfig(): string {
    return Buffer.from(this.secret?.data?.['kubeconfig'] ?? '', 'base64').toString();
  }

  get credentials(): string[] {
    return this.remote.objects.list(Secret).map(({ metadata }) => metadata?.name ?? '');
  }

  /**
   * @param whileWaiting called while the command waits to look at the supervisor again, with the number of looks before; for the first
   * time after the new credential was written.
   * @param beforeToken called while the command waits for the token of the new credential.
   */
  async run(whileWaiting: (looks: number) => void = () => undefined, beforeToken: () => void = () => undefined): Promise<AccessOutcome> {
    const [printed, warnings]: [string[], string[]] = [[], []];
    let [isOver, hasWritten] = [false, false];
    const options = compileRemoteAccessOptions({
      ...{ context: 'east', name: 'east', remoteNamespace: 'virt-steward', serviceAccount: 'virt-steward' },
      ...{ configNamespace: 'default', output: 'yaml', apply: true, supervisorContext: 'supervisor' },
    });
    const running = runRemoteAccess(options, {
      ...{ supervisor: this.clients[0]!.client, remote: this.clients[1]!.client, clock: this.clock, signal: this.interrupt.signal },
      ...{ endpoint: { server: this.remote.url, caData: undefined, tlsServerName: undefined }, rules: RULES },
      print: (line) => printed.push(line),
      warn: (line) => warnings.push(line),
    }).finally(() => {
      isOver = true;
    });
    running.catch(() => undefined);
    // Time moves only while the command waits for it.
    let looks = 0;
    for (; !isOver; await pause(1)) {
      if (this.clock.pendingTimers === 0) continue;
      hasWritten ||= this.kubeconfig.includes(TOKEN);
      if (hasWritten) whileWaiting(looks++);
      if (this.lacksToken) beforeToken();
      this.fillTokens();
      await this.clock.advance(500);
    }
    return { done: await running, printed, warnings, looks };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const { close } of this.clients) close();
    await Promise.all([this.supervisor.stop(), this.remote.stop()]);
  }

  /** As somebody else would. */
  writeSecret(content: string): void {
    this.supervisor.objects.update(Secret, 'default/east-kubeconfig', (secret) => {
      secret.data = { kubeconfig: Buffer.from(content).toString('base64') };
    });
  }

  /** As kube-controller-manager does. */
  private fillTokens(): void {
    for (const { metadata, data } of this.remote.objects.list(Secret)) {
      if (data?.['token'] !== undefined) continue;
      this.remote.objects.update(Secret, `virt-steward/${metadata?.name}`, (secret) => {
        secret.data = { token: Buffer.from(TOKEN).toString('base64') };
      });
    }
  }
}

export const TOKEN = 'new-token';
/** Token of the credential before, and all that the Secret holds. */
const OLD = 'old';
const RULES: readonly RbacRule[] = [
  { group: 'kubevirt.io', resource: 'kubevirts', verbs: ['get'], names: [], namespace: undefined, reasons: [] },
];
export const READY: Status = {
  ...{ phase: 'Ready', status: 'Connected', message: '' },
  conditions: [
    { type: 'Connected', status: 'True', reason: 'Connected', message: '' },
    { type: 'CredentialsValid', status: 'True', reason: 'Valid', message: '' },
  ],
};

export function withProblem(message: string): Status {
  return {
    ...READY,
    conditions: [
      { type: 'Connected', status: 'True', reason: 'Connected', message: '' },
      { type: 'CredentialsValid', status: 'False', reason: 'NotConnected', message },
    ],
  };
}
