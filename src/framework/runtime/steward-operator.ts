/**
 * The `Operator` of @dot-i/k8s-operator with our engine under it.
 *
 * Owns: the familiar extension points (`init`, `watchResource`, status and finalizer helpers), each on our client and informers.
 * Never: lets a method of the base touch the network. The base ends the process on a watch error, loses deletions, keeps one queue for
 * everything and turns failed writes into `null`; here errors are typed and thrown, watches survive, and nothing ends the process.
 */
import { readFile } from 'node:fs/promises';
import Operator, { type ResourceEvent as BaseEvent, ResourceEventType, type ResourceMeta, ResourceMetaImpl } from '@dot-i/k8s-operator';
import type { KubeConfig, V1CustomResourceDefinitionVersion } from '@kubernetes/client-node';
import { Registry } from 'prom-client';
import { parse } from 'yaml';
import { conditionOf, loadOwnKubeConfig, MERGE_PATCH } from '../client';
import type { Cluster } from '../cluster/cluster';
import { ConflictError, NotFoundError } from '../errors/api-error';
import { OperatorError } from '../errors/operator-error';
import { CustomResourceDefinition } from '../kinds/core-kinds';
import { defineKind, type Kind, kindPath } from '../kinds/kind';
import { type KubernetesObject, objectKey } from '../kinds/object';
import type { HealthReport } from '../serving/checks';
import type { Endpoint } from '../serving/health-server';
import { FrameworkMetrics } from '../serving/metrics/framework-metrics';
import { sleep } from '../time/sleep';
import { BaseWatch } from './base-watch';
import { Engine } from './engine';
import { type LocalCluster, localCluster } from './local-cluster';
import { type CompiledOperatorOptions, compileOperatorOptions, type OperatorOptions } from './operator-options';
import { listenForProcessErrors } from './process-errors';

const ESTABLISHED_TIMEOUT_MS = 60_000;
const ESTABLISHED_POLL_MS = 500;
const DISCOVERY_RETRY_MS = 5_000;
const STATUS_TRIES = 5;
/** After an exception that nobody caught, everything gets this long to end. */
const CRASH_STOP_MS = 5_000;
/** A log that is not read must not hold up the end. */
const LOG_FLUSH_MS = 1_000;

export class StewardOperator extends Operator {
  /** Settles when the operator has stopped: 0 when everything ended by itself, else 1. */
  readonly finished: Promise<number>;
  /** The cluster the operator runs in: a client to write and ask, stores to read from. */
  readonly cluster: Cluster;
  private readonly settings: CompiledOperatorOptions;
  private readonly metrics: FrameworkMetrics;
  private readonly local: LocalCluster;
  private readonly engine: Engine;
  private readonly stopping = new AbortController();
  private settle!: (exitCode: number) => void;
  private stopped: Promise<void> | undefined;
  private ignoreErrors: () => void = () => undefined;
  private isCrashing = false;
  /** Rejects when the time to end after an exception that nobody caught is over. */
  private readonly crashed: Promise<never>;
  private rejectCrashed!: (error: unknown) => void;
  private hasFailed = false;

  /** @throws {ConfigError} with everything that is wrong with handlers or kubeconfig; {RangeError} for an option out of range. */
  constructor(options: OperatorOptions) {
    // First, because the base reads KUBECONFIG by itself and throws raw errors.
    const kubeConfig = options.kubeConfig ?? loadOwnKubeConfig({ environment: process.env }).kubeConfig;
    super(options.logger);
    this.settings = compileOperatorOptions(options);
    this.kubeConfig = kubeConfig;
    // The base made its client from the default kubeconfig, before it could be given ours.
    this.k8sApi = sameClient(this.k8sApi, this.kubeConfig);
    this.metrics = new FrameworkMetrics(new Registry(), this.settings.clock, this.settings);
    this.local = localCluster(this.kubeConfig, this.settings, this.metrics);
    this.cluster = this.local.cluster;
    this.engine = new Engine(this.settings, this.local, this.metrics, (error) => this.fail(error));
    this.finished = new Promise((resolve) => {
      this.settle = resolve;
    });
    this.crashed = new Promise((_resolve, reject) => {
      this.rejectCrashed = reject;
    });
    this.crashed.catch(() => undefined);
  }

  /** Resolves when the operator is set up and listens; it works as soon as everything it needs was listed once. */
  override async start(): Promise<void> {
    this.listenForErrors();
    try {
      await Promise.race([this.engine.start(() => super.start()), this.crashed]);
    } catch (error) {
      // One that was told to stop meanwhile has not failed.
      this.hasFailed ||= this.stopped === undefined;
      await Promise.race([this.stop(), this.crashed]);
      throw error;
    }
  }

  /** Ends everything, within 25 s. Idempotent; resolves when no timer, socket or listener is left. */
  override stop(): Promise<void> {
    this.stopped ??= this.end();
    return this.stopped;
  }

  /** What `/healthz?verbose` or `/readyz?verbose` answers, whether or not it is served. */
  health(endpoint: Endpoint): Promise<HealthReport> {
    return this.engine.report(endpoint);
  }

