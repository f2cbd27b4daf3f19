/**
 * An operator in this process on a clock of its own; between it and a real API server a proxy for bytes and one for requests.
 *
 * Owns: operator and proxies. Never: stops the control plane.
 */
import { setTimeout as pause } from 'node:timers/promises';
import { KubeConfig } from '@kubernetes/client-node';
import type { ControlPlane } from '../../../hack/control-plane';
import { Handler, OnEvent, StewardOperator } from '../../../src/framework';
import type { HandlerClass } from '../../../src/framework/decorators/handler';
import { delayMs, FakeClock, HttpFaultProxy, kubeconfigText, TcpFaultProxy } from '../../../src/framework/testing';
import { RecordingLogger } from '../../../src/framework/testing/recording-logger';
import type { ResourceEvent } from '../../../src/framework/watch/resource-event';
import { poll } from '../../harness/poll';
import { Part } from '../../unit/framework/faults/world';

/** Pieces in which time moves, with a pause for the network after each. */
const STEP_MS = 100;
/** How long a step waits at most for answers that the operator has asked for: an API server without etcd owes them for ever. */
const ANSWER_MS = 500;

const WRITES: ReadonlySet<string> = new Set(['create', 'update', 'patch', 'delete', 'deletecollection']);

export interface ProxiedRequest {
  readonly verb: string;
  readonly resource: string;
  readonly name: string;
  readonly query: URLSearchParams;
  /** On the clock of the stage. */
  readonly atMs: number;
}

export interface StageOptions {
  readonly handlers?: readonly HandlerClass[];
  /** Given the address of the outer proxy and the authority to trust. @default the administrator's */
  readonly kubeConfig?: (server: string, ca: string) => KubeConfig;
  /** Without the proxy for requests, so that the operator meets the certificate of the API server itself. @default false */
  readonly direct?: boolean;
  /** Elect a leader by this Lease in namespace default. @default no election */
  readonly lease?: string;
}

export class Stage {
  /** An hour behind, so that nothing that expires seems to. */
  readonly clock = new FakeClock(Date.now() - 3_600_000);
  readonly log = new RecordingLogger();
  readonly heard: string[] = [];
  readonly requests: ProxiedRequest[] = [];
  private controlPlane!: ControlPlane;
  tcp!: TcpFaultProxy;
  http!: HttpFaultProxy;
  operator!: StewardOperator;

  /** Resolves when parts were listed, and ten seconds later. */
  static async set(controlPlane: ControlPlane, options: StageOptions = {}): Promise<Stage> {
    const stage = new Stage();
    await stage.build(controlPlane, options);
    return stage;
  }

  private async build(controlPlane: ControlPlane, { handlers = [], kubeConfig, direct = false, lease }: StageOptions): Promise<void> {
    const { heard } = this;
    this.controlPlane = controlPlane;
    this.http = await HttpFaultProxy.start({ target: controlPlane.server, targetCa: controlPlane.ca });
    this.recordRequests();
    const inner = new URL(direct ? controlPlane.server : this.http.url);
    this.tcp = await TcpFaultProxy.start({ target: { host: '127.0.0.1', port: Number(inner.port) } });
    const server = `https://127.0.0.1:${this.tcp.port}`;
    const ca = direct ? controlPlane.ca : this.http.ca!;
    const admin = (): KubeConfig => {
      const config = new KubeConfig();
      config.loadFromString(kubeconfigText({ server, ca, token: controlPlane.adminToken }));
      return config;
    };
    @Handler()
    class Listener {
      @OnEvent(Part)
      seen({ type, object, lost }: ResourceEvent<Part>): void {
        heard.push(`${type} ${object.metadata?.name}${lost ? ' lost' : ''}`);
      }
    }
    this.operator = new StewardOperator({
      name: 'faults',
      namespace: 'default',
      leaderElection: lease === undefined ? undefined : { lease },
      domain: 'example.org',
      handlers: [Listener, ...handlers],
      kubeConfig: kubeConfig?.(server, ca) ?? admin(),
      clock: this.clock,
      logger: this.log,
    });
    await this.operator.start();
    await this.until('the first list', () => this.operator.cluster.store(Part).synced);
    await this.pass(10_000);
    heard.length = 0;
  }

  /** Requests of the given verb and resource (`parts/status` for a subresource) that have reached the proxy, oldest first. */
  requestsOf(verb: string, resource: string): readonly ProxiedRequest[] {
    return this.requests.filter((request) => request.verb === verb && request.resource === resource);
  }

  /** `verb resource name` of everything that was meant to change something, dry runs and what keeps the Lease left out. */
  get writes(): string[] {
    const changing = this.requests.filter(({ verb, resource, query }) => WRITES.has(verb) && resource !== 'leases' && !query.has('dryRun'));
    return changing.map(({ verb, resource, name }) => `${verb} ${resource} ${name}`.trim());
  }

  /** Adds a rule that never strikes. */
  private recordRequests(): void {
    this.http.faults.add({
      on: {
        when: ({ verb = '', resource = '', subresource = '', name = '', query }) => {
          const atMs = this.clock.monotonicMs();
          this.requests.push({ verb, resource: subresource === '' ? resource : `${resource}/${subresource}`, name, query, atMs });
          return false;
        },
      },
      do: delayMs(0),
    });
  }

  async pass(deltaMs: number, stepMs = STEP_MS): Promise<void> {
    for (let leftMs = deltaMs; leftMs > 0; leftMs -= stepMs) {
      await this.clock.advance(Math.min(stepMs, leftMs));
      await this.answerOfServer();
    }
  }

  /**
   * The clock goes no faster than the server does: what it is asked for meanwhile is answered in time, on a busy machine, too. An answer
   * that only etcd can give takes longer than one of the API server alone.
   */
  private async answerOfServer(): Promise<void> {
    await this.controlPlane.request({ path: '/version' }).catch(() => undefined);
    await pause(2);
    if (!this.controlPlane.pids.has('etcd')) return;
    for (const endsAtMs = performance.now() + ANSWER_MS; this.http.unanswered > 0 && performance.now() < endsAtMs; ) await pause(2);
  }

  /**
   * Time passes up to ten times as fast as on the wall.
   * @param limitMs on the clock, which then stands still while sockets take what they need. @default none
   */
  async until(what: string, isSo: () => boolean | Promise<boolean>, stepMs = STEP_MS, limitMs = Number.POSITIVE_INFINITY): Promise<void> {
    const endsAtMs = this.clock.monotonicMs() + limitMs;
    await poll(
      what,
      async () => {
        if (this.clock.monotonicMs() < endsAtMs) await this.clock.advance(stepMs);
        await this.answerOfServer();
        return isSo();
      },
      {
        intervalMs: 10,
        onTimeout: () => `heard: ${this.heard.join(', ')}\n${JSON.stringify(this.log.lines.slice(-5))}`,
      },
    );
  }

  async end(): Promise<void> {
    await this.tcp?.heal();
    await this.operator?.stop();
    await this.tcp?.stop();
    await this.http?.stop();
  }
}
