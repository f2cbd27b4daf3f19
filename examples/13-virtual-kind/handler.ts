/**
 * Keeps the ConfigMaps of a catalog, which is no object of Kubernetes.
 *
 * A virtual kind has keys and handlers but no API object: the queue, the retries and the mapped watches are those of any other kind.
 */
import {
  ConfigMap,
  defineVirtualKind,
  Handler,
  type KeySink,
  type KeySource,
  keyOf,
  mapped,
  Reconcile,
  type ReconcileContext,
  Source,
  singleton,
} from 'virt-steward/framework';

export interface Page {
  readonly name: string;
  readonly text: string;
}
export const Page = defineVirtualKind<Page>('Page');

/** What should exist. It may come from files, a database, another API; here it is a map that can change while the operator runs. */
@singleton()
export class Catalog {
  private readonly texts = new Map([
    ['welcome', 'Come in.'],
    ['rules', 'Wipe your feet.'],
  ]);
  private readonly listeners: ((name: string) => void)[] = [];

  names(): Iterable<string> {
    return this.texts.keys();
  }

  find(name: string): Page | undefined {
    const text = this.texts.get(name);
    return text === undefined ? undefined : { name, text };
  }

  put(name: string, text: string): void {
    this.texts.set(name, text);
    for (const listener of this.listeners) listener(name);
  }

  onPut(listener: (name: string) => void): void {
    this.listeners.push(listener);
  }
}

/** Exactly one class brings the keys of a virtual kind. */
@Source(Page)
export class PageSource implements KeySource<Page> {
  constructor(private readonly catalog: Catalog) {}

  /** What handlers get for a key; `undefined` = there is no such page any more. */
  resolve(key: string): Page | undefined {
    return this.catalog.find(key);
  }

  start(sink: KeySink): void {
    this.catalog.onPut((name) => sink.touch(name));
    for (const name of this.catalog.names()) sink.add(name);
    sink.synced();
  }
}

const NAMESPACE = 'default';
const PAGES = { namespaces: [NAMESPACE], labels: 'example.org/page' };

@Handler({ rbac: [{ kind: ConfigMap, verbs: ['get', 'create', 'patch'], namespace: NAMESPACE, why: 'one ConfigMap for each page' }] })
export class PageHandler {
  /** A page cannot own its ConfigMap, so the way back from the ConfigMap to the key is a mapping. */
  @Reconcile(Page, { watches: [mapped(ConfigMap, (map) => [map.metadata?.labels?.['example.org/page'] ?? ''], { select: PAGES })] })
  async reconcile({ name, text }: Page, ctx: ReconcileContext): Promise<void> {
    const metadata = { namespace: NAMESPACE, name: `page-${name}`, labels: { 'example.org/page': name } };
    const { object: map, changed } = await ctx.client.applyIfChanged(ConfigMap, { metadata, data: { text } }, { force: true });
    if (changed) ctx.log.info('page was written', { page: name, map: keyOf(map) });
  }
}

export const handlers = [PageSource, PageHandler];
