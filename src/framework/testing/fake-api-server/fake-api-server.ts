/**
 * An API server in the test's own process: real HTTP on 127.0.0.1, objects in memory, time from a Clock.
 *
 * Expected flow: `await FakeApiServer.start(options)` -> requests -> `await server.stop()`.
 * Guarantees: answers, errors, watch order, managedFields and conflicts are those of kube-apiserver 1.36 (one contract suite runs against both).
 * Assumptions: one process; nothing is kept after `stop`.
 * Known differences from the real server:
 * - built-in kinds are neither defaulted nor validated beyond their metadata; status writes to them never change metadata;
 * - pods, namespaces and services go at once, without grace period, finalizing or allocation of addresses;
 * - a namespace need not exist to create objects in it; admission is absent;
 * - no CEL rules, conversion webhooks, string formats, strategic merge patch, Table, YAML or protobuf answers, OpenAPI, aggregated discovery;
 * - events of `v1` and `events.k8s.io/v1` are two kinds; Role objects grant nothing (rights come from `server.auth`);
 * - kinds from `defineKind` have no schema: nothing is pruned, lists merge as atomic except the built-in knowledge (metadata, conditions);
 * - versions of a kind differ in apiVersion only; the history is bounded by count, continue tokens by 5 minutes of the injected clock;
 * - an empty map that was applied is stored as absent at once, where the real server writes the object once more at the next patch;
 * - HTTP/1.1 only; causes of a 422 come in schema order, on the real server in any order;
 * - a PUT, POST or PATCH takes effect between two turns of the event loop, so two writers never race inside one write.
 */
