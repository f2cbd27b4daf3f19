/**
 * The manager with the platform module as a process, on a real API server, with a catalog of the test's own.
 *
 * Owns: the HyperConverged, the catalog directory, and what the module told.
 */
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { stringify } from 'yaml';
import { poll } from '../../harness/poll';
import { NAMESPACE, objectsIn, ROOT, StewardCluster, type StewardClusterOptions, type TestObject } from '../../harness/steward-cluster';
import { type ManagerProcess, startManager } from '../../harness/steward-processes';

export interface LiveObject extends TestObject {
  metadata: TestObject['metadata'] & {
    uid: string;
    resourceVersion: string;
    labels?: Record<string, string>;
    annotations?: Record<string, string>;
    managedFields: { manager: string; operation: string; fieldsV1: Record<string, unknown> }[];
  };
  data?: Record<string, string>;
  spec?: Record<string, unknown>;
}

export interface ToldEvent extends TestObject {
  reason: string;
  note: string;
  eventTime?: string;
  regarding: { kind: string; name: string };
}

export interface PlatformStageOptions {
  /** Files of the catalog by path; catalog.yaml lists those that end with .yaml in the order given. */
  readonly catalog: Readonly<Record<string, string>>;
  /** Members of catalog.yaml. */
  readonly root?: object;
  /** Definitions to install before the start, below assets/crds. @default the HyperConverged */
  readonly definitions?: readonly string[];
  readonly cluster?: StewardClusterOptions;
}

const HCO = {
  apiVersion: 'hco.kubevirt.io/v1',
  kind: 'HyperConverged',
  metadata: { name: 'kubevirt-hyperconverged', namespace: NAMESPACE },
};
const PLURALS: Readonly<Record<string, string>> = {
  HyperConverged: 'hyperconvergeds',
  Gadget: 'gadgets',
  KubeDescheduler: 'kubedeschedulers',
};

/** Of catalogs of tests. */
const FURTHER_KINDS = `- { apiVersion: v1, kind: ServiceAccount, plural: serviceaccounts, namespaced: true }
- { apiVersion: discovery.k8s.io/v1, kind: EndpointSlice, plural: endpointslices, namespaced: true }
`;

export class PlatformStage {
  manager: ManagerProcess | undefined;

  private constructor(
    readonly cluster: StewardCluster,
    readonly directory: string,
  ) {}

  static async set({
    catalog,
    root = {},
    definitions = ['hco/hyperconvergeds.hco.kubevirt.io.yaml'],
    cluster,
  }: PlatformStageOptions): Promise<PlatformStage> {
    const directory = mkdtempSync(join(tmpdir(), 'platform-'));
    const assets = Object.keys(catalog).filter(
      (path) => path.endsWith('.yaml') && path !== 'kinds.yaml' && !/^(tombstones|retired)\//.test(path),
    );
    const names = assets.map((path) => /name: ([a-z0-9-]+)/.exec(catalog[path]!)![1]!);
    const files: Record<string, string> = {
      'catalog.yaml': stringify({ version: '1.0.0', assets: assets.map((file) => ({ file })), exempt: [...new Set(names)], ...root }),
      'kinds.yaml': `${readFileSync(join(ROOT, 'assets', 'kinds.yaml'), 'utf8')}${FURTHER_KINDS}`,
      ...catalog,
    };
    for (const [path, text] of Object.entries(files)) {
      mkdirSync(dirname(join(directory, path)), { recursive: true });
      writeFileSync(join(directory, path), text);
    }
    try {
      const rbacFlags = [`--platform-assets-dir=${directory}`];
      const started = await StewardCluster.start({ modules: 'platform', kubevirt: false, rbacFlags, ...cluster });
      const stage = new PlatformStage(started, directory);
      for (const definition of definitions) await stage.define(definition);
      return stage;
    } catch (error) {
      rmSync(directory, { recursive: true });
      throw error;
    }
  }

  async end(): Promise<void> {
    await this.stopManager();
    await this.cluster.stop();
    rmSync(this.directory, { recursive: true });
  }

  /** Installs a definition of assets/crds. */
  async define(path: string): Promise<void> {
    const [crd] = objectsIn(readFileSync(join(ROOT, 'assets', 'crds', path), 'utf8')) as [TestObject & { 'x-virt-steward-assumed'?: true }];
    delete crd['x-virt-steward-assumed'];
    await this.cluster.api.apply(crd);
    await this.cluster.api.waitForCondition(crd, 'Established');
  }

  async startManager(flags: readonly string[] = []): Promise<ManagerProcess> {
    this.manager = await startManager(this.cluster, {
      flags: [`--platform-assets-dir=${this.directory}`, '--log-level=debug', ...flags],
    });
    return this.manager;
  }

