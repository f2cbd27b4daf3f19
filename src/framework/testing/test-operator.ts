/**
 * The whole engine on a FakeApiServer and a FakeClock, in the test's own process.
 *
 * Expected flow: `TestOperator.start` -> change objects in the server -> `settle` or `advance` -> look at the server and at `key` -> `stop`.
 * Guarantees: after `settle` nothing can happen any more unless time moves or the test does something; in `advance` every timer waits
 * until the I/O of the one before has ended, so that a time limit never strikes a request that is merely under way.
 * Assumptions: server and operator share the clock; one test drives one operator at a time.
 * Caveats: a handler that awaits something other than an API server it knows of or the clock is not waited for; poll for what it does.
 * Errors: `settle` throws when there is no end of it, as with handlers that wake each other for ever.
 */
import { KubeConfig } from '@kubernetes/client-node';
import type { Cluster } from '../cluster/cluster';
import type { HandlerClass } from '../decorators/handler';
import { Lease } from '../kinds/core-kinds';
import type { Kind } from '../kinds/kind';
import { type ObjectKey, objectKey } from '../kinds/object';
import type { OperatorOptions } from '../runtime/operator-options';
import type { HandlerRun } from '../runtime/pass-ports';
import { StewardOperator } from '../runtime/steward-operator';
import { SystemClock } from '../time/clock';
import { sleep } from '../time/sleep';
import type { FakeApiServer } from './fake-api-server/fake-api-server';
import type { JournalEntry } from './fake-api-server/journal';
import { kubeconfigText } from './fake-api-server/kubeconfig';
import type { FakeClock } from './fake-clock';
import { TcpFaultProxy } from './fault-proxy/tcp-fault-proxy';
import { MortalClock } from './mortal-clock';

export interface TestOperatorOptions
  extends Omit<OperatorOptions, 'handlers' | 'clock' | 'kubeConfig' | 'name' | 'leaderElection' | 'healthAddress' | 'metrics' | 'onRun'> {
  readonly handlers: readonly HandlerClass[];
  /** Plain HTTP or TLS, started with `clock`. */
  readonly server: FakeApiServer;
  readonly clock: FakeClock;
  /** Servers of remote clusters that the operator engages, started with `clock`: `settle` waits for them as well. @default [] */
  readonly remotes?: readonly FakeApiServer[];
  /** @default test-operator */
  name?: string;
  /** Of a user of `server.auth`, to run with that user's rights only. @default none: everything is allowed while no user is known */
  token?: string;
  /** Elect a leader: `leader` = it wins the election, `standby` = another process leads until `becomeLeader`. @default no election */
  election?: 'leader' | 'standby';
  /** Makes the kubeconfig, given the address to connect to, for credentials and certificates that change. @default no credential */
  kubeConfig?: (server: string) => KubeConfig;
  /** Real milliseconds after which `settle` gives up; more for a test with very many objects. @default 120000 */
  settleLimitMs?: number;
  /** Makes the operator, for subclasses of StewardOperator. @default a StewardOperator */
  create?: (options: OperatorOptions) => StewardOperator;
}

/** What is known of one key. */
export interface KeyHistory {
  /** Handler runs that ended, oldest first, over all restarts. */
  readonly history: readonly HandlerRun[];
}

interface Life {
  readonly operator: StewardOperator;
  readonly clock: MortalClock;
  readonly proxy: TcpFaultProxy;
}

/** Turns of the event loop without any sign of life that count as quiet. Loopback I/O needs one or two a hop. */
const QUIET_TURNS = 12;
const SETTLE_LIMIT_MS = 120_000;
/**
 * Milliseconds of CPU of this process without a sign after which a list that is under way counts as stuck: a page takes a few. Not of
 * real time, of which a busy machine gives a process little.
 */
const UNPACKING_CPU_MS = 100;
const LEASE_NAME = 'test-operator';
const RIVAL = 'another-process';
/** Longest time between two looks at the Lease: 2 s, plus 20 %. */
const LEASE_LOOK_MS = 2_400;
/** A rival that never has to renew. */
const RIVAL_DURATION_S = 1_000_000;

