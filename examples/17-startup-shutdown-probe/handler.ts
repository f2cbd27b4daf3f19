/**
 * Answers HTTP requests with the namespaces of the cluster: a part of the process that lives and dies with it.
 *
 * Process hooks run on every replica, hooks of the phase `leader` once for each term of leadership.
 */
import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import {
  Cluster,
  createContainer,
  Handler,
  Index,
  type InjectionToken,
  inject,
  Namespace,
  OnShutdown,
  OnStartup,
  Probe,
  type ProcessContext,
} from 'virt-steward/framework';

/** Port to listen on, 0 = any. */
export const PORT: InjectionToken<number> = Symbol('port of the directory');

@Handler()
export class NamespaceDirectory {
  private role = 'standby';
  private readonly server = createServer((_request, response) => {
    const names = [...this.cluster.store(Namespace).list()].map(({ metadata }) => metadata?.name);
    response.setHeader('x-role', this.role).end(JSON.stringify(names));
  });

  /** Takes what it needs and does nothing yet: constructors run before anything may fail. */
  constructor(
    private readonly cluster: Cluster,
    @inject(PORT) private readonly listenPort: number,
  ) {}

  /** What a store is to be read for has to be declared; this is the cheapest way. */
  @Index(Namespace, 'phase')
  phase(namespace: Namespace): string | undefined {
    return namespace.status?.phase;
  }

  /** Before informers start. A throw ends the start with its error: a port that is taken is told at once. */
  @OnStartup({ order: 10 })
  async open(ctx: ProcessContext): Promise<void> {
    this.server.listen(this.listenPort, '127.0.0.1');
    await once(this.server, 'listening', { signal: ctx.signal });
    ctx.log.info('directory is open', { port: this.port });
  }

  /** After informers have stopped; the highest order comes first. */
  @OnShutdown({ order: 10, timeoutMs: 5_000 })
  async close(): Promise<void> {
    this.server.close();
    this.server.closeAllConnections();
  }

  @OnStartup({ phase: 'leader' })
  lead(): void {
    this.role = 'leader';
  }

  @OnShutdown({ phase: 'leader' })
  follow(): void {
    this.role = 'standby';
  }

  /** A line of /readyz?verbose: what it returns is the detail, what it throws the reason why not. From memory, within a second. */
  @Probe('directory', { of: 'both' })
  listening(): string {
    if (!this.server.listening) throw new Error('not listening');
    return `port ${this.port}, ${this.role}`;
  }

  get port(): number | undefined {
    return (this.server.address() as AddressInfo | null)?.port;
  }
}

const container = createContainer();
container.registerInstance(PORT, 8082);

export const handlers = [NamespaceDirectory];
export const options = { container, healthAddress: '127.0.0.1:8081', leaderElection: { lease: 'namespace-directory' } };
