/** Secrets and ConfigMaps in memory, with the conflicts of an API server, and a switch that ends the writer between two writes. */
import type { ConfigMap, Kind, KubeClient, KubernetesObject, Secret } from '../../../../src/framework';
import { AlreadyExistsError, ConflictError } from '../../../../src/framework';

type Stored = ConfigMap & Secret;

export class WriterKilledError extends Error {}

export class MemoryObjects {
  readonly objects = new Map<string, Stored>();
  /** `create Secret ns/name` and so on, in order. */
  readonly writes: string[] = [];
  /** Writes that still succeed before the writer is ended. */
  writesLeft = Number.POSITIVE_INFINITY;
  /** Called before each write, to change something behind the writer's back. */
  beforeWrite: (write: string) => void = () => undefined;
  private version = 0;

  get client(): Pick<KubeClient, 'find' | 'create' | 'replace' | 'managedBy'> {
    const find = async (kind: Kind, key: string): Promise<unknown> => structuredClone(this.objects.get(`${kind.kind} ${key}`));
    const create = (kind: Kind, object: KubernetesObject): Promise<unknown> => this.write('create', kind, object);
    const replace = (kind: Kind, object: KubernetesObject): Promise<unknown> => this.write('replace', kind, object);
    return { find, create, replace, managedBy: 'virt-steward' } as unknown as ReturnType<() => KubeClient>;
  }

  values(kind: 'Secret' | 'ConfigMap', name: string): Record<string, string> | undefined {
    const object = this.objects.get(`${kind} ns/${name}`);
    if (object === undefined || kind === 'ConfigMap') return object?.data;
    return Object.fromEntries(Object.entries(object.data ?? {}).map(([key, value]) => [key, Buffer.from(value, 'base64').toString()]));
  }

  put(kind: 'Secret' | 'ConfigMap', name: string, change: Partial<Stored>): void {
    const key = `${kind} ns/${name}`;
    const live = this.objects.get(key);
    this.objects.set(key, { ...live, ...change, metadata: { ...live?.metadata, ...change.metadata, resourceVersion: this.nextVersion() } });
  }

  private async write(verb: 'create' | 'replace', kind: Kind, object: KubernetesObject): Promise<unknown> {
    const key = `${kind.kind} ${object.metadata?.namespace}/${object.metadata?.name}`;
    this.beforeWrite(`${verb} ${key}`);
    if (this.writesLeft-- <= 0) throw new WriterKilledError();
    const live = this.objects.get(key);
    const fields = { status: 409, reason: '', message: key, method: verb, path: key };
    if (verb === 'create' && live !== undefined) throw new AlreadyExistsError(fields);
    if (verb === 'replace' && live?.metadata?.resourceVersion !== object.metadata?.resourceVersion) throw new ConflictError(fields);
    this.writes.push(`${verb} ${key}`);
    const written = { ...object, metadata: { ...object.metadata, resourceVersion: this.nextVersion() } } as Stored;
    this.objects.set(key, structuredClone(written));
    return written;
  }

  private nextVersion(): string {
    return String(++this.version);
  }
}
