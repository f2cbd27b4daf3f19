/**
 * One HTTP request from its arrival to its answer.
 *
 * Owns: the order user -> fault -> rights -> answer, the journal, and what a fault does to a request. Never: what an object is.
 */
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Clock } from '../../../time/clock';
import type { Authenticator, FakeUser } from '../auth/authenticator';
import { type FaultMatch, type FaultPlan, type FaultTarget, matches } from '../faults/fault-plan';
import type { Fault } from '../faults/faults';
import type { Journal, JournalEntry } from '../journal';
import { objectOr } from '../json';
import { idOf, type ServedKind, type ServedVersion } from '../kinds/served-kind';
import type { ServedKinds } from '../kinds/served-kinds';
import { expired, routeNotFound, StatusError } from '../status-error';
import type { ObjectStore } from '../storage/object-store';
import type { Pager } from '../storage/pages';
import { type Discovery, VERSION } from './discovery';
import { Presenter, wantsMetadataOnly } from './presenter';
import { Reply } from './reply';
import { bodyOf, LOST, MAX_BODY_BYTES, parsedOrText, TOO_LARGE } from './request-body';
import { isTrue, resourceRequestOf } from './request-info';
import { type Answer, type ApiCall, isDryRun, PathNotFound, prefixOf, type ResourceHandler, selectorOf } from './resource-handler';
import { answerReview } from './reviews';
import type { SubresourceTable } from './subresources';
import { WatchStream } from './watch-stream';

const REASONS: Readonly<Record<number, string>> = {
  400: 'BadRequest',
  401: 'Unauthorized',
  403: 'Forbidden',
  404: 'NotFound',
  409: 'Conflict',
  410: 'Expired',
  422: 'Invalid',
  429: 'TooManyRequests',
  500: 'InternalError',
  503: 'ServiceUnavailable',
  504: 'Timeout',
};

export interface RequestParts {
  readonly store: ObjectStore;
  readonly kinds: ServedKinds;
  readonly resources: ResourceHandler;
  readonly pager: Pager;
  readonly discovery: Discovery;
  readonly authenticator: Authenticator;
  readonly faults: FaultPlan;
  readonly journal: Journal;
  readonly subresources: SubresourceTable;
  readonly clock: Clock;
  readonly bookmarkPeriodMs: number;
  readonly defaultWatchTimeoutMs: number;
}

interface Exchange {
  readonly call: Omit<ApiCall, 'request'>;
  readonly target: FaultTarget;
  readonly reply: Reply;
  readonly entry: JournalEntry;
  readonly authError: StatusError | undefined;
  readonly address: string;
}

export class RequestHandler {
  private readonly streams = new Map<WatchStream, FaultTarget>();

  constructor(private readonly parts: RequestParts) {}

  get openWatches(): number {
    return this.streams.size;
  }

  /** Performs a fault on every open watch that matches. @returns how many there were. */
  strike(on: FaultMatch, fault: Fault): number {
    const struck = [...this.streams].filter(([, target]) => matches(on, target));
    for (const [stream] of struck) stream.strike(fault);
    return struck.length;
  }

  /** Sends a bookmark on every open watch that asked for them, at once. */
  sendBookmarks(): void {
    for (const [stream, { query }] of this.streams) if (isTrue(query.get('allowWatchBookmarks'))) stream.bookmark();
  }

  /** Ends the watches of a kind that is no longer served. */
  endWatchesOf(id: string): void {
    for (const [stream, { group = '', resource = '' }] of [...this.streams]) if (idOf({ group, plural: resource }) === id) stream.finish();
  }

  async handle(request: IncomingMessage, response: ServerResponse, resetConnection: () => void): Promise<void> {
    const reply = new Reply(request, response, this.parts.clock, resetConnection);
    const body = await bodyOf(request).catch((): typeof LOST => LOST);
    if (body === LOST) {
      reply.reset();
      return;
    }
    const exchange = this.exchangeOf(request, body === TOO_LARGE ? '' : body, reply);
    if (body === TOO_LARGE) {
      this.fail(exchange, new StatusError(413, 'RequestEntityTooLarge', `Request entity too large: limit is ${MAX_BODY_BYTES}`));
      return;
    }
    const fault = this.parts.faults.next(exchange.target);
    exchange.entry.fault = fault?.kind;
    if (fault?.kind === 'delay') await new Promise<void>((resolve) => void this.parts.clock.setTimer(fault.delayMs, resolve));
    this.perform(exchange, fault);
  }

