/**
 * Secrets and ConfigMaps that hold certificates, in the operator's namespace, each by its name.
 *
 * Owns: how they are read and written, and that only ours are written. Never: lists, or logs what a Secret holds.
 * Invariant: a write replaces exactly the version that was read, so that a pair never mixes two hands; equal content is not written.
 */
import { isDeepStrictEqual } from 'node:util';
import { AlreadyExistsError, ConfigMap, ConflictError, type KubeClient, NotOursError, OperatorError, Secret } from '../../framework';

type Values = Readonly<Record<string, string>>;

export interface StoredValues {
  /** Decoded. */
  readonly values: Readonly<Record<string, string | undefined>>;
  readonly annotations: Readonly<Record<string, string | undefined>>;
  /** `undefined` when there is none. */
  readonly object: ConfigMap | Secret | undefined;
}

/** Something has to be replaced, which the leader alone does. */
export class LeftToLeaderError extends OperatorError {
  constructor(kind: string, key: string) {
    super('LEFT_TO_LEADER', `${kind} ${key} has to be replaced, which the leader does`);
  }
}

const MANAGED_BY = 'app.kubernetes.io/managed-by';

export interface CertificateStoreOptions {
  readonly client: Pick<KubeClient, 'find' | 'create' | 'replace' | 'managedBy'>;
  readonly namespace: string;
  /** Replacing throws LeftToLeaderError. @default false */
  readonly createOnly?: boolean;
}

export class CertificateStore {
  constructor(private readonly options: CertificateStoreOptions) {}

  async secret(name: string): Promise<StoredValues> {
    const object = await this.options.client.find(Secret, this.key(name));
    return { object, values: secretValues(object), annotations: object?.metadata?.annotations ?? {} };
  }

  async configMap(name: string): Promise<StoredValues> {
    const object = await this.options.client.find(ConfigMap, this.key(name));
    return { object, values: object?.data ?? {}, annotations: object?.metadata?.annotations ?? {} };
  }

  /** @throws {NotOursError} {ConflictError} when it has changed since it was read. */
  async writeSecret(name: string, stored: StoredValues, type: 'Opaque' | 'kubernetes.io/tls', values: Values): Promise<StoredValues> {
    const data = Object.fromEntries(Object.entries(values).map(([key, text]) => [key, Buffer.from(text).toString('base64')]));
    const object = await this.write(Secret, name, stored, { data }, { type }, {});
    return { object, values, annotations: stored.annotations };
  }

  /** @throws {NotOursError} {ConflictError} when it has changed since it was read. */
  async writeConfigMap(name: string, stored: StoredValues, data: Values, annotations: Values): Promise<void> {
    await this.write(ConfigMap, name, stored, { data }, {}, annotations);
  }

  /** @param whenCreated fields that cannot be changed afterwards. */
  private async write(
    kind: typeof Secret | typeof ConfigMap,
    name: string,
    { object: live }: StoredValues,
    content: { data: Values },
    whenCreated: { type?: string },
    annotations: Values,
  ): Promise<Secret> {
    const { client, namespace, createOnly = false } = this.options;
    if (live === undefined) {
      const labels = { [MANAGED_BY]: client.managedBy, 'app.kubernetes.io/name': 'virt-steward', 'app.kubernetes.io/component': 'grpc' };
      try {
        return await client.create(kind, { metadata: { name, namespace, labels, annotations }, ...whenCreated, ...content });
      } catch (error) {
        // Another replica was faster: what it wrote has to be read.
        if (error instanceof AlreadyExistsError) throw new RacedError(kind.kind, this.key(name), error);
        throw error;
      }
    }
    const manager = live.metadata?.labels?.[MANAGED_BY];
    if (manager !== client.managedBy)
      throw new NotOursError(kind.kind, this.key(name), `its label ${MANAGED_BY} is ${manager ?? 'absent'}`);
    const wanted = { ...live, metadata: { ...live.metadata, annotations: { ...live.metadata?.annotations, ...annotations } }, ...content };
    if (isDeepStrictEqual(wanted, { ...live, metadata: { ...live.metadata, annotations: { ...live.metadata?.annotations } } })) return live;
    if (createOnly) throw new LeftToLeaderError(kind.kind, this.key(name));
    try {
      return await client.replace(kind, wanted);
    } catch (error) {
      if (error instanceof ConflictError) throw new RacedError(kind.kind, this.key(name), error);
      throw error;
    }
  }

  private key(name: string): string {
    return `${this.options.namespace}/${name}`;
  }
}

/** Somebody else wrote between our read and our write: everything has to be read again. */
export class RacedError extends OperatorError {
  constructor(kind: string, key: string, cause: unknown) {
    super('RACED', `${kind} ${key} was written by somebody else meanwhile`, { cause });
  }
}

/** The values of a Secret as text. */
export function secretValues(secret: Secret | undefined): Record<string, string> {
  const entries = Object.entries(secret?.data ?? {});
  return Object.fromEntries(entries.map(([key, value]) => [key, Buffer.from(value, 'base64').toString('utf8')]));
}
