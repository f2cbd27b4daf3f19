/**
 * Lists a collection in pages.
 *
 * Expected flow: page after page at one server version, each handed over as it comes -> the version of the whole list.
 * Guarantees: what was handed over since the last `restart` is the complete list when `collect` resolves, and not before.
 * Assumptions: the sink forgets everything at `restart`.
 * Caveats: the page limit that a large body has lowered stays lowered for the life of the pager.
 * Errors: an expired continue token starts the list over, once in pages and once in a single piece; every other error is thrown.
 */
import type { ApiTransport } from '../client/transport';
import { DecodeError, failureOf } from './failure';
import type { CompiledWatchOptions } from './watch-options';

export interface PagerOptions {
  readonly transport: ApiTransport;
  readonly accept: string;
  readonly numbers: CompiledWatchOptions;
}

export interface ListTarget {
  readonly path: string;
  readonly query: Readonly<Record<string, string | undefined>>;
}

export interface PageSink {
  /** The first page was accepted: the server lets us list. */
  accepted(): void;
  page(items: readonly unknown[]): Promise<void>;
  restart(): void;
}

interface Page {
  readonly items: readonly unknown[];
  readonly resourceVersion: string | undefined;
  readonly continueToken: string | undefined;
}

/** A page is too large for one piece of work. */
class PageTooLargeError extends Error {}

/** The continue token in use is no longer valid. */
class TokenExpiredError extends Error {}

const ATTEMPTS = ['paged', 'paged', 'unpaged'] as const;

export class Pager {
  private limit: number;

  constructor(private readonly options: PagerOptions) {
    this.limit = options.numbers.pageLimit;
  }

  /** @returns the resource version to watch from. @throws {ApiError} {TransportError} {DecodeError} and the signal's reason. */
  async collect(target: ListTarget, sink: PageSink, signal: AbortSignal): Promise<string | undefined> {
    for (const mode of ATTEMPTS) {
      try {
        return await this.pages(target, mode === 'paged', sink, signal);
      } catch (error) {
        if (!(error instanceof TokenExpiredError)) throw error;
        sink.restart();
      }
    }
    throw new DecodeError(`${target.path}: a list in one piece was answered with a continue token`);
  }

  private async pages(target: ListTarget, paged: boolean, sink: PageSink, signal: AbortSignal): Promise<string | undefined> {
    let continueToken: string | undefined;
    let resourceVersion: string | undefined;
    do {
      const page = await this.page(target, paged, continueToken, signal);
      if (continueToken === undefined) {
        resourceVersion = page.resourceVersion;
        sink.accepted();
      }
      await sink.page(page.items);
      continueToken = page.continueToken;
    } while (continueToken !== undefined);
    return resourceVersion;
  }

  /** One page, in smaller pieces when it is too large. */
  private async page(target: ListTarget, paged: boolean, continueToken: string | undefined, signal: AbortSignal): Promise<Page> {
    for (;;) {
      try {
        const body = await this.fetch(target, { limit: paged ? String(this.limit) : undefined, continue: continueToken }, signal);
        return pageOf(body, target.path);
      } catch (error) {
        if (error instanceof PageTooLargeError) this.limit = Math.max(this.options.numbers.minPageLimit, Math.floor(this.limit / 2));
        else if (continueToken !== undefined && failureOf(error).kind === 'gone') throw new TokenExpiredError();
        else throw error;
      }
    }
  }

  private async fetch(
    target: ListTarget,
    paging: { limit: string | undefined; continue: string | undefined },
    signal: AbortSignal,
  ): Promise<Uint8Array> {
    const { transport, accept, numbers } = this.options;
    const stream = await transport.stream({
      method: 'GET',
      path: target.path,
      query: { ...target.query, ...paging },
      accept,
      signal,
      headersTimeoutMs: numbers.headersTimeoutMs,
      bodyIdleTimeoutMs: numbers.pageIdleTimeoutMs,
      totalTimeoutMs: numbers.pageTimeoutMs,
    });
    const divisible = paging.limit !== undefined && this.limit > numbers.minPageLimit;
    try {
      return await bytesOf(stream.body, divisible ? numbers.maxPageBytes : Number.POSITIVE_INFINITY);
    } finally {
      stream.close();
    }
  }
}

async function bytesOf(chunks: AsyncIterable<Uint8Array>, maxBytes: number): Promise<Uint8Array> {
  const parts: Uint8Array[] = [];
  let bytes = 0;
  for await (const chunk of chunks) {
    bytes += chunk.length;
    if (bytes > maxBytes) throw new PageTooLargeError();
    parts.push(chunk);
  }
  return Buffer.concat(parts, bytes);
}

function pageOf(body: Uint8Array, path: string): Page {
  const list = parse(body, path) as { items?: unknown; metadata?: { resourceVersion?: unknown; continue?: unknown } } | null;
  const items = list?.items ?? [];
  if (typeof list !== 'object' || list === null || !Array.isArray(items)) throw new DecodeError(`${path}: the answer is no list`);
  const { resourceVersion, continue: token } = list.metadata ?? {};
  return {
    items,
    resourceVersion: typeof resourceVersion === 'string' && resourceVersion !== '' ? resourceVersion : undefined,
    continueToken: typeof token === 'string' && token !== '' ? token : undefined,
  };
}

function parse(body: Uint8Array, path: string): unknown {
  try {
    return JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(body));
  } catch (error) {
    throw new DecodeError(`${path}: the answer is not JSON`, { cause: error });
  }
}
