/**
 * Answers what expressions ask of the cluster, from watches that are opened when they are first asked.
 *
 * Expected flow: a look-up -> its watch, opened if there is none -> first list -> answer; later changes re-run who asked.
 * Guarantees: an answer is complete or an error; absence is said only by a complete list, or by discovery; at most 200 watches.
 * Assumptions: `ServedKinds` is kept up to date; kinds and namespaces of look-ups come from the catalog.
 * Caveats: while the API server is away the last complete answer is given again, so that nothing flips.
 * Errors: LookUpError for what cannot be read.
 */
import {
  type Clock,
  CustomResourceDefinition,
  type Informer,
  isOperatorError,
  type Kind,
  type KubeClient,
  type KubernetesObject,
  keyOf,
  OperatorError,
  objectKey,
  type Scope,
  type Selection,
} from '../../framework';
import { isJsonMap, type Json } from '../json';
import type { ServedKind } from './api-discovery';
import type { LookUps } from './asset-context';
import { OpenedWatch } from './opened-watch';
import { kindOf, type ServedKinds } from './served-kinds';

export const MAX_WATCHES = 200;
/** A watch that nobody asked for this long may be closed to make room, in milliseconds; longer than any resync that is sensible. */
const UNUSED_MS = 30 * 60_000;

const OBJECT_NAME = /^[A-Za-z0-9._:-]{1,253}$/;

/** A look-up could not be answered. Temporary: the object that asked keeps its present state. */
export class LookUpError extends OperatorError {
  constructor(what: string, cause: unknown) {
    super('LOOK_UP', `looking up ${what} failed: ${cause instanceof Error ? cause.message : String(cause)}`, { cause });
  }
}

export interface ClusterLookUpsOptions {
  readonly served: ServedKinds;
  readonly open: (kind: Kind, select: Selection | undefined) => Informer;
  readonly client: Pick<KubeClient, 'find'>;
  readonly clock: Clock;
  /** Told when an object changed that a look-up of this kind may have seen. */
  readonly onChange: (apiVersion: string, kind: string) => void;
}

export class ClusterLookUps implements LookUps {
  private readonly watches = new Map<string, { readonly served: ServedKind; readonly watch: OpenedWatch }>();
  /** By `<plural>.<group>` of the definition; dropped when it changes. */
  private readonly definitions = new Map<string, Promise<CustomResourceDefinition | undefined>>();

  constructor(private readonly options: ClusterLookUpsOptions) {
    options.served.onChange(({ appeared, gone }) => {
      for (const one of gone) this.close((watched) => watched.apiVersion === one.apiVersion && watched.kind === one.kind);
      for (const { apiVersion, kind } of [...appeared, ...gone]) options.onChange(apiVersion, kind);
    });
  }

  async get(apiVersion: string, kind: string, namespace: string, name: string): Promise<KubernetesObject | undefined> {
    const what = `${apiVersion} ${kind} ${objectKey(namespace, name)}`;
    const served = this.servedForLookUp(apiVersion, kind, what);
    if (served === undefined) return undefined;
    // The name becomes a field selector, in which a comma or an equals sign would say something else.
    if (!OBJECT_NAME.test(name)) throw new LookUpError(what, `"${name}" is no name of an object`);
    const isNamespaced = served.scope === 'Namespaced';
    if (isNamespaced && namespace === '') throw new LookUpError(what, 'the kind has namespaces, and none is given');
    const select: Selection = { ...(isNamespaced ? { namespaces: [namespace] } : {}), fields: `metadata.name=${name}` };
    const store = await this.read(served, select, what);
    return store.get(objectKey(isNamespaced ? namespace : undefined, name));
  }

  async list(apiVersion: string, kind: string, namespace: string): Promise<readonly KubernetesObject[]> {
    const what = `${apiVersion} ${kind}${namespace === '' ? '' : ` in ${namespace}`}`;
    const served = this.servedForLookUp(apiVersion, kind, what);
    if (served === undefined) return [];
    const select = served.scope === 'Namespaced' && namespace !== '' ? { namespaces: [namespace] } : undefined;
    const store = await this.read(served, select, what);
    return [...store.list()].sort((a, b) => (keyOf(a) < keyOf(b) ? -1 : 1));
  }

