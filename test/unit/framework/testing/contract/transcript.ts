/**
 * Runs a scenario against a server and writes down every answer, without what differs from run to run.
 *
 * Owns: recording and normalising. Invariant: two servers that behave alike give equal transcripts.
 * Versions, UIDs and times become labels in the order of their first appearance, so that equality among them still shows.
 */
import { type CallOptions, call, type Json, type ServerUnderTest, until, Watch } from '../http-client';

export interface Scenario {
  /** A sentence: what the server does. */
  title: string;
  run(session: Session): Promise<void>;
}

export interface Recorded {
  request: string;
  status: number;
  /** Response headers that matter, when present. */
  headers?: Record<string, string>;
  body: unknown;
}

const HEADERS = ['warning', 'retry-after'];
const UID = /[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}/g;
const TIME = /\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z/g;

/** What a scenario uses to talk to the server. */
export class Session {
  readonly transcript: Recorded[] = [];
  private readonly labels = new Map<string, string>();
  private readonly watches: Watch[] = [];

  constructor(
    private readonly server: ServerUnderTest,
    /** Namespace of this run alone; it exists. */
    readonly namespace: string,
  ) {}

  get configMaps(): string {
    return `/api/v1/namespaces/${this.namespace}/configmaps`;
  }

  get widgets(): string {
    return `/apis/contract.test/v1/namespaces/${this.namespace}/widgets`;
  }

  get gadgets(): string {
    return `/apis/contract.test/v1/namespaces/${this.namespace}/gadgets`;
  }

  /** Sends and records. @param pick what of the body is compared. @returns the body as it came. */
  async send(method: string, path: string, options: CallOptions = {}, pick: (body: Json) => unknown = (body) => body): Promise<Json> {
    const answer = await call(this.server, method, path, options);
    const isJson = String(answer.headers['content-type']).includes('json');
    const headers = Object.fromEntries(
      HEADERS.flatMap((name) => (answer.headers[name] === undefined ? [] : [[name, String(answer.headers[name])]])),
    );
    this.transcript.push({
      request: String(this.normal(`${method} ${path.replace(/continue=[\w-]+/, 'continue=<token>')}`)),
      status: answer.status,
      ...(Object.keys(headers).length === 0 ? {} : { headers }),
      body: this.normal(isJson ? pick(answer.body) : answer.text),
    });
    return answer.body;
  }

  /** Sends without recording. */
  async quietly(method: string, path: string, options: CallOptions = {}): Promise<Json> {
    return (await call(this.server, method, path, options)).body;
  }

  async apply(path: string, manager: string, config: Json, query = '', pick?: (body: Json) => unknown): Promise<Json> {
    return this.send(
      'PATCH',
      `${path}?fieldManager=${manager}${query}`,
      { contentType: 'application/apply-patch+yaml', body: config },
      pick,
    );
  }

  async jsonPatch(path: string, operations: unknown): Promise<Json> {
    return this.send('PATCH', path, { contentType: 'application/json-patch+json', body: operations });
  }

  async mergePatch(path: string, patch: unknown, query = ''): Promise<Json> {
    return this.send('PATCH', `${path}${query}`, { contentType: 'application/merge-patch+json', body: patch });
  }

  async watch(path: string, options: CallOptions = {}): Promise<Watch> {
    const watch = await Watch.open(this.server, path, options);
    this.watches.push(watch);
    return watch;
  }

  /** Records the first events of a watch other than bookmarks, in order. */
  async recordEvents(watch: Watch, count: number): Promise<void> {
    const events = await watch.take(count);
    this.transcript.push({ request: 'EVENTS', status: watch.status, body: events.slice(0, count).map((event) => this.normal(event)) });
  }

  async recordEnd(watch: Watch): Promise<void> {
    await until(
      () => watch.ended,
      () => 'the end of a watch',
      10_000,
    );
    const types = watch.events.map(({ type }) => type).filter((type, i, all) => type !== 'BOOKMARK' || all[i - 1] !== 'BOOKMARK');
    this.transcript.push({ request: 'END', status: watch.status, body: { clean: watch.error === undefined, types } });
  }

  note(what: string, body: unknown): void {
    this.transcript.push({ request: what, status: 0, body: this.normal(body) });
  }

  closeWatches(): void {
    for (const watch of this.watches) watch.close();
  }

  private label(prefix: string, value: string): string {
    const key = `${prefix}:${value}`;
    const known = this.labels.get(key);
    if (known !== undefined) return known;
    const count = [...this.labels.keys()].filter((other) => other.startsWith(`${prefix}:`)).length + 1;
    const label = `<${prefix}${count}>`;
    this.labels.set(key, label);
    return label;
  }

  private normal(value: unknown, name = ''): unknown {
    if (Array.isArray(value)) {
      return ordered(name, value).map((item) => this.normal(item));
    }
    if (typeof value === 'object' && value !== null) {
      return Object.fromEntries(
        Object.keys(value)
          .filter((key) => (value as Json)[key] !== undefined)
          .sort()
          .map((key) => [key, this.normal((value as Json)[key], key)]),
      );
    }
    if (typeof value !== 'string') return value;
    if (name === 'resourceVersion' && /^\d+$/.test(value)) return this.label('version', value);
    if (name === 'continue' && value !== '') return this.normal(decodedToken(value));
    if (name === 'storageVersionHash') return '<hash>';
    if (name === 'message') return this.normalText(value.replace(/ is invalid: \[.*\]$/s, ' is invalid: [the causes]'));
    return this.normalText(value);
  }

  private normalText(text: string): string {
    let result = text
      .replaceAll(this.namespace, '<namespace>')
      .replace(UID, (uid) => this.label('uid', uid))
      .replace(TIME, '<time>');
    for (const [key, label] of this.labels) {
      const [prefix, value] = [key.slice(0, key.indexOf(':')), key.slice(key.indexOf(':') + 1)];
      if (prefix === 'version') result = result.replace(new RegExp(`\\b${value}\\b`, 'g'), label);
    }
    return result;
  }
}

/** Conflicts of several managers and mistakes in several fields come in any order. */
function ordered(name: string, items: readonly unknown[]): unknown[] {
  const keyOf = name === 'managedFields' ? managerKey : name === 'causes' ? causeKey : undefined;
  if (keyOf === undefined) return [...items];
  return items.toSorted((a, b) => (keyOf(a) < keyOf(b) ? -1 : keyOf(a) > keyOf(b) ? 1 : 0));
}

function causeKey(cause: unknown): string {
  const { reason, message, field } = cause as Json;
  return reason === 'FieldManagerConflict' ? String(message) : `${field} ${message}`;
}

function managerKey(entry: unknown): string {
  const { manager, operation, subresource } = entry as Json;
  return `${manager} ${operation} ${subresource ?? ''}`;
}

function decodedToken(token: string): unknown {
  const { rv, start } = JSON.parse(Buffer.from(token, 'base64url').toString()) as { rv: number; start: string };
  return { resourceVersion: String(rv), start: start.replace(/^\//, '') };
}

/** The answers of one server to one scenario. */
export async function transcriptOf(server: ServerUnderTest, scenario: Scenario, namespace: string): Promise<Recorded[]> {
  const session = new Session(server, namespace);
  try {
    await scenario.run(session);
  } finally {
    session.closeWatches();
  }
  return session.transcript;
}
