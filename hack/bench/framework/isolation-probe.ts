/**
 * How long changes on remote clusters wait for their run, before and while half of the clusters are black holes. Arguments: the port
 * of a list server, clusters, seconds.
 *
 * A remote that is to become a black hole is engaged through a relay of our own, which stops to read and to answer.
 */
import { type AddressInfo, connect, createServer, type Server } from 'node:net';
import { ClusterRegistry, Handler, type HandlerContext, OnEvent, Reconcile, type ResourceEvent } from '../../../src/framework';
import { kubeconfigText, operatorAt, SAMPLE, until } from './bench-operator';
import { Waits } from './waits';

const [port = '', clustersText = '', secondsText = ''] = process.argv.slice(2);
const clusters = Number(clustersText);
const waits = new Waits();
const seen = new Set<string>();
let registry: ClusterRegistry;

const isHealthy = (cluster: string): boolean => Number(cluster.slice('remote-'.length)) % 2 === 0;

@Handler()
class Remote {
  constructor(injected: ClusterRegistry) {
    registry = injected;
  }

  @OnEvent(SAMPLE, { clusters: 'remotes' })
  saw({ type, object, cluster }: ResourceEvent): void {
    seen.add(cluster);
    if (type === 'MODIFIED' && isHealthy(cluster)) waits.saw(cluster, object);
  }

  @Reconcile(SAMPLE, { clusters: 'remotes', changed: 'any' })
  async reconcile(_object: object, { cluster, client, key }: HandlerContext): Promise<void> {
    if (isHealthy(cluster.name)) waits.ran(cluster.name, key);
    // Keeps workers of the black holes busy, as a handler that talks to its cluster would.
    else await client.find(SAMPLE, key);
  }
}

/** Passes bytes on until it swallows them. */
class Relay {
  private swallows = false;
  private readonly server: Server = createServer((near) => {
    const far = connect(Number(port), '127.0.0.1');
    for (const [from, to] of [
      [near, far],
      [far, near],
    ] as const) {
      from.on('data', (bytes) => void (this.swallows || to.write(bytes)));
      from.on('close', () => to.destroy());
      from.on('error', () => undefined);
    }
  });

  async listen(): Promise<number> {
    await new Promise<void>((resolve) => this.server.listen(0, '127.0.0.1', resolve));
    return (this.server.address() as AddressInfo).port;
  }

  swallow(): void {
    this.swallows = true;
  }
}

async function measure(): Promise<void> {
  const operator = await operatorAt(port, [Remote]);
  await operator.start();
  const relays: Relay[] = [];
  for (let n = 0; n < clusters; n++) {
    const name = `remote-${n}`;
    if (isHealthy(name)) {
      await registry.engage(name, kubeconfigText(port), { policy: 'trusted' });
      continue;
    }
    const relay = new Relay();
    relays.push(relay);
    await registry.engage(name, kubeconfigText(await relay.listen()), { policy: 'trusted' });
  }
  await until('objects of every cluster', () => seen.size === clusters);
  const window = async (): Promise<unknown> => {
    waits.forget();
    await new Promise((resolve) => setTimeout(resolve, Number(secondsText) * 1_000));
    return waits.take();
  };
  await window();
  const before = await window();
  for (const relay of relays) relay.swallow();
  process.send?.({ before, during: await window() });
  process.disconnect();
}

void measure();
