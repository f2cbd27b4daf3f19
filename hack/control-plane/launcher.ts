/**
 * Starts real Kubernetes control planes for tests, the demo and development.
 *
 * Owns: the order of starting, readiness, outages on purpose, the admin's access.
 * Never: applies manifests; shares anything between two control planes; installs signal handlers.
 * Invariant: whatever happens to this process, nothing of a control plane outlives it (process-group.ts).
 */
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { type ControlPlaneBinaries, type ResolveOptions, resolveBinaries } from './binaries';
import * as components from './components';
import { type Component, type ControlPlaneFiles, filesIn, LOOPBACK, logFileOf } from './components';
import { type Credentials, writeCredentials, writePrivately, writeServingCertificate } from './credentials';
import { storeInEtcd } from './etcd-store';
import { kubeconfigText } from './kubeconfig';
import { endOf, tailOf } from './log-tail';
import { freePort } from './ports';
import { ProcessGroup, type SupervisedProcess } from './process-group';
import { type RestRequest, type RestResponse, rest } from './rest';

export interface ControlPlaneOptions extends ResolveOptions {
  /** Run kube-controller-manager: garbage collection, namespaces, workloads. @default true if the binaries have it */
  readonly controllerManager?: boolean;
  /** Run kube-scheduler. @default false */
  readonly scheduler?: boolean;
  /** Address of this machine at which the API server is reached, also by nodes. @default 127.0.0.1 */
  readonly address?: string;
  /** Further flags, after our own; of repeated flags the last wins. */
  readonly extraArgs?: Readonly<Partial<Record<Component, readonly string[]>>>;
  /** Users whose requests are recorded in {@link ControlPlane.auditLog}. @default [] */
  readonly auditUsers?: readonly string[];
  /** Longest wait for each step of the start, in milliseconds; building the binaries is not counted. @default 60000 */
  readonly readyTimeoutMs?: number;
  /** Proposes ports for the API server; asked again when one turns out to be taken. @default a random free one */
  readonly findPort?: (host: string) => Promise<number>;
}

/** A bound port is met about once in 10,000 launches; five in a row mean something else is wrong. */
const MAX_PORT_ATTEMPTS = 5;
/** `sun_path` holds 104 bytes on macOS and 108 on Linux, with a closing zero. */
const MAX_SOCKET_PATH_BYTES = 103;
const READY_POLL_MS = 50;
/** Short, so that a request to a server that hangs does not eat the whole time. */
const REQUEST_TIMEOUT_MS = 5_000;
/** A single object is always read from etcd, never from the watch cache. */
const READ_FROM_ETCD = '/api/v1/namespaces/default';
/** Made by the controller-manager within a second once its controllers run; pods cannot be created before. */
const MADE_BY_CONTROLLERS = '/api/v1/namespaces/default/serviceaccounts/default';
const DEFAULT_READY_TIMEOUT_MS = 120_000;
const TOKEN_SECONDS = 24 * 60 * 60;

/**
 * Starts one control plane and waits until it is ready; call it several times for several independent ones.
 *
 * The first call on a machine may build the binaries, which takes minutes (see binaries.ts).
 *
 * @throws {Error} when there are no binaries and no way to make them, a server does not come up (then with the end of its log), or `signal` aborts.
 */
export async function startControlPlane(options: ControlPlaneOptions = {}): Promise<ControlPlane> {
  const binaries = await resolveBinaries(options);
  for (const component of wanted(options)) {
    if (binaries.commands[component] === undefined) throw new Error(`${component} was asked for, but KUBEBUILDER_ASSETS has none`);
  }
  const group = await ProcessGroup.create(join(tmpdir(), 'virt-steward-control-plane-'));
  try {
    const files = filesIn(group.directory);
    requireShortPath(files.etcdPeerSocket);
    const controlPlane = new ControlPlane(options, binaries, group, files, writeCredentials(files, options.address ?? LOOPBACK));
    await group.untilAborted(options.signal, () => controlPlane.startAll());
    return controlPlane;
  } catch (error) {
    await group.dispose();
    throw error;
  }
}

/** A longer one fails as `bind: invalid argument` in etcd's log, which tells nobody what to do. */
function requireShortPath(socket: string): void {
  const bytes = Buffer.byteLength(socket);
  if (bytes > MAX_SOCKET_PATH_BYTES) {
    throw new Error(`TMPDIR is too long: the path of a socket in it has ${bytes} bytes; allowed: ${MAX_SOCKET_PATH_BYTES} (${socket})`);
  }
}

function wanted({ controllerManager, scheduler }: ControlPlaneOptions): Component[] {
  return [...(controllerManager ? ['kube-controller-manager' as const] : []), ...(scheduler ? ['kube-scheduler' as const] : [])];
}

/** A running control plane. Made by {@link startControlPlane}. */
export class ControlPlane implements AsyncDisposable {
  readonly #processes = new Map<Component, SupervisedProcess>();
  readonly #readyTimeoutMs: number;
  #port = 0;
  #ca: string;
  #apiServerStarts = 0;

