/** The whole module on an API server and a clock of the test's process. */
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { stringify } from 'yaml';
import { ConfigMap, createContainer, defineKind, type Kind, type KubernetesObject } from '../../../../src/framework';
import { FakeApiServer, FakeClock, type JournalEntry, TestOperator, type TestOperatorOptions } from '../../../../src/framework/testing';
import { platformHandlersFor, providePlatform } from '../../../../src/platform';
import type { PlatformSettings } from '../../../../src/platform/settings';
import { anAsset } from '../support/catalogs';

export const HyperConverged = defineKind<KubernetesObject>('hco.kubevirt.io/v1', 'HyperConverged', 'hyperconvergeds', {
  scope: 'Namespaced',
});
export const NAMESPACE = 'virt-steward-system';
export const HCO_KEY = `${NAMESPACE}/kubevirt-hyperconverged`;
export const DAY_MS = 24 * 3_600_000;

export interface PlatformWorldOptions {
  /** Asset files in the order of the catalog. */
  readonly assets: readonly string[];
  readonly settings?: Partial<PlatformSettings>;
  readonly kinds?: readonly Kind[];
  readonly operator?: Partial<TestOperatorOptions>;
  /** Before the operator starts. */
  readonly prepare?: (server: FakeApiServer) => void;
}

export class PlatformWorld implements AsyncDisposable {
  private constructor(
    readonly server: FakeApiServer,
    readonly clock: FakeClock,
    readonly operator: TestOperator,
    private readonly directory: string,
  ) {}

  static async start({ assets, settings = {}, kinds = [], operator = {}, prepare }: PlatformWorldOptions): Promise<PlatformWorld> {
    const directory = mkdtempSync(join(tmpdir(), 'platform-'));
    const files = assets.map((text, index) => [`assets/${index}.yaml`, text] as const);
    const names = assets.map((text) => /name: ([a-z0-9-]+)/.exec(text)![1]!);
    const catalog = stringify({ version: '1.0.0', assets: files.map(([file]) => ({ file })), exempt: names });
    for (const [path, text] of [...files, ['catalog.yaml', catalog] as const]) {
      mkdirSync(dirname(join(directory, path)), { recursive: true });
      writeFileSync(join(directory, path), text);
    }
    const clock = new FakeClock();
    const server = await FakeApiServer.start({ clock, kinds: [HyperConverged, ...kinds] });
    for (const name of [NAMESPACE, 'ns']) {
      if (server.objects.get(NAMESPACES, name) === undefined) server.objects.create(NAMESPACES, { metadata: { name } });
    }
    prepare?.(server);
    const all: PlatformSettings = {
      ...{ namespace: NAMESPACE, version: '1', activation: 'always', throttleCapacity: 5, throttleWindowMs: 60_000, concurrency: 8 },
      ...{
        resyncMs: DAY_MS,
        assetsDirectory: directory,
        runbookUrl: 'https://example.org/',
        metricsPort: 0,
        metricsSecure: true,
        inCluster: false,
      },
      ...settings,
    };
    const container = createContainer();
    providePlatform(container, all);
    const started = await TestOperator.start({ ...operator, handlers: platformHandlersFor(all), container, server, clock });
    return new PlatformWorld(server, clock, started, directory);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.operator.stop();
    await this.server.stop();
    rmSync(this.directory, { recursive: true });
  }

  /** Creates the anchor, or changes its annotations. */
  async anchor(annotations: Record<string, string> = {}): Promise<void> {
    const known = this.server.objects.get(HyperConverged, HCO_KEY);
    if (known === undefined) {
      this.server.objects.create(HyperConverged, { metadata: { name: 'kubevirt-hyperconverged', namespace: NAMESPACE, annotations } });
    } else {
      this.server.objects.update(HyperConverged, HCO_KEY, (hco) => {
        hco.metadata = { ...hco.metadata, annotations };
      });
    }
    await this.settle();
  }

  /** Lets pass what waits for a moment: discovery, pauses between Events. */
  async settle(): Promise<void> {
    await this.operator.settle();
    await this.operator.advance(1_000);
  }

  map(name: string): ConfigMap | undefined {
    return this.server.objects.get(ConfigMap, `ns/${name}`);
  }

  /** Writes to ConfigMaps of the catalog, dry-runs left out. */
  writes(): string[] {
    return this.changes()
      .filter(({ isDryRun }) => !isDryRun)
      .map(({ name = '' }) => name);
  }

  dryRuns(): string[] {
    return this.changes()
      .filter(({ isDryRun }) => isDryRun)
      .map(({ name = '' }) => name);
  }

  /** Reasons of Events, oldest first. */
  events(): string[] {
    return this.server.journal
      .entries({ resource: 'events' })
      .filter(({ verb }) => verb === 'create')
      .map(({ body }) => (body as { reason: string }).reason);
  }

  private changes(): JournalEntry[] {
    return this.server.journal.entries({ resource: 'configmaps', namespace: 'ns' }).filter(({ method }) => method !== 'GET');
  }
}

const NAMESPACES = defineKind<KubernetesObject>('v1', 'Namespace', 'namespaces', { scope: 'Cluster' });

/** An asset that is a ConfigMap of its own name. */
export function aMap(name: string, header: object = {}, data: Record<string, string> = { key: 'value' }): string {
  return anAsset({ name, ...header }, { metadata: { name, namespace: 'ns' }, data });
}
