/** Plain HTTP against a server under test: one request, or the lines of a watch. Never: knows whether the server is a fake. */
import { request as httpRequest, type IncomingMessage } from 'node:http';
import { request as httpsRequest } from 'node:https';

export interface ServerUnderTest {
  baseUrl: string;
  token?: string | undefined;
  /** PEM; left out for plain HTTP. */
  ca?: string | undefined;
}

export type Json = { [key: string]: unknown };

export interface Answer {
  status: number;
  headers: IncomingMessage['headers'];
  text: string;
  /** Parsed body, `{}` when it is no JSON object. */
  body: Json;
}

export interface CallOptions {
  body?: unknown;
  contentType?: string;
  accept?: string;
  userAgent?: string;
  /** Instead of the server's; empty for none. */
  token?: string;
  signal?: AbortSignal;
}

function open(server: ServerUnderTest, method: string, path: string, options: CallOptions): Promise<IncomingMessage> {
  const { body, contentType = 'application/json', accept = 'application/json', userAgent = 'contract/1.0', signal } = options;
  const token = options.token ?? server.token;
  const url = new URL(path, server.baseUrl);
  const headers: Record<string, string> = { accept, 'user-agent': userAgent };
  if (token !== undefined && token !== '') headers['authorization'] = `Bearer ${token}`;
  const payload = body === undefined ? '' : typeof body === 'string' ? body : JSON.stringify(body);
  if (body !== undefined) {
    headers['content-type'] = contentType;
    headers['content-length'] = String(Buffer.byteLength(payload));
  }
  const send = url.protocol === 'https:' ? httpsRequest : httpRequest;
  return new Promise((resolve, reject) => {
    const request = send(url, {
      method,
      headers,
      agent: false,
      ...(server.ca === undefined ? {} : { ca: server.ca }),
      ...(signal === undefined ? {} : { signal }),
    });
    request.on('response', resolve).on('error', reject);
    request.end(payload);
  });
}

export async function call(server: ServerUnderTest, method: string, path: string, options: CallOptions = {}): Promise<Answer> {
  const response = await open(server, method, path, options);
  const chunks: Buffer[] = [];
  for await (const chunk of response as AsyncIterable<Buffer>) chunks.push(chunk);
  const text = Buffer.concat(chunks).toString();
  let body: Json = {};
  try {
    body = JSON.parse(text) as Json;
  } catch {
    // Some answers are plain text.
  }
  return { status: response.statusCode ?? 0, headers: response.headers, text, body };
}

export interface WatchEvent {
  type: string;
  object: Json & { metadata: Json };
}

/** An open watch whose events are collected as they come. */
export class Watch {
  readonly events: WatchEvent[] = [];
  /** Lines that were no JSON. */
  readonly garbage: string[] = [];
  ended = false;
  /** Set when the stream broke instead of ending. */
  error: Error | undefined;
  private readonly abort = new AbortController();

  private constructor(readonly status: number) {}

  static async open(server: ServerUnderTest, path: string, options: CallOptions = {}): Promise<Watch> {
    const abort = new AbortController();
    const response = await open(server, 'GET', path, { ...options, signal: abort.signal });
    const watch = new Watch(response.statusCode ?? 0);
    watch.abort.signal.addEventListener('abort', () => abort.abort());
    void watch.read(response);
    return watch;
  }

  close(): void {
    this.abort.abort();
  }

  /** Resolves when there are that many events of other types than BOOKMARK; rejects after five seconds. */
  async take(count: number): Promise<WatchEvent[]> {
    await until(
      () => this.changes().length >= count,
      () => `${count} events; got ${JSON.stringify(this.events)}`,
    );
    return this.changes();
  }

  changes(): WatchEvent[] {
    return this.events.filter(({ type }) => type !== 'BOOKMARK');
  }

  private async read(response: IncomingMessage): Promise<void> {
    let rest = '';
    try {
      for await (const chunk of response as AsyncIterable<Buffer>) {
        const lines = (rest + chunk.toString()).split('\n');
        rest = lines.pop() ?? '';
        for (const line of lines) this.line(line);
      }
      if (rest !== '') this.line(rest);
    } catch (error) {
      this.error = error as Error;
    }
    this.ended = true;
  }

  private line(line: string): void {
    try {
      this.events.push(JSON.parse(line) as WatchEvent);
    } catch {
      this.garbage.push(line);
    }
  }
}

/** Polls until the condition holds. @throws when it does not within the deadline. */
export async function until(condition: () => boolean, what: () => string = () => 'condition', deadlineMs = 60_000): Promise<void> {
  const end = Date.now() + deadlineMs;
  while (!condition()) {
    if (Date.now() > end) throw new Error(`timed out waiting for ${what()}`);
    await new Promise((resolve) => setTimeout(resolve, 2));
  }
}
