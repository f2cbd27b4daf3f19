import { expect } from 'chai';
import type { ApiRequest, ApiStream, ApiTransport } from '../../../../src/framework/client/transport';
import { compileWatchOptions } from '../../../../src/framework/watch';
import { Pager } from '../../../../src/framework/watch/pager';
import { ScriptedStream, statusError } from './scripted-server';

const TARGET = { path: '/api/v1/pods', query: { labelSelector: 'app=x' } };
const never = new AbortController().signal;

interface Collected {
  readonly items: unknown[];
  readonly calls: string[];
  readonly sink: { accepted(): void; page(items: readonly unknown[]): Promise<void>; restart(): void };
}

function collector(): Collected {
  const items: unknown[] = [];
  const calls: string[] = [];
  return {
    items,
    calls,
    sink: {
      accepted: () => void calls.push('accepted'),
      page: async (page) => {
        calls.push(`page of ${page.length}`);
        items.push(...page);
      },
      restart: () => {
        calls.push('restart');
        items.length = 0;
      },
    },
  };
}

/** Answers every request with what `answer` gives: a body, or an error to throw. */
function scripted(answer: (query: Readonly<Record<string, string | undefined>>) => string | Error): {
  transport: ApiTransport;
  requests: ApiRequest[];
  streams: ScriptedStream[];
} {
  const requests: ApiRequest[] = [];
  const streams: ScriptedStream[] = [];
  const stream = async (request: ApiRequest): Promise<ApiStream> => {
    requests.push(request);
    const body = answer(request.query ?? {});
    if (body instanceof Error) throw body;
    const made = new ScriptedStream(undefined, request);
    for (let at = 0; at < body.length; at += 1_000) made.send(body.slice(at, at + 1_000));
    made.end();
    streams.push(made);
    return made;
  };
  const request = (): Promise<never> => Promise.reject(new Error('lists are streamed'));
  return { transport: { stream, request }, requests, streams };
}

const list = (items: unknown[] | null, metadata: Record<string, string> = {}): string =>
  JSON.stringify({ items, metadata: { resourceVersion: '7', ...metadata } });

function pagerOf(transport: ApiTransport, options = {}): Pager {
  return new Pager({ transport, accept: 'application/json', numbers: compileWatchOptions(options) });
}

describe('pager', () => {
  it('asks for 500 at a time without a version, with its time limits, and closes every page', async () => {
    const { transport, requests, streams } = scripted(({ continue: token }) =>
      token === undefined ? list([1, 2], { continue: 't' }) : list([3]),
    );
    const { items, calls, sink } = collector();

    expect(await pagerOf(transport).collect(TARGET, sink, never)).to.equal('7');
    expect(items).to.deep.equal([1, 2, 3]);
    expect(calls).to.deep.equal(['accepted', 'page of 2', 'page of 1']);
    expect(requests.map(({ query }) => query)).to.deep.equal([
      { labelSelector: 'app=x', limit: '500', continue: undefined },
      { labelSelector: 'app=x', limit: '500', continue: 't' },
    ]);
    expect(requests[0]).to.include({ headersTimeoutMs: 30_000, bodyIdleTimeoutMs: 30_000, totalTimeoutMs: 60_000 });
    expect(streams.map(({ isClosed }) => isClosed)).to.deep.equal([true, true]);
  });

  it('takes null items, as Go servers send for an empty list, for no items', async () => {
    const { items, sink } = collector();
    await pagerOf(scripted(() => list(null)).transport).collect(TARGET, sink, never);
    expect(items).to.deep.equal([]);
  });

  it('halves the page while its body is too large, stays there, and stops at the smallest page', async () => {
    const objects = Array.from({ length: 40 }, (_, i) => `${i}`.padEnd(100, '.'));
    const { transport, requests } = scripted(({ limit, continue: token = '0' }) => {
      const end = Number(token) + Number(limit);
      return list(objects.slice(Number(token), end), end < objects.length ? { continue: String(end) } : {});
    });
    const { items, sink } = collector();
    const pager = pagerOf(transport, { pageLimit: 40, minPageLimit: 15, maxPageBytes: 1_200 });
    await pager.collect(TARGET, sink, never);

    expect(requests.map(({ query }) => query?.['limit'])).to.deep.equal(['40', '20', '15', '15', '15']);
    expect(items).to.deep.equal(objects);
    await pager.collect(TARGET, sink, never);
    expect(requests[5]?.query?.['limit']).to.equal('15');
  });

  it('stops reading a body as soon as it is too large', async () => {
    const { transport, streams } = scripted(({ limit }) => list(limit === '500' ? ['x'.repeat(9_000)] : []));
    await pagerOf(transport, { maxPageBytes: 2_000 }).collect(TARGET, collector().sink, never);
    expect(streams[0]?.isClosed).to.equal(true);
  });

  it('throws a 410 that does not come from a continue token', async () => {
    const { transport, requests } = scripted(() => statusError(410, 'Expired') as Error);
    const error = await pagerOf(transport)
      .collect(TARGET, collector().sink, never)
      .catch((thrown: unknown) => thrown);
    expect(error).to.have.property('status', 410);
    expect(requests).to.have.length(1);
  });

  it('forgets what it handed over when it starts anew', async () => {
    const { transport } = scripted(({ limit, continue: token }) => {
      if (token !== undefined) return statusError(410, 'Expired') as Error;
      return limit === undefined ? list(['all']) : list(['part'], { continue: 't' });
    });
    const { items, calls, sink } = collector();
    await pagerOf(transport).collect(TARGET, sink, never);

    expect(items).to.deep.equal(['all']);
    expect(calls.filter((call) => call === 'restart')).to.have.length(2);
  });

  for (const [body, message] of [
    ['<html>', '/api/v1/pods: the answer is not JSON'],
    ['null', '/api/v1/pods: the answer is no list'],
    ['{"items":{}}', '/api/v1/pods: the answer is no list'],
  ] as const) {
    it(`says what is wrong with ${body}`, async () => {
      const error = await pagerOf(scripted(() => body).transport)
        .collect(TARGET, collector().sink, never)
        .catch((thrown: unknown) => thrown);
      expect(error).to.include({ name: 'DecodeError', message });
    });
  }
});