export class TestOperator implements AsyncDisposable {
  private readonly runs: HandlerRun[] = [];
  private readonly real = new SystemClock();
  private life: Life | undefined;

  private constructor(private readonly options: TestOperatorOptions) {}

  /** Resolves when the operator has settled: everything was listed, and every handler that was due has run. */
  static async start(options: TestOperatorOptions): Promise<TestOperator> {
    const made = new TestOperator(options);
    if (options.election === 'standby') made.giveLeaseTo(RIVAL, RIVAL_DURATION_S);
    await made.begin();
    return made;
  }

  /** The operator of the present life. @throws {TypeError} when it was killed or stopped. */
  get operator(): StewardOperator {
    if (this.life === undefined) throw new TypeError('the test operator does not run; call restart');
    return this.life.operator;
  }

  /** As handlers see it: stores, availability of kinds. */
  get cluster(): Cluster {
    return this.operator.cluster;
  }

  /** Between operator and server, for faults of the network. */
  get proxy(): TcpFaultProxy {
    if (this.life === undefined) throw new TypeError('the test operator does not run; call restart');
    return this.life.proxy;
  }

  /** Waits until everything has happened that can happen without time passing: queues empty, informers caught up. */
  async settle(): Promise<void> {
    const limitMs = this.options.settleLimitMs ?? SETTLE_LIMIT_MS;
    const startMs = this.real.monotonicMs();
    let last = this.signs();
    let lastSignCpuMs = cpuMs();
    for (let quietTurns = 0; quietTurns < QUIET_TURNS || this.mayBeUnpacking(lastSignCpuMs); ) {
      if (quietTurns % QUIET_TURNS === QUIET_TURNS / 2) await sleep(this.real, 1);
      else await new Promise<void>((resolve) => setImmediate(resolve));
      const now = this.signs();
      if (now !== last) lastSignCpuMs = cpuMs();
      quietTurns = now === last ? quietTurns + 1 : 0;
      last = now;
      if (this.real.monotonicMs() - startMs > limitMs)
        throw new Error(`the operator did not settle within ${limitMs} ms: something goes on for ever without time passing`);
    }
  }

  /** Moves the clock, and settles whenever a timer has fired. */
  advance(deltaMs: number): Promise<void> {
    return this.options.clock.advance(deltaMs, () => this.settle());
  }

  /** What handlers did for one object, or one key of a virtual kind. */
  key(kind: Pick<Kind, 'id'>, key: ObjectKey): KeyHistory {
    return { history: this.runs.filter((run) => run.kind.id === kind.id && run.key === key) };
  }

  /** Requests that changed something or could have, oldest first, over all restarts; those for the Lease are left out. */
  writes(): readonly JournalEntry[] {
    return this.options.server.journal.writes().filter(({ resource }) => resource !== Lease.plural);
  }

  /** Ends the operator as kill -9 does: connections are cut, no timer fires any more, nothing is released or flushed. */
  async kill(): Promise<void> {
    const { life } = this;
    this.life = undefined;
    life?.clock.kill();
    await life?.proxy.stop();
  }

  /** Kills it, unless that was done, and starts a new one. Resolves when that has settled. */
  async restart(): Promise<void> {
    await this.kill();
    await this.begin();
  }

  /** The other process gives the Lease up; resolves when this one leads. Needs `election`. */
  async becomeLeader(): Promise<void> {
    this.giveLeaseTo('', 1);
    await this.advance(LEASE_LOOK_MS);
    if (!this.isLeader) throw new Error('the operator did not become the leader');
  }

  /** Another process takes the Lease; resolves when this one has noticed. Needs `election`. */
  async loseLeadership(): Promise<void> {
    this.giveLeaseTo(RIVAL, RIVAL_DURATION_S);
    await this.advance(LEASE_LOOK_MS);
  }

