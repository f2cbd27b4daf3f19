/**
 * The Lease on the API server.
 *
 * Owns: the two calls, and which refusals mean that somebody else was first. Never: repeats a call or waits for anything but its answer.
 */
import type { KubeClient } from '../client';
import { AlreadyExistsError, ConflictError, ForbiddenError, NotFoundError } from '../errors/api-error';
import { Lease } from '../kinds/core-kinds';
import { objectKey } from '../kinds/object';

export type LeaseWriteResult = { readonly kind: 'written'; readonly lease: Lease } | { readonly kind: 'conflict' };

export interface LeaseStore {
  /** @returns `undefined` when there is none. */
  read(signal: AbortSignal): Promise<Lease | undefined>;
  /** Creates a Lease without resourceVersion, replaces exactly the version meant otherwise. */
  write(lease: Lease, signal: AbortSignal): Promise<LeaseWriteResult>;
}

export class ApiLeaseStore implements LeaseStore {
  /** @param client one that repeats nothing, has connections of its own and gives up early. */
  constructor(
    private readonly client: KubeClient,
    private readonly namespace: string,
    private readonly name: string,
  ) {}

  read(signal: AbortSignal): Promise<Lease | undefined> {
    return this.client.find(Lease, objectKey(this.namespace, this.name), { signal });
  }

  async write(lease: Lease, signal: AbortSignal): Promise<LeaseWriteResult> {
    const isNew = lease.metadata?.resourceVersion === undefined;
    try {
      const written = isNew ? await this.client.create(Lease, lease, { signal }) : await this.client.replace(Lease, lease, { signal });
      return { kind: 'written', lease: written };
    } catch (error) {
      const isOutdated = error instanceof ConflictError || error instanceof AlreadyExistsError;
      if (isOutdated || (error instanceof NotFoundError && !isNew)) return { kind: 'conflict' };
      throw error;
    }
  }
}

/** @returns what to tell people when the call will be refused as long as nobody changes rights or namespace. */
export function denialOf(error: unknown): string | undefined {
  const isDenied = error instanceof ForbiddenError || error instanceof NotFoundError;
  return isDenied ? error.message : undefined;
}