  /** Whether garbage collection and the other controllers run; without them owned objects stay after their owner. */
  readonly hasControllerManager: boolean;
  readonly hasScheduler: boolean;

  constructor(
    private readonly options: ControlPlaneOptions,
    private readonly binaries: ControlPlaneBinaries,
    private readonly group: ProcessGroup,
    private readonly files: ControlPlaneFiles,
    private readonly credentials: Credentials,
  ) {
    this.#readyTimeoutMs = options.readyTimeoutMs ?? DEFAULT_READY_TIMEOUT_MS;
    this.hasControllerManager = options.controllerManager ?? binaries.commands['kube-controller-manager'] !== undefined;
    this.hasScheduler = options.scheduler ?? false;
    this.#ca = credentials.ca;
  }

  /** For example `https://127.0.0.1:23456`; the same as long as it lives. */
  get server(): string {
    return `https://${this.#address}:${this.#port}`;
  }

  /** PEM certificate to trust; another one after {@link rotateAuthority}. */
  get ca(): string {
    return this.#ca;
  }

  /** {@link ca} as kubeconfigs carry it: base64 of the PEM text. */
  get caData(): string {
    return Buffer.from(this.ca).toString('base64');
  }

  /** Absolute path of the folder with logs, keys and data; gone after {@link stop}. */
  get directory(): string {
    return this.group.directory;
  }

  /** Token of a member of `system:masters`. */
  get adminToken(): string {
    return this.credentials.adminToken;
  }

  /** The administrator's, as text. */
  get kubeconfig(): string {
    return this.kubeconfigFor(this.adminToken, { user: 'admin' });
  }

  /** The administrator's, as a file in {@link directory}. */
  get kubeconfigPath(): string {
    return this.files.kubeconfig;
  }

  /** Kubeconfig of whoever holds the token. */
  kubeconfigFor(token: string, { user = 'user', namespace }: { user?: string; namespace?: string } = {}): string {
    const { server, caData } = this;
    return kubeconfigText({ server, caData, token, user, ...(namespace === undefined ? {} : { namespace }) });
  }

  /**
   * Asks for a token of a service account that exists.
   *
   * @param expirationSeconds the API server's lowest is 600. @default one day
   */
  async serviceAccountToken(namespace: string, name: string, expirationSeconds: number = TOKEN_SECONDS): Promise<string> {
    const { status, body } = await this.request({
      method: 'POST',
      path: `/api/v1/namespaces/${namespace}/serviceaccounts/${name}/token`,
      body: { apiVersion: 'authentication.k8s.io/v1', kind: 'TokenRequest', spec: { expirationSeconds } },
    });
    const token = (body as { status?: { token?: string } }).status?.token;
    if (status !== 201 || token === undefined) {
      throw new Error(`no token for service account ${namespace}/${name}: ${(body as { message?: string }).message ?? `status ${status}`}`);
    }
    return token;
  }

  /**
   * Another authority and a certificate of it for the API server, which shows it from its next start on.
   * The controllers do not learn of it; use a control plane without them.
   */
  rotateAuthority(): void {
    this.#ca = writeServingCertificate(this.files, this.#address);
    this.#writeKubeconfigs();
  }

  /** Kubeconfig text of a service account that exists; its context is in the account's namespace. */
  async serviceAccountKubeconfig(namespace: string, name: string): Promise<string> {
    const user = `system:serviceaccount:${namespace}:${name}`;
    return this.kubeconfigFor(await this.serviceAccountToken(namespace, name), { user, namespace });
  }

  /** Writes a file only this user can read into {@link directory}. @returns its absolute path. */
  writeFile(name: string, text: string): string {
    const file = join(this.directory, name);
    writePrivately(file, text);
    return file;
  }

  /** One request, as the administrator unless another token is given; an empty token makes it anonymous. */
  request(request: RestRequest, token: string = this.adminToken): Promise<RestResponse> {
    return rest({ server: this.server, ca: this.ca, ...(token === '' ? {} : { token }) }, request);
  }