  /** Whether the Lease names this operator; without `election` always true. */
  get isLeader(): boolean {
    if (this.options.election === undefined) return true;
    const holder = this.options.server.objects.get(Lease, this.leaseKey)?.spec?.holderIdentity ?? '';
    return holder !== '' && holder !== RIVAL;
  }

  /** Shuts down in order. @returns the exit code. Handlers that hang need `advance` beside it. */
  async stop(): Promise<number> {
    const { life } = this;
    this.life = undefined;
    if (life === undefined) return 0;
    await life.operator.stop();
    await life.proxy.stop();
    return life.operator.finished;
  }

  /** `await using operator = await TestOperator.start(...)` shuts it down at the end of the test, also when that fails. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.stop();
  }

  private async begin(): Promise<void> {
    const {
      server,
      handlers,
      name = 'test-operator',
      election,
      create,
      clock: _,
      remotes: _r,
      token,
      settleLimitMs: __,
      kubeConfig: made,
      ...rest
    } = this.options;
    const clock = new MortalClock(this.options.clock);
    const proxy = await TcpFaultProxy.start({ target: { host: '127.0.0.1', port: server.port }, clock });
    const address = `${server.ca === undefined ? 'http' : 'https'}://127.0.0.1:${proxy.port}`;
    const kubeConfig = made?.(address) ?? plain(address, server.ca, token);
    const options: OperatorOptions = {
      random: () => 0.5,
      instance: 'test',
      // A rejection that nobody waits for is a mistake of the test or of the handler: the test runner tells.
      handleProcessErrors: false,
      ...rest,
      ...{ name, handlers, clock, kubeConfig },
      ...(election === undefined ? {} : { leaderElection: { lease: LEASE_NAME } }),
      onRun: (run) => void this.runs.push(run),
    };
    const operator = create?.(options) ?? new StewardOperator(options);
    this.life = { operator, clock, proxy };
    try {
      await operator.start();
    } catch (error) {
      await this.kill();
      throw error;
    }
    await this.settle();
  }

  private get leaseKey(): ObjectKey {
    const { namespace, name = 'test-operator' } = this.options;
    return objectKey(namespace ?? name, LEASE_NAME);
  }

  private giveLeaseTo(holderIdentity: string, leaseDurationSeconds: number): void {
    if (this.options.election === undefined) throw new TypeError('the test operator elects no leader; start it with election');
    const { objects } = this.options.server;
    const { namespace, name = 'test-operator' } = this.options;
    const spec = { holderIdentity, leaseDurationSeconds };
    if (objects.get(Lease, this.leaseKey) === undefined) {
      objects.create(Lease, { metadata: { namespace: namespace ?? name, name: LEASE_NAME }, spec });
    } else {
      objects.update(Lease, this.leaseKey, (lease) => {
        lease.spec = { ...lease.spec, ...spec };
      });
    }
  }

  /** Long lists are compressed, and unpacked by another thread without a sign of life on this one. */
  private mayBeUnpacking(lastSignCpuMs: number): boolean {
    const informers = this.life?.operator.cluster.informers.list() ?? [];
    return informers.some((informer) => informer.status().state === 'Listing') && cpuMs() - lastSignCpuMs < UNPACKING_CPU_MS;
  }

  /** Changes whenever anything happens: requests, bytes, writes, timers, runs. */
  private signs(): string {
    const { server, remotes = [], clock } = this.options;
    const served = [server, ...remotes].flatMap(({ journal, currentVersion, traffic, openSockets, openWatches }) => {
      return [journal.total, currentVersion, traffic, openSockets, openWatches];
    });
    const { timersSet, pendingTimers } = clock;
    return [...served, timersSet, pendingTimers, this.runs.length].join(' ');
  }
}

function plain(server: string, ca: string | undefined, token: string | undefined): KubeConfig {
  const kubeConfig = new KubeConfig();
  kubeConfig.loadFromString(kubeconfigText({ server, ca, token }));
  return kubeConfig;
}

function cpuMs(): number {
  const { user, system } = process.cpuUsage();
  return (user + system) / 1_000;
}
