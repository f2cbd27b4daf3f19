/** Remote clusters on fake API servers, with time that moves only while a test waits for an outcome. */
import { setTimeout as pause } from 'node:timers/promises';
import { KubeConfig } from '@kubernetes/client-node';
import { Registry as MetricsRegistry } from 'prom-client';
import { type ClusterChange, type ClusterHooks, ClusterRegistry } from '../../../../src/framework/cluster/cluster-registry';
import { defineKind } from '../../../../src/framework/kinds/kind';
import type { KubernetesObject } from '../../../../src/framework/kinds/object';
import { nullLogger } from '../../../../src/framework/logging/logger';
import { type LocalCluster, localCluster } from '../../../../src/framework/runtime/local-cluster';
import { compileOperatorOptions } from '../../../../src/framework/runtime/operator-options';
import { FrameworkMetrics } from '../../../../src/framework/serving/metrics/framework-metrics';
import { FakeApiServer, type FakeApiServerOptions, FakeClock, kubeconfigText, TcpFaultProxy } from '../../../../src/framework/testing';

export interface Widget extends KubernetesObject {
  spec?: { size?: number };
}
export const Widget = defineKind<Widget>('example.org/v1', 'Widget', 'widgets', { scope: 'Namespaced', status: false });

export const aWidget = (name: string, size = 1): Widget => ({
  apiVersion: 'example.org/v1',
  kind: 'Widget',
  metadata: { name, namespace: 'ns' },
  spec: { size },
});

/** A token makes the policy happy; the fake lets everybody in as long as it knows no user. */
export const TOKEN = 'token-1';

export const INSECURE = { allowInsecure: true } as const;

export class ClusterBench {
  readonly clock = new FakeClock();
  readonly changes: string[] = [];
  registry!: ClusterRegistry;
  local!: LocalCluster;
  private readonly endings: (() => unknown)[] = [];

  async start(hooks: ClusterHooks = {}): Promise<this> {
    const server = await this.server();
    const metrics = new FrameworkMetrics(new MetricsRegistry(), this.clock, { version: 'test', modules: [] });
    const options = compileOperatorOptions({ name: 'test', handlers: [], clock: this.clock });
    this.local = localCluster(kubeConfigOf(server.kubeconfig(TOKEN)), options, metrics);
    const settings = { ...this.local.settings, random: () => 0.5, logger: nullLogger };
    this.registry = new ClusterRegistry({ local: this.local.cluster, settings, hooks });
    this.registry.subscribe(({ type, cluster }: ClusterChange) => void this.changes.push(`${type} ${cluster.name}`));
    this.endings.unshift(() => this.local.stop());
    return this;
  }

  async server(options: FakeApiServerOptions = {}): Promise<FakeApiServer> {
    const server = await FakeApiServer.start({ kinds: [Widget as never], ...options });
    this.endings.push(() => server.stop());
    return server;
  }

  async proxy(server: FakeApiServer): Promise<TcpFaultProxy> {
    const proxy = await TcpFaultProxy.start({ target: { host: '127.0.0.1', port: server.port } });
    this.endings.push(() => proxy.stop());
    return proxy;
  }

  /** Lets time and sockets go on until the outcome is there. @throws {Error} after five minutes of fake time or 60 s. */
  async until(what: string, probe: () => boolean | Promise<boolean>, { stepMs = 50 }: { stepMs?: number } = {}): Promise<void> {
    const deadline = performance.now() + 60_000;
    const endMs = this.clock.monotonicMs() + 300_000;
    while (!(await probe())) {
      if (performance.now() > deadline || this.clock.monotonicMs() > endMs) throw new Error(`did not happen: ${what}`);
      await this.clock.advance(stepMs);
      await pause(2);
    }
  }

  /** Lets sockets go on while time stands still. */
  async untilAtOnce(what: string, probe: () => boolean | Promise<boolean>): Promise<void> {
    return this.until(what, probe, { stepMs: 0 });
  }

  /** Lets that much time go by in steps that sockets keep up with, so that no answer comes too late by the fake clock alone. */
  async goOn(forMs: number): Promise<void> {
    const endMs = this.clock.monotonicMs() + forMs;
    while (this.clock.monotonicMs() < endMs) {
      await this.clock.advance(100);
      await pause(2);
    }
  }

  state(name = 'a'): string | undefined {
    return this.registry.get(name)?.health.state;
  }

  async stop(): Promise<void> {
    const closing = this.registry?.close();
    await this.clock.advance(5_000);
    await closing;
    for (const end of this.endings) await end();
  }
}

export function through(proxy: TcpFaultProxy, token = TOKEN): string {
  return kubeconfigText({ server: `http://127.0.0.1:${proxy.port}`, token });
}

export function kubeConfigOf(text: string): KubeConfig {
  const config = new KubeConfig();
  config.loadFromString(text);
  return config;
}