  /** Process ids of the servers that run. */
  get pids(): ReadonlyMap<Component, number> {
    const running = [...this.#processes].filter(([, { status }]) => status === undefined);
    return new Map(running.map(([component, { pid }]) => [component, pid]));
  }

  /** Absolute path; everything the server has printed since the first start. */
  logFile(component: Component): string {
    return logFileOf(component, this.directory);
  }

  /** Absolute path of the API server's audit log, one JSON object a line; empty unless `auditUsers` were given. */
  get auditLog(): string {
    return this.#auditUsers.length === 0 ? '' : this.files.auditLog;
  }

  /** How often the API server was started; for a moment after the second time it may refuse what it allows later. */
  get apiServerStarts(): number {
    return this.#apiServerStarts;
  }

  /**
   * Takes the API server away, as an outage does: connections break, new ones are refused, data stays.
   *
   * @param signal SIGTERM lets it finish requests first, and with open watches takes a minute. @default SIGKILL
   */
  async stopApiServer(signal: NodeJS.Signals = 'SIGKILL'): Promise<void> {
    await this.#processes.get('kube-apiserver')?.end(signal);
  }

  /** Brings the API server back on the same port and waits until it is ready. Does nothing while it runs. */
  async startApiServer(): Promise<void> {
    if (this.pids.has('kube-apiserver')) return;
    await this.#startApiServer();
    await this.#ready();
  }

  /** Takes etcd away; the API server stays and cannot answer. */
  async stopEtcd(signal: NodeJS.Signals = 'SIGKILL'): Promise<void> {
    await this.#processes.get('etcd')?.end(signal);
  }

  /** Brings etcd back with its data and waits until the API server is ready again. Does nothing while it runs. */
  async startEtcd(): Promise<void> {
    if (this.pids.has('etcd')) return;
    await this.#start('etcd', components.etcdArgs(this.files));
    await this.#ready();
  }

  /** Puts an object into etcd as it is, unchecked. @param key such as `/registry/configmaps/default/a`. */
  store(key: string, object: object): Promise<void> {
    return storeInEtcd(this.files.etcdSocket, key, object);
  }

  /** Ends everything at once and removes {@link directory}. May be called again. */
  async stop(): Promise<void> {
    await this.group.dispose();
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.stop();
  }

  /** Called once, by {@link startControlPlane}. */
  async startAll(): Promise<void> {
    if (this.#auditUsers.length > 0) writePrivately(this.files.auditPolicy, components.auditPolicy(this.#auditUsers));
    await this.#start('etcd', components.etcdArgs(this.files));
    await this.#startApiServerOnFreePort();
    this.#writeKubeconfigs();
    if (this.hasScheduler) await this.#start('kube-scheduler', components.schedulerArgs(this.files));
    if (this.hasControllerManager) {
      await this.#start('kube-controller-manager', components.controllerManagerArgs(this.files));
      await this.#until(MADE_BY_CONTROLLERS);
    }
  }

  /** Between looking for a free port and listening on it another launch may take it: then another one is tried. */
  async #startApiServerOnFreePort(): Promise<void> {
    const { findPort = freePort } = this.options;
    for (let attempt = 1; ; attempt++) {
      this.#port = await findPort(this.#address);
      await this.#startApiServer();
      try {
        await this.#ready();
        this.#apiServerStarts = 1;
        return;
      } catch (error) {
        const hasLostRace = endOf(this.logFile('kube-apiserver')).includes(`${this.#address}:${this.#port}: bind: address already in use`);
        if (!hasLostRace || attempt === MAX_PORT_ATTEMPTS) throw error;
      }
    }
  }

  #startApiServer(): Promise<void> {
    this.#apiServerStarts++;
    const audit = this.#auditUsers.length > 0 ? components.auditArgs(this.files) : [];
    return this.#start('kube-apiserver', [
      ...components.apiServerArgs(this.files, this.#address, this.#port, this.hasControllerManager),
      ...audit,
    ]);
  }

  get #address(): string {
    return this.options.address ?? LOOPBACK;
  }

  get #auditUsers(): readonly string[] {
    return this.options.auditUsers ?? [];
  }

  async #start(component: Component, args: readonly string[]): Promise<void> {
    const command = [...(this.binaries.commands[component] ?? []), ...args, ...(this.options.extraArgs?.[component] ?? [])];
    this.#processes.set(component, await this.group.start({ name: component, command, logFile: this.logFile(component) }));
  }

  /** `/readyz` alone is not enough: for some seconds it does not notice that etcd is away. */
  async #ready(): Promise<void> {
    await this.#until('/readyz');
    await this.#until(READ_FROM_ETCD);
  }

  /** Waits until a GET succeeds. @throws {Error} when a server has ended, or the time is over. */
  async #until(path: string): Promise<void> {
    const deadlineMs = performance.now() + this.#readyTimeoutMs;
    for (;;) {
      const answer = await this.#answerTo(path);
      if (answer === undefined) return;
      for (const { name, status } of this.#processes.values()) {
        if (status !== undefined) throw new Error(`${name} has ended with ${status.signal ?? `code ${status.code}`}; ${this.#tail(name)}`);
      }
      if (performance.now() > deadlineMs) {
        throw new Error(`not ready within ${this.#readyTimeoutMs} ms: GET ${path} got ${answer}; ${this.#tail('kube-apiserver')}`);
      }
      await delay(READY_POLL_MS);
    }
  }

  /** `undefined` when it is the wanted one. */
  async #answerTo(path: string): Promise<string | undefined> {
    try {
      const { status, body } = await this.request({ path, timeoutMs: REQUEST_TIMEOUT_MS });
      return status === 200 ? undefined : `status ${status}, ${JSON.stringify(body)}`;
    } catch (error) {
      return String(error);
    }
  }

  #tail(component: string): string {
    return `the end of the log of ${component}:\n${tailOf(logFileOf(component, this.directory))}`;
  }

  #writeKubeconfigs(): void {
    const { controllerManagerToken, schedulerToken } = this.credentials;
    writePrivately(this.files.kubeconfig, this.kubeconfig);
    writePrivately(this.files.controllerManagerKubeconfig, this.kubeconfigFor(controllerManagerToken));
    writePrivately(this.files.schedulerKubeconfig, this.kubeconfigFor(schedulerToken));
  }
}