  /** Extension point of the base: register further watches with `watchResource`. */
  protected override async init(): Promise<void> {}

  /**
   * Calls `onEvent` for every change of a resource while this process leads, one at a time and in order for each object, repeating it
   * while it throws.
   * Resolves at once; the watch begins when the resource is served.
   */
  protected override async watchResource(
    group: string,
    version: string,
    plural: string,
    onEvent: (event: BaseEvent) => Promise<void>,
    namespace?: string,
  ): Promise<void> {
    const apiVersion = group === '' ? version : `${group}/${version}`;
    const begin = async (): Promise<void> => {
      const kind = await this.discover(apiVersion, plural);
      const informer = this.cluster.informers.ensure(kind, namespace === undefined ? undefined : { namespaces: [namespace] });
      const { clock, logger, random } = this.settings;
      const watch = new BaseWatch({ kind, informer, onEvent, clock, logger, random, metrics: this.metrics.queues });
      if (this.stopping.signal.aborted) return;
      this.engine.join(watch);
      informer.start();
    };
    begin().catch((error: unknown) => {
      if (!this.stopping.signal.aborted) this.settings.logger.error('watch could not begin', { apiVersion, plural, error });
    });
  }

  protected override getCustomResourceApiUri(group: string, version: string, plural: string, namespace?: string): string {
    const kind = defineKind(group === '' ? version : `${group}/${version}`, plural, plural, { scope: 'Namespaced' });
    return `${this.kubeConfig.getCurrentCluster()?.server ?? ''}${kindPath(kind, namespace)}`;
  }

  /** Replaces the status. @returns `null` when the object is gone. @throws {ConflictError} after five tries. */
  protected override async setResourceStatus(meta: ResourceMeta, status: unknown): Promise<ResourceMeta | null> {
    const kind = kindOf(meta);
    for (let attempt = 1; ; attempt++) {
      const live = await this.engine.leaderClient.find(kind, keyOfMeta(meta));
      if (live === undefined) return null;
      try {
        const written = await this.engine.leaderClient.replace(kind, { ...live, status } as KubernetesObject, { subresource: 'status' });
        return metaOf(meta, written);
      } catch (error) {
        if (!(error instanceof ConflictError) || attempt === STATUS_TRIES) throw error;
      }
    }
  }

  /** Merges into the status (RFC 7386). @returns `null` when the object is gone. */
  protected override async patchResourceStatus(meta: ResourceMeta, status: unknown): Promise<ResourceMeta | null> {
    const path = kindPath(kindOf(meta), meta.namespace, meta.name, 'status');
    try {
      const { body } = await this.engine.leaderClient.raw({ method: 'PATCH', path, contentType: MERGE_PATCH, body: { status } });
      return metaOf(meta, body as KubernetesObject);
    } catch (error) {
      if (error instanceof NotFoundError) return null;
      throw error;
    }
  }

  /** @returns true when nothing is left to do for this event. Rejects when the finalizer could not be written. */
  protected override async handleResourceFinalizer(
    event: BaseEvent,
    finalizer: string,
    deleteAction: (event: BaseEvent) => Promise<void>,
  ): Promise<boolean> {
    if (event.type === ResourceEventType.Deleted) return false;
    const kind = kindOf(event.meta);
    const object = event.object as unknown as KubernetesObject;
    const present = object.metadata?.finalizers?.includes(finalizer) ?? false;
    if (object.metadata?.deletionTimestamp === undefined) {
      if (present) return false;
      await this.engine.leaderClient.addFinalizer(kind, object, finalizer);
    } else if (present) {
      await deleteAction(event);
      await this.engine.leaderClient.removeFinalizer(kind, object, finalizer);
    }
    return true;
  }

  /** Replaces the whole list, if the object is still the one `meta` describes. @throws {ConflictError} when it has changed. */
  protected override async setResourceFinalizers(meta: ResourceMeta, finalizers: string[]): Promise<void> {
    const path = kindPath(kindOf(meta), meta.namespace, meta.name);
    const body = { metadata: { finalizers, resourceVersion: meta.resourceVersion } };
    await this.engine.leaderClient.raw({ method: 'PATCH', path, contentType: MERGE_PATCH, body });
  }

  /** Applies a CRD file and waits up to 60 s until the API server serves it. */
  protected override async registerCustomResourceDefinition(
    crdFile: string,
  ): Promise<{ group: string; versions: V1CustomResourceDefinitionVersion[]; plural: string }> {
    const crd = parse(await readFile(crdFile, 'utf8')) as CustomResourceDefinition;
    if (crd?.apiVersion !== 'apiextensions.k8s.io/v1' || crd.spec === undefined) {
      throw new OperatorError('CRD', `${crdFile} is not a CustomResourceDefinition of apiextensions.k8s.io/v1`);
    }
    await this.cluster.client.apply(CustomResourceDefinition, crd, { force: true });
    await this.waitUntilEstablished(crd.metadata?.name ?? '');
    const { group, names, versions } = crd.spec;
    return { group, plural: names.plural, versions: versions as unknown as V1CustomResourceDefinitionVersion[] };
  }