  has(apiVersion: string, kind: string): boolean {
    return this.options.served.find(apiVersion, kind) !== undefined;
  }

  hasResource(resource: string): boolean {
    return this.options.served.hasResource(resource);
  }

  scopeOf(apiVersion: string, kind: string): Scope | undefined {
    return this.options.served.find(apiVersion, kind)?.scope;
  }

  async schemaOf(apiVersion: string, kind: string): Promise<Json | undefined> {
    const served = this.options.served.find(apiVersion, kind);
    if (served === undefined || served.group === '') return undefined;
    const resource = `${served.plural}.${served.group}`;
    const definition = await this.definition(resource);
    const versions = (definition?.spec?.versions ?? []) as readonly { name: string; schema?: { openAPIV3Schema?: Json } }[];
    const schema = versions.find(({ name }) => `${served.group}/${name}` === apiVersion)?.schema?.openAPIV3Schema;
    return isJsonMap(schema) ? schema : undefined;
  }

  /** The definition `<plural>.<group>` changed: its schemas are read again when they are asked for. */
  definitionChanged(resource: string): void {
    if (!this.definitions.delete(resource)) return;
    const group = resource.slice(resource.indexOf('.') + 1);
    const plural = resource.slice(0, resource.indexOf('.'));
    for (const { apiVersion, kind } of this.options.served.ofResource(group, plural)) this.options.onChange(apiVersion, kind);
  }

  async stop(): Promise<void> {
    await Promise.all(this.close(() => true));
  }

  /** Number of watches that are open. */
  get size(): number {
    return this.watches.size;
  }

  private servedForLookUp(apiVersion: string, kind: string, what: string): ServedKind | undefined {
    if (!this.options.served.isKnown) throw new LookUpError(what, 'discovery has not answered yet');
    // The loader of the catalog refuses it as well.
    if (apiVersion === 'v1' && kind === 'Secret') throw new LookUpError(what, 'Secrets cannot be looked up');
    return this.options.served.find(apiVersion, kind);
  }

  private async read(served: ServedKind, select: Selection | undefined, what: string): ReturnType<OpenedWatch['read']> {
    try {
      return await this.watch(served, select).read();
    } catch (error) {
      throw error instanceof LookUpError ? error : new LookUpError(what, error);
    }
  }

  private watch(served: ServedKind, select: Selection | undefined): OpenedWatch {
    const { open, clock, onChange } = this.options;
    const { apiVersion, kind } = served;
    const id = `${apiVersion} ${kind} ${select?.namespaces?.join() ?? ''} ${select?.fields ?? ''}`;
    const known = this.watches.get(id);
    if (known !== undefined) return known.watch;
    if (this.watches.size >= MAX_WATCHES) this.makeRoom();
    const watch = new OpenedWatch({ informer: open(kindOf(served), select), clock, onEvent: () => onChange(apiVersion, kind) });
    this.watches.set(id, { served, watch });
    return watch;
  }

  private makeRoom(): void {
    const nowMs = this.options.clock.monotonicMs();
    const [id, oldest] = [...this.watches].sort(([, a], [, b]) => a.watch.lastUsedMs - b.watch.lastUsedMs)[0]!;
    if (nowMs - oldest.watch.lastUsedMs < UNUSED_MS) throw new Error(`${MAX_WATCHES} look-ups are watched already, which is the limit`);
    this.watches.delete(id);
    void oldest.watch.close();
  }

  private close(isMeant: (served: ServedKind) => boolean): Promise<void>[] {
    const meant = [...this.watches].filter(([, { served }]) => isMeant(served));
    for (const [id] of meant) this.watches.delete(id);
    return meant.map(([, { watch }]) => watch.close());
  }

  /** A question that failed is asked again the next time. */
  private definition(resource: string): Promise<CustomResourceDefinition | undefined> {
    const known = this.definitions.get(resource);
    if (known !== undefined) return known;
    const asked = this.options.client.find(CustomResourceDefinition, resource).catch((error: unknown) => {
      this.definitions.delete(resource);
      throw isOperatorError(error, 'LOOK_UP') ? error : new LookUpError(`the schema of ${resource}`, error);
    });
    this.definitions.set(resource, asked);
    return asked;
  }
}