import { readFileSync } from 'node:fs';
import { createServer as createHttpServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import { createServer as createHttpsServer, type Server as HttpsServer } from 'node:https';
import type { Kind } from '../../kinds/kind';
import { type Clock, SystemClock } from '../../time/clock';
import { closeServer, listenLocally, SocketTable } from '../socket-table';
import { TestCertificateAuthority } from '../test-certificates';
import { Authenticator } from './auth/authenticator';
import { CrdController } from './crd-controller';
import { type FaultHandle, type FaultMatch, FaultPlan, type FaultRule } from './faults/fault-plan';
import type { Fault } from './faults/faults';
import { GarbageCollector } from './garbage-collector';
import { Discovery } from './http/discovery';
import { RequestHandler } from './http/request-handler';
import { ResourceHandler } from './http/resource-handler';
import { SubresourceTable } from './http/subresources';
import { Journal } from './journal';
import { BUILTIN_KINDS } from './kinds/builtin-kinds';
import { crdsIn } from './kinds/crd';
import { idOf, servedKindOf } from './kinds/served-kind';
import { ServedKinds } from './kinds/served-kinds';
import { kubeconfigText } from './kubeconfig';
import { ObjectAccess } from './object-access';
import { type Backup, ObjectStore } from './storage/object-store';
import { ObjectWriter } from './storage/object-writer';
import { Pager } from './storage/pages';

export interface FakeApiServerOptions {
  /** Kinds served from the start, beside the built-in ones. @default [] */
  kinds?: readonly Kind[];
  /** Paths of CRD YAML files served from the start. @default [] */
  crdFiles?: readonly string[];
  /** Serve Namespace, Pod, ConfigMap, Secret, DaemonSet, Lease and the like. @default true */
  builtins?: boolean;
  /** Source of creationTimestamp, bookmarks, watch timeouts, delays. @default the machine's clock */
  clock?: Clock;
  /** Serve HTTPS with a certificate of a new test authority. @default false */
  tls?: boolean;
  /** 0 = any free port. @default 0 */
  port?: number;
  /** Delete dependents when their owner is gone. @default false, as on a server without controller manager */
  garbageCollection?: boolean;
  /** Milliseconds between bookmarks. @default 60000, as kube-apiserver */
  bookmarkPeriodMs?: number;
  /** Milliseconds until a watch without timeoutSeconds ends. @default 1800000, the minimum of kube-apiserver */
  watchTimeoutMs?: number;
  /** Events remembered per kind; older start versions get 410. @default 10000 */
  historyLimit?: number;
  /** The resourceVersion before the first write. @default 1000 */
  startVersion?: number;
}

export class FakeApiServer implements AsyncDisposable {
  readonly journal = new Journal();
  readonly auth = new Authenticator();
  readonly subresources = new SubresourceTable();
  /** Direct access to what is stored, without HTTP. */
  readonly objects: ObjectAccess;
  private readonly plan = new FaultPlan();
  private readonly served = new ServedKinds();
  private readonly store: ObjectStore;
  private readonly pager: Pager;
  private readonly handler: RequestHandler;
  private readonly crds: CrdController;
  private sockets: SocketTable | undefined;
  private authority: TestCertificateAuthority | undefined;
  private server: Server | HttpsServer | undefined;
  private boundPort = 0;

  private constructor(private readonly options: FakeApiServerOptions) {
    const clock = options.clock ?? new SystemClock();
    this.store = new ObjectStore(options.startVersion ?? 1_000, options.historyLimit ?? 10_000);
    const writer = new ObjectWriter(this.store, clock);
    this.pager = new Pager(this.store, clock);
    this.objects = new ObjectAccess(this.store, writer, this.served);
    this.handler = new RequestHandler({
      store: this.store,
      kinds: this.served,
      resources: new ResourceHandler(this.store, writer, this.pager),
      pager: this.pager,
      discovery: new Discovery(this.served, () => this.subresources.forDiscovery()),
      authenticator: this.auth,
      faults: this.plan,
      journal: this.journal,
      subresources: this.subresources,
      clock,
      bookmarkPeriodMs: options.bookmarkPeriodMs ?? 60_000,
      defaultWatchTimeoutMs: options.watchTimeoutMs ?? 1_800_000,
    });
    this.crds = new CrdController(this.store, writer, this.served, clock, (id) => this.handler.endWatchesOf(id));
    if (options.builtins ?? true) for (const kind of BUILTIN_KINDS) this.served.set(kind);
    for (const kind of options.kinds ?? []) this.serve(kind);
    for (const file of options.crdFiles ?? []) this.installCrd(readFileSync(file, 'utf8'));
    if (options.garbageCollection ?? false) new GarbageCollector(this.store, writer, this.served);
  }

  /** @throws {TypeError} for a CRD file without a CustomResourceDefinition; the listen error when the port is taken. */
  static async start(options: FakeApiServerOptions = {}): Promise<FakeApiServer> {
    const server = new FakeApiServer(options);
    await server.listen();
    return server;
  }

  /** Base URL, without a slash at the end. */
  get url(): string {
    return `${this.options.tls === true ? 'https' : 'http'}://127.0.0.1:${this.boundPort}`;
  }

  get port(): number {
    return this.boundPort;
  }

  /** PEM of the authority to trust; `undefined` for plain HTTP. */
  get ca(): string | undefined {
    return this.authority?.cert;
  }

  get openWatches(): number {
    return this.handler.openWatches;
  }

  /** TCP connections open now. */
  get openSockets(): number {
    return this.sockets?.size ?? 0;
  }

  /** Changes while bytes are on their way; see `TestOperator.settle`. */
  get traffic(): number {
    return this.sockets?.traffic ?? 0;
  }

  get currentVersion(): number {
    return this.store.currentVersion;
  }

  readonly faults = {
    /** The rule strikes matching requests from now on. The first rule that matches wins. */
    add: (rule: FaultRule): FaultHandle => this.plan.add(rule),
    /** Forgets all rules. */
    clear: (): void => this.plan.clear(),
    /** Performs a fault on the matching watches that are open now. @returns how many. */
    strike: (on: FaultMatch, fault: Fault): number => this.handler.strike(on, fault),
  };

  /** Serves a kind from the next request on. Objects of an earlier time are still there. */
  serve(kind: Kind): void {
    this.served.set(servedKindOf(kind));
  }

  /** Whether requests for the kind are answered now. */
  serves(kind: Kind): boolean {
    return this.served.get(kind.id) !== undefined;
  }

  /** Serves the kinds of a CRD YAML text; the CustomResourceDefinition objects exist, too. */
  installCrd(yaml: string): void {
    for (const crd of crdsIn(yaml)) this.crds.install(crd);
  }

  /** The kind is 404 from the next request on; its watches end. Its objects go unless `keepObjects`. */
  unserve(kind: Kind | string, { keepObjects = false }: { keepObjects?: boolean } = {}): void {
    this.crds.remove(typeof kind === 'string' ? kind : idOf(kind), keepObjects);
  }

  /** Forgets the history: watches and pages from older versions get 410. */
  compact(): void {
    this.store.compact();
    this.pager.expireTokens();
  }

  /** Makes all continue tokens too old, and nothing else. */
  expireContinueTokens(): void {
    this.pager.expireTokens();
  }

  /** A bookmark on every open watch that asked for bookmarks, now. */
  sendBookmarks(): void {
    this.handler.sendBookmarks();
  }

  /** Moves resourceVersion on, as writes to other kinds would. */
  skipVersions(count: number): void {
    this.store.skipVersions(count);
  }

  backup(): Backup {
    return this.store.backup();
  }

  /** Puts an older state back, resourceVersion included, and cuts all connections: an etcd snapshot was restored. */
  restore(backup: Backup): void {
    this.store.restore(backup);
    this.pager.expireTokens();
    this.cutConnections();
  }

  /** Resets every connection; the server goes on listening. */
  cutConnections(): void {
    this.sockets?.destroyAll();
  }

  /** As if killed: connections are cut, new ones refused. Objects stay. */
  async pause(): Promise<void> {
    const { server, sockets } = this;
    this.server = undefined;
    if (server !== undefined && sockets !== undefined) await closeServer(server, sockets);
  }

  /** Listens again on the same port after `pause`. */
  async resume(): Promise<void> {
    if (this.server === undefined) await this.listen();
  }

  /** Idempotent. Nothing listens and no socket is open afterwards. */
  async stop(): Promise<void> {
    this.plan.clear();
    await this.pause();
  }

  /** `await using server = await FakeApiServer.start(...)` stops it at the end of the test, also when that fails. */
  [Symbol.asyncDispose](): Promise<void> {
    return this.stop();
  }

  /** New certificate for new connections; with `newAuthority`, signed by an authority that old clients do not trust. */
  rotateCertificate({ newAuthority = false }: { newAuthority?: boolean } = {}): void {
    if (this.authority === undefined) throw new TypeError('the fake API server speaks plain HTTP; start it with tls: true');
    if (newAuthority) this.authority = new TestCertificateAuthority();
    (this.server as HttpsServer | undefined)?.setSecureContext(this.authority.issue());
  }

  /** A kubeconfig text, credentials embedded. */
  kubeconfig(token?: string): string {
    return kubeconfigText({ server: this.url, ca: this.ca, token });
  }

  private async listen(): Promise<void> {
    const listener = (request: IncomingMessage, response: ServerResponse): void =>
      void this.handler.handle(request, response, () => this.sockets?.reset(request.socket));
    if (this.options.tls === true) this.authority ??= new TestCertificateAuthority();
    const server = this.authority === undefined ? createHttpServer(listener) : createHttpsServer(this.authority.issue(), listener);
    server.keepAliveTimeout = 0;
    server.requestTimeout = 0;
    this.sockets = new SocketTable(server);
    this.boundPort = await listenLocally(server, this.boundPort === 0 ? (this.options.port ?? 0) : this.boundPort);
    this.server = server;
  }
}
