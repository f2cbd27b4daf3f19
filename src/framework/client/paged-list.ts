/**
 * Lists objects page by page.
 *
 * Owns: paging and filling in what list items lack. Never: caches; a second iteration asks the server again.
 */

import { GoneError } from '../errors/api-error';
import type { Kind } from '../kinds/kind';
import type { KubernetesObject } from '../kinds/object';
import { collectionPath } from './api-paths';
import type { ApiTransport } from './transport';

/** Objects a page, as kubectl and controller-runtime ask for. */
const PAGE_LIMIT = 500;

export interface ListOptions {
  /** @default all namespaces */
  namespace?: string;
  /** Label selector in its text form. */
  labels?: string;
  /** Field selector in its text form. */
  fields?: string;
  /** Objects a page. @default 500 */
  limit?: number;
  signal?: AbortSignal | undefined;
}

export interface Page<T> {
  readonly items: readonly T[];
  /** Version of the whole list, the same on every page. */
  readonly resourceVersion: string | undefined;
}

/** Iterates over objects; `pages()` over pages. A 410 in the middle (expired continue token) is thrown: what came was not complete. */
export class PagedList<T extends KubernetesObject> implements AsyncIterable<T> {
  constructor(
    private readonly transport: ApiTransport,
    private readonly kind: Kind<T>,
    private readonly options: ListOptions,
  ) {}

  async *[Symbol.asyncIterator](): AsyncGenerator<T, void, undefined> {
    for await (const { items } of this.pages()) yield* items;
  }

  async *pages(): AsyncGenerator<Page<T>, void, undefined> {
    const { namespace, labels, fields, limit = PAGE_LIMIT, signal } = this.options;
    let token: string | undefined;
    do {
      const { body } = await this.transport.request({
        method: 'GET',
        path: collectionPath(this.kind as Kind, namespace),
        query: { limit: String(limit), labelSelector: labels, fieldSelector: fields, continue: token },
        signal,
      });
      const list = (body ?? {}) as { items?: T[]; metadata?: { continue?: string; resourceVersion?: string } };
      yield { items: (list.items ?? []).map((item) => this.named(item)), resourceVersion: list.metadata?.resourceVersion };
      token = list.metadata?.continue === '' ? undefined : list.metadata?.continue;
    } while (token !== undefined);
  }

  /** The whole list at once; starts over once when its pages expired. For small collections. */
  async toArray(): Promise<T[]> {
    try {
      return await this.collect();
    } catch (error) {
      if (!(error instanceof GoneError)) throw error;
      return this.collect();
    }
  }

  private async collect(): Promise<T[]> {
    const items: T[] = [];
    for await (const item of this) items.push(item);
    return items;
  }

  /** List items carry no kind of their own. */
  private named(item: T): T {
    return { apiVersion: this.kind.apiVersion, kind: this.kind.kind, ...item };
  }
}