  private perform(exchange: Exchange, fault: Fault | undefined): void {
    try {
      if (fault !== undefined && this.isAnsweredBy(fault, exchange)) return;
      this.answer(exchange, fault);
    } catch (error) {
      this.fail(exchange, error);
    }
  }

  /** Faults that replace the answer. @returns true when nothing is left to do. */
  private isAnsweredBy(fault: Fault, { target, reply }: Exchange): boolean {
    const isWatch = target.verb === 'watch';
    switch (fault.kind) {
      case 'status':
        throw new StatusError(
          fault.code,
          fault.reason ?? REASONS[fault.code] ?? '',
          fault.message ?? `injected ${fault.code}`,
          fault.retryAfterS === undefined ? undefined : { retryAfterSeconds: fault.retryAfterS },
        );
      case 'expireContinue':
        throw this.parts.pager.expiredAnswer(target.query.get('continue') ?? '');
      case 'gone':
        if (isWatch && fault.as === 'event') return false;
        throw expired('too old resource version');
      case 'slowBytes':
        reply.bytesPerSecond = fault.bytesPerSecond;
        return false;
      case 'reset':
        if (!isWatch || fault.afterEvents === 0) reply.reset();
        return !isWatch || fault.afterEvents === 0;
      case 'stall':
        return !isWatch;
      case 'truncateLine':
      case 'garbageLine':
      case 'closeAtOnce':
        if (!isWatch) spoil(fault, reply);
        return !isWatch;
      default:
        return false;
    }
  }

  private answer(exchange: Exchange, fault: Fault | undefined): void {
    const { target, authError, reply, entry } = exchange;
    if (authError !== undefined) throw authError;
    if (target.verb === undefined) {
      this.parts.authenticator.authorize(target.user, { verb: target.method.toLowerCase(), path: target.path });
      this.answerPath(exchange);
      return;
    }
    const { verb, group, resource, subresource, namespace, name } = target;
    this.parts.authenticator.authorize(target.user, {
      verb,
      group: group!,
      resource: resource!,
      subresource: subresource!,
      namespace: namespace!,
      name: name!,
    });
    const call: ApiCall = { ...exchange.call, request: target as FaultTarget & ApiCall['request'] };
    if (verb === 'watch') {
      entry.status = 200;
      this.watch(call, target, reply, fault);
      return;
    }
    const answer = this.answerResource(call, target.user);
    entry.status = answer.status;
    if (fault?.kind === 'loseResponse') reply.reset();
    else reply.json(answer.status, answer.body, warningHeaders(answer.warnings));
  }

  private answerResource(call: ApiCall, user: FakeUser): Answer {
    const { request } = call;
    const review = answerReview(call, user, this.parts.authenticator);
    if (review !== undefined) return review;
    const registered = this.parts.subresources.find(request);
    if (registered !== undefined) {
      const found = this.parts.kinds.get(idOf({ group: registered.of ?? request.group, plural: request.resource }));
      const key = request.namespace === '' ? request.name : `${request.namespace}/${request.name}`;
      const object = found === undefined ? undefined : this.parts.store.get(idOf(found), key);
      const body = parsedOrText(call.body);
      const answer = registered.handler({
        method: call.request.verb,
        object,
        body,
        query: call.query,
        user: user.name,
        namespace: request.namespace,
        name: request.name,
      });
      return {
        status: answer.status ?? 200,
        body: answer.body ?? { kind: 'Status', apiVersion: 'v1', metadata: {}, status: 'Success' },
        warnings: [],
      };
    }
    const found = this.found(request);
    return this.parts.resources.answer(call, found.kind, found.version);
  }

  private found({ group, version, resource }: ApiCall['request']): { kind: ServedKind; version: ServedVersion } {
    const found = this.parts.kinds.find(group, version, resource);
    if (found !== undefined) return found;
    throw this.parts.kinds.all().some((kind) => kind.group === group && !kind.traits.custom) ? routeNotFound() : new PathNotFound();
  }

