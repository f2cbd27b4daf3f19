/**
 * Every decorator in one small operator, which watches over websites.
 *
 * Real operators need three or four of them. `@Reconcile` alone would do most of this, see 02 and 03; here each has one job to tell
 * them apart by. All that run from the queue share it: for one website they run one after the other, in the order of this file.
 */
import {
  Cluster,
  Daemon,
  type DaemonContext,
  defineKind,
  defineVirtualKind,
  type FieldChange,
  Handler,
  type HandlerContext,
  Index,
  type KeySink,
  type KeySource,
  type KubernetesObject,
  OnCreate,
  OnDelete,
  OnEvent,
  OnField,
  OnResume,
  OnShutdown,
  OnStartup,
  OnTimer,
  OnUpdate,
  Probe,
  Reconcile,
  type ReconcileContext,
  type ResourceEvent,
  Source,
  singleton,
  sleep,
  type Update,
} from 'virt-steward/framework';

export interface Website extends KubernetesObject {
  spec: { url: string };
  status?: { code?: number };
}
export const Website = defineKind<Website>('example.org/v1', 'Website', 'websites', { scope: 'Namespaced', conditions: true });

/** A host name: something with keys that is no object. */
export interface Host {
  readonly name: string;
}
export const Host = defineVirtualKind<Host>('Host');

const hostOf = (website: Website): string => new URL(website.spec.url).host;

/** The world outside. One instance an operator; tests put another one in its place. */
@singleton()
export class Visitor {
  async open(): Promise<void> {}
  async close(): Promise<void> {}
  async visit(url: string, signal: AbortSignal): Promise<number> {
    return (await fetch(url, { method: 'HEAD', signal })).status;
  }
}

@Handler()
export class WebsiteHandler {
  /** Uid to the time of the last sign of life. */
  readonly heartbeats = new Map<string, number>();

  constructor(private readonly visitor: Visitor) {}

  // Of an object, from the queue, on the leader; repeated until they succeed.

  @OnDelete(Website, { finalizer: 'example.org/farewell' })
  async farewell(website: Website, ctx: HandlerContext<Website>): Promise<void> {
    ctx.log.info('website is no longer looked after', { url: website.spec.url });
  }

  @OnResume(Website)
  async seenAgain(website: Website, ctx: HandlerContext<Website>): Promise<void> {
    ctx.log.info('website was there before this process', { url: website.spec.url });
  }

  @OnCreate(Website, { remember: 'annotation' })
  async welcome(website: Website, ctx: HandlerContext<Website>): Promise<void> {
    ctx.events.normal('Welcome', `${website.spec.url} is looked after from now on`);
  }

  @OnUpdate(Website)
  async changed({ diff }: Update<Website>, ctx: HandlerContext<Website>): Promise<void> {
    ctx.log.info('website changed', { paths: diff.map(({ path }) => path) });
  }

  @OnField(Website, 'spec.url', { initial: false })
  async moved({ old, value }: FieldChange<Website, string>, ctx: HandlerContext<Website>): Promise<void> {
    ctx.events.normal('Moved', `from ${old} to ${value}`);
  }

  @Reconcile(Website)
  async reconcile(website: Website, ctx: ReconcileContext<Website>): Promise<void> {
    const code = await this.visitor.visit(website.spec.url, ctx.signal);
    ctx.status.set({ code });
    ctx.status.condition({ type: 'Ready', status: code < 400 ? 'True' : 'False', reason: `Code${code}`, message: '' });
  }

  @OnTimer(Website, { intervalMs: 60_000, initialDelayMs: 60_000 })
  async again(website: Website, ctx: HandlerContext<Website>): Promise<void> {
    await this.reconcile(website, ctx);
  }

  // Of an object, beside the queue, for as long as it exists.

  @Daemon(Website)
  async watchOver(website: Website, ctx: DaemonContext<Website>): Promise<void> {
    while (!ctx.signal.aborted) {
      this.heartbeats.set(website.metadata!.uid!, ctx.clock.now());
      await sleep(ctx.clock, 10_000, ctx.signal).catch(() => undefined);
    }
    this.heartbeats.delete(website.metadata!.uid!);
  }

  // Of the cache, inline, on every replica.

  @Index(Website, 'host')
  host(website: Website): string {
    return hostOf(website);
  }

  // Of the process.

  @OnStartup()
  open(): Promise<void> {
    return this.visitor.open();
  }

  @OnShutdown()
  close(): Promise<void> {
    return this.visitor.close();
  }

  @Probe('websites')
  describe(): string {
    return `${this.heartbeats.size} are watched over`;
  }
}

/** Brings the keys of the virtual kind: the hosts that websites are on. */
@Source(Host)
export class Hosts implements KeySource<Host> {
  private sink: KeySink | undefined;

  constructor(private readonly cluster: Cluster) {}

  start(sink: KeySink): void {
    this.sink = sink;
    sink.synced();
  }

  resolve(name: string): Host | undefined {
    return this.cluster.store(Website).by('host', name).length > 0 ? { name } : undefined;
  }

  touch(name: string): void {
    this.sink?.touch(name);
  }
}

@Handler()
export class HostHandler {
  constructor(
    private readonly hosts: Hosts,
    private readonly cluster: Cluster,
  ) {}

  @OnEvent(Website)
  follow({ object, old }: ResourceEvent<Website>): void {
    for (const host of new Set([object, ...(old === undefined ? [] : [old])].map(hostOf))) this.hosts.touch(host);
  }

  @Reconcile(Host)
  async count({ name }: Host, ctx: ReconcileContext): Promise<void> {
    ctx.log.info('host', { host: name, websites: this.cluster.store(Website).by('host', name).length });
  }
}

export const handlers = [WebsiteHandler, Hosts, HostHandler];