  async stopManager(): Promise<void> {
    await this.manager?.process.stop();
    this.manager = undefined;
  }

  /** Creates the anchor, or changes it. */
  async anchor(annotations: Record<string, string | null> = {}, spec: object = {}): Promise<void> {
    const path = `/apis/${HCO.apiVersion}/namespaces/${NAMESPACE}/hyperconvergeds`;
    if ((await this.get(HCO)) === undefined) await this.cluster.api.ask({ method: 'POST', path, body: { ...HCO, spec } });
    await this.merge(HCO, { metadata: { annotations } });
  }

  get hco(): typeof HCO {
    return HCO;
  }

  get(reference: Pick<TestObject, 'apiVersion' | 'kind' | 'metadata'>): Promise<LiveObject | undefined> {
    return this.request('GET', reference) as Promise<LiveObject | undefined>;
  }

  merge(reference: Pick<TestObject, 'apiVersion' | 'kind' | 'metadata'>, patch: unknown, manager = 'a-person'): Promise<unknown> {
    return this.request('PATCH', reference, patch, 'application/merge-patch+json', `?fieldManager=${manager}`);
  }

  /** As another field manager writes it: our own of an earlier version, for example. */
  applyAs(manager: string, object: Pick<TestObject, 'apiVersion' | 'kind' | 'metadata'> & object): Promise<unknown> {
    return this.request('PATCH', object, object, 'application/apply-patch+yaml', `?fieldManager=${manager}&force=true`);
  }

  delete(reference: Pick<TestObject, 'apiVersion' | 'kind' | 'metadata'>): Promise<unknown> {
    return this.request('DELETE', reference);
  }

  /** Polls until the object is as it should be. */
  until(
    what: string,
    reference: Pick<TestObject, 'apiVersion' | 'kind' | 'metadata'>,
    isSo: (object: LiveObject) => boolean,
  ): Promise<LiveObject> {
    let last: LiveObject | undefined;
    const probe = async (): Promise<LiveObject | false> => {
      last = await this.get(reference);
      return last !== undefined && isSo(last) ? last : false;
    };
    return poll(what, probe, { onTimeout: () => `${JSON.stringify(last)}\n${this.log}` });
  }

  /** The text of the status ConfigMap. */
  async status(): Promise<string> {
    const found = await this.get({
      apiVersion: 'v1',
      kind: 'ConfigMap',
      metadata: { name: 'virt-steward-platform-status', namespace: NAMESPACE },
    });
    return Object.values(found?.data ?? {}).join('\n');
  }

  /** Events about any object, newest last. */
  async events(reason?: string): Promise<ToldEvent[]> {
    const all = await this.cluster.api.list<ToldEvent>('/apis/events.k8s.io/v1/events');
    const known = all.sort((a, b) => ((a.eventTime ?? '') < (b.eventTime ?? '') ? -1 : 1));
    return known.filter((event) => reason === undefined || event.reason === reason);
  }

  untilEvent(reason: string, text = ''): Promise<ToldEvent> {
    const probe = async () => (await this.events(reason)).find(({ note }) => note.includes(text));
    return poll(`an Event ${reason} ${text}`, probe, { onTimeout: () => this.log });
  }

  /** The end of what the manager logged. */
  private get log(): string {
    return this.manager?.process.log.slice(-6_000) ?? '';
  }

  /** Value of a series, by a part of its line. */
  async metric(part: string): Promise<string | undefined> {
    const text = (await this.manager?.metrics()) ?? '';
    return text
      .split('\n')
      .find((line) => line.startsWith('kubevirt_autopilot_') && line.includes(part))
      ?.split(' ')
      .at(-1);
  }

  private async request(
    method: string,
    { apiVersion, kind, metadata: { name, namespace } }: Pick<TestObject, 'apiVersion' | 'kind' | 'metadata'>,
    body?: unknown,
    contentType?: string,
    query = '',
  ): Promise<unknown> {
    const root = apiVersion.includes('/') ? `/apis/${apiVersion}` : `/api/${apiVersion}`;
    const plural = PLURALS[kind] ?? `${kind.toLowerCase()}s`;
    const path = `${root}${namespace === undefined ? '' : `/namespaces/${namespace}`}/${plural}/${name}${query}`;
    const answer = await this.cluster.controlPlane.request({
      method,
      path,
      body,
      ...(contentType === undefined ? {} : { contentType }),
    } as never);
    if (answer.status === 404) return undefined;
    if (answer.status >= 300) throw new Error(`${method} ${path}: ${answer.status} ${JSON.stringify(answer.body)}`);
    return answer.body;
  }
}