  protected override applyAxiosKubeConfigAuth(): Promise<void> {
    return Promise.reject(new OperatorError('USE_CLIENT', 'applyAxiosKubeConfigAuth is not supported: use this.cluster.client'));
  }

  protected override applyGaxiosKubeConfigAuth(): Promise<void> {
    return Promise.reject(new OperatorError('USE_CLIENT', 'applyGaxiosKubeConfigAuth is not supported: use this.cluster.client'));
  }

  private async end(): Promise<void> {
    this.stopping.abort();
    let clean = false;
    try {
      clean = await this.engine.stop();
      await this.flushLog();
    } catch (error) {
      this.settings.logger.error('shutdown failed', { error });
      throw error;
    } finally {
      this.ignoreErrors();
      this.settle(clean && !this.hasFailed ? 0 : 1);
    }
  }

  /** Whoever reads the log may have stopped reading. */
  private async flushLog(): Promise<void> {
    const limit = new AbortController();
    const over = sleep(this.settings.clock, LOG_FLUSH_MS, limit.signal).catch(() => undefined);
    await Promise.race([this.settings.logger.flush?.(), over]);
    limit.abort();
  }

  private listenForErrors(): void {
    const { logger: log, handleProcessErrors } = this.settings;
    if (!handleProcessErrors) return;
    const onRejection = (): void => this.metrics.process.unhandledRejection();
    this.ignoreErrors = listenForProcessErrors({ log, onRejection, onException: (error) => this.crash(error) });
  }

  /** Ends as well as can be; `finished` settles with 1 within five seconds, whatever hangs. */
  private crash(error: unknown): void {
    if (this.isCrashing) return;
    this.isCrashing = true;
    this.hasFailed = true;
    const stopped = this.stop().catch(() => undefined);
    const limit = new AbortController();
    const inTime = sleep(this.settings.clock, CRASH_STOP_MS, limit.signal).catch(() => undefined);
    Promise.race([stopped, inTime]).then(() => {
      limit.abort();
      this.rejectCrashed(error);
      this.settle(1);
    });
  }

  /** Something went wrong that a fresh process gets over: stop with exit code 1. */
  private fail(error: unknown): void {
    this.settings.logger.error('operator cannot go on and stops', { error });
    this.hasFailed = true;
    this.stop().catch(() => undefined);
  }

  private async waitUntilEstablished(name: string): Promise<void> {
    const { clock } = this.settings;
    const deadlineMs = clock.monotonicMs() + ESTABLISHED_TIMEOUT_MS;
    while (clock.monotonicMs() < deadlineMs) {
      const crd = await this.cluster.client.find(CustomResourceDefinition, name);
      if (crd !== undefined && conditionOf(crd, 'Established')?.status === 'True') return;
      await sleep(clock, ESTABLISHED_POLL_MS, this.stopping.signal);
    }
    throw new OperatorError('CRD', `CustomResourceDefinition ${name} was not established within ${ESTABLISHED_TIMEOUT_MS} ms`);
  }

  /** The base names resources by their plural only; kind and scope come from the API server. */
  private async discover(apiVersion: string, plural: string): Promise<Kind> {
    const { clock, logger } = this.settings;
    for (;;) {
      try {
        const resources = await this.cluster.client.discovery.resources(apiVersion);
        const resource = resources?.find(({ name }) => name === plural);
        if (resource !== undefined) {
          return defineKind(apiVersion, resource.kind, plural, { scope: resource.namespaced ? 'Namespaced' : 'Cluster', optional: true });
        }
      } catch (error) {
        logger.debug('resource could not be looked up', { apiVersion, plural, error });
      }
      await sleep(clock, DISCOVERY_RETRY_MS, this.stopping.signal);
    }
  }
}

/** A client of the same class on another kubeconfig. */
function sameClient<T extends object>(client: T, kubeConfig: KubeConfig): T {
  const Class = client.constructor as Parameters<KubeConfig['makeApiClient']>[0];
  return kubeConfig.makeApiClient(Class) as unknown as T;
}

/** Ids of the base have the form `<plural>.<apiVersion>`. */
function kindOf({ id, apiVersion, kind, namespace }: ResourceMeta): Kind {
  const plural = id.slice(0, id.length - apiVersion.length - 1);
  return defineKind(apiVersion, kind, plural, { scope: namespace === undefined ? 'Cluster' : 'Namespaced' });
}

function keyOfMeta({ namespace, name }: ResourceMeta): string {
  return objectKey(namespace, name);
}

function metaOf({ id }: ResourceMeta, object: KubernetesObject): ResourceMeta {
  return ResourceMetaImpl.createWithId(id, object as unknown as BaseEvent['object']);
}

/**
 * Makes an operator from handlers.
 *
 * @throws {ConfigError} with everything that is wrong, before anything is contacted.
 */
export async function createOperator(options: OperatorOptions): Promise<StewardOperator> {
  return new StewardOperator(options);
}
