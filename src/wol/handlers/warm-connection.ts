/**
 * Keeps a connection to the API server open that a start can use at once, on every replica.
 *
 * Owns: a look at the server's version every 30 s; connections are closed after 60 s without use, and opening one costs a wake more
 * than everything else it does. Never: writes anything; minds an outage.
 */
import { CLOCK, type Clock, Handler, inject, KubeClient, OnShutdown, OnStartup, type Timer } from '../../framework';

const INTERVAL_MS = 30_000;
/** Readable for everybody who may talk to the API server at all. */
const PATH = '/version';

@Handler()
export class WarmConnection {
  private timer: Timer | undefined;
  private readonly ending = new AbortController();

  constructor(
    private readonly client: KubeClient,
    @inject(CLOCK) private readonly clock: Clock,
  ) {}

  @OnStartup()
  begin(): void {
    void this.look();
  }

  @OnShutdown()
  end(): void {
    this.ending.abort();
    this.timer?.cancel();
  }

  private async look(): Promise<void> {
    const { signal } = this.ending;
    await this.client.raw({ method: 'GET', path: PATH, signal }).catch(() => undefined);
    if (!signal.aborted) this.timer = this.clock.setTimer(INTERVAL_MS, () => void this.look());
  }
}