  private answerPath({ target, reply, entry, address, call }: Exchange): void {
    const { path } = target;
    wantsMetadataOnly(call.accept);
    const document = path.replace(/\/$/, '') === '/version' ? VERSION : this.parts.discovery.document(path, address);
    const isProbe = ['/healthz', '/livez', '/readyz'].includes(path);
    const isBuiltin = this.parts.kinds
      .all()
      .some(({ group, traits }) => group !== '' && !traits.custom && path.startsWith(`/apis/${group}/`));
    if (document === undefined && !isProbe) throw isBuiltin ? routeNotFound() : new PathNotFound();
    entry.status = 200;
    if (isProbe) reply.text(200, 'ok');
    else reply.json(200, document);
  }

  private watch(call: ApiCall, target: FaultTarget, reply: Reply, fault: Fault | undefined): void {
    const { request, query } = call;
    const found = this.found(request);
    const { store, clock, bookmarkPeriodMs, defaultWatchTimeoutMs } = this.parts;
    const timeoutS = Number(query.get('timeoutSeconds') ?? 0);
    const options = {
      collectionId: idOf(found.kind),
      prefix: prefixOf(request, found.kind),
      matches: selectorOf(query, found.kind, found.version),
      resourceVersion: query.get('resourceVersion') ?? '',
      sendsBookmarks: isTrue(query.get('allowWatchBookmarks')),
      sendsInitialEvents: isTrue(query.get('sendInitialEvents')),
      timeoutMs: timeoutS > 0 ? timeoutS * 1_000 : defaultWatchTimeoutMs,
      bookmarkPeriodMs,
    };
    const presenter = new Presenter(found.kind, found.version, wantsMetadataOnly(call.accept));
    const stream = new WatchStream(store, clock, options, presenter, reply);
    this.streams.set(stream, target);
    stream.start(fault, () => void this.streams.delete(stream));
  }

  private exchangeOf(request: IncomingMessage, body: string, reply: Reply): Exchange {
    const url = new URL(request.url ?? '/', 'http://fake');
    const method = request.method ?? 'GET';
    const info = resourceRequestOf(method, url.pathname, url.searchParams);
    const { user, authError } = this.userOf(request.headers.authorization);
    const contentType = String(request.headers['content-type'] ?? '')
      .split(';')[0]!
      .trim();
    const userAgent = String(request.headers['user-agent'] ?? '');
    const call = { query: url.searchParams, accept: request.headers.accept, contentType, userAgent, body };
    const target: FaultTarget = { ...info, method, path: url.pathname, query: url.searchParams, user };
    const entry: JournalEntry = {
      ...info,
      atMs: this.parts.clock.monotonicMs(),
      method,
      path: url.pathname,
      query: Object.fromEntries(url.searchParams),
      user: user.name,
      userAgent,
      contentType,
      body: parsedOrText(body),
      isDryRun: info !== undefined && isDryRun({ ...call, request: info }),
      status: undefined,
      fault: undefined,
    };
    this.parts.journal.add(entry);
    return { call, target, reply, entry, authError, address: String(request.headers.host ?? '') };
  }

  private userOf(authorization: string | undefined): { user: FakeUser; authError: StatusError | undefined } {
    try {
      return { user: this.parts.authenticator.userOf(authorization), authError: undefined };
    } catch (error) {
      if (error instanceof StatusError) return { user: { token: '', name: '' }, authError: error };
      throw error;
    }
  }

  private fail({ entry, reply }: Exchange, error: unknown): void {
    if (error instanceof PathNotFound) {
      entry.status = 404;
      reply.text(404, '404 page not found\n', { 'x-content-type-options': 'nosniff' });
      return;
    }
    const answer =
      error instanceof StatusError
        ? error
        : new StatusError(500, 'InternalError', `fake API server: ${error instanceof Error ? error.stack : String(error)}`);
    entry.status = answer.code;
    const retryAfterS = objectOr(answer.details)['retryAfterSeconds'];
    reply.json(answer.code, answer.toBody(), typeof retryAfterS === 'number' ? { 'retry-after': String(retryAfterS) } : {});
  }
}

/** A body that ends early or is no JSON. */
function spoil(fault: Fault, reply: Reply): void {
  reply.begin(200);
  if (fault.kind === 'truncateLine') reply.write('{"kind":"List","apiVersion":"v1","items":[{"metadata":{"na');
  if (fault.kind === 'garbageLine') reply.write('}'.repeat(Math.max(1, fault.bytes)));
  reply.end();
}

function warningHeaders(warnings: readonly string[]): Record<string, readonly string[]> {
  return warnings.length === 0 ? {} : { warning: warnings.map((text) => `299 - ${JSON.stringify(text)}`) };
}
