/**
 * Keep-alive connections to one API server.
 *
 * Owns: the sockets of one credential, for calls and for watches apart, so that watches never take a call's place.
 * Never: decides what is sent on them. Invariant: after `destroy` no socket is open.
 */
import { type AgentOptions, type ClientRequest, Agent as HttpAgent, request as httpRequest } from 'node:http';
import { Agent as HttpsAgent, request as httpsRequest } from 'node:https';
import type { Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import { TLSSocket, connect as tlsConnect } from 'node:tls';
import type { Clock, Timer } from '../time/clock';
import type { ResolvedCredentials } from './credentials';

/** Sockets for calls; as many as calls may be in flight. */
export const MAX_CALL_SOCKETS = 32;
/** An idle connection is closed after this long, before load balancers drop it silently. */
const IDLE_MS = 60_000;
/** TCP probes that find a dead peer. */
const TCP_KEEP_ALIVE_MS = 30_000;

/** Longest wait for a proxy to open a tunnel; the call that asked has its own, equal limit. */
const TUNNEL_MS = 10_000;

type Purpose = 'calls' | 'streams';
type AnyAgent = HttpAgent;

/** Sockets whose handshake is done; what is not in here is still connecting. */
const established = new WeakSet<object>();

/** Calls back once the connection stands, TLS included; at once when it already does. */
export function whenEstablished(socket: Socket, callback: () => void): void {
  const isTls = socket instanceof TLSSocket;
  if (established.has(socket) || (!isTls && !socket.connecting)) {
    callback();
    return;
  }
  socket.once(isTls ? 'secureConnect' : 'connect', callback);
}

/** The agents of one credential. */
export class AgentPair {
  readonly calls: AnyAgent;
  readonly streams: AnyAgent;
  private readonly idle = new Map<Duplex, Timer>();
  /** Sockets that already tell us when they close. */
  private readonly known = new WeakSet<Duplex>();
  private retired = false;

  constructor(
    readonly credentials: ResolvedCredentials,
    private readonly clock: Clock,
  ) {
    this.calls = this.agent('calls');
    this.streams = this.agent('streams');
  }

  /** Idle connections close now, those in use when their call has ended. */
  retire(): void {
    this.retired = true;
    for (const socket of [...this.idle.keys()]) this.closeIdle(socket);
  }

  /** Cuts every watch, for the case that the credential it stands on is no longer ours. */
  cutStreams(): void {
    this.streams.destroy();
  }

  /** No socket is left, in use or idle. */
  get isEmpty(): boolean {
    return [this.calls, this.streams].every(({ sockets, freeSockets }) => Object.keys({ ...sockets, ...freeSockets }).length === 0);
  }

  destroy(): void {
    this.retire();
    this.calls.destroy();
    this.streams.destroy();
  }

  private agent(purpose: Purpose): AnyAgent {
    const { server, tls, proxyUrl, socksAgent } = this.credentials;
    if (socksAgent !== undefined && typeof socksAgent !== 'boolean') return socksAgent;
    const limit = purpose === 'calls' ? { maxSockets: MAX_CALL_SOCKETS, maxFreeSockets: MAX_CALL_SOCKETS } : {};
    const options: AgentOptions = { keepAlive: true, keepAliveMsecs: TCP_KEEP_ALIVE_MS, scheduling: 'lifo', ...limit };
    const secure = server.protocol === 'https:';
    const agent = secure ? new HttpsAgent({ ...options, ...withoutUndefined(tls) }) : new HttpAgent(options);
    if (proxyUrl !== undefined) tunnelThrough(agent, new URL(proxyUrl), secure, this.clock);
    this.watchSockets(agent);
    return agent;
  }

  /** Adds what Node's agent lacks: idle limits on our clock, and the knowledge of when a handshake is done. */
  private watchSockets(agent: AnyAgent): void {
    const keep = agent.keepSocketAlive.bind(agent) as (socket: Duplex) => boolean;
    const reuse = agent.reuseSocket.bind(agent);
    agent.keepSocketAlive = ((socket: Duplex) => {
      if (this.retired || !keep(socket)) return false;
      this.idle.set(
        socket,
        this.clock.setTimer(IDLE_MS, () => this.closeIdle(socket)),
      );
      if (!this.known.has(socket)) socket.once('close', () => this.notIdle(socket));
      this.known.add(socket);
      return true;
    }) as typeof agent.keepSocketAlive;
    agent.reuseSocket = (socket: Duplex, request: ClientRequest) => {
      this.notIdle(socket);
      reuse(socket, request);
    };
    const create = agent.createConnection.bind(agent);
    agent.createConnection = ((options: never, callback: never) => {
      const socket = create(options, callback);
      if (socket !== undefined && socket !== null) markWhenEstablished(socket as Socket);
      return socket;
    }) as typeof agent.createConnection;
  }

  private closeIdle(socket: Duplex): void {
    this.notIdle(socket);
    socket.destroy();
  }

  private notIdle(socket: Duplex): void {
    this.idle.get(socket)?.cancel();
    this.idle.delete(socket);
  }
}

function markWhenEstablished(socket: Socket): void {
  const done = (): void => {
    established.add(socket);
    socket.setKeepAlive(true, TCP_KEEP_ALIVE_MS);
  };
  socket.once(socket instanceof TLSSocket ? 'secureConnect' : 'connect', done);
}

/** Makes an agent connect through an HTTP proxy by CONNECT, for plain targets too, so that the proxy never sees a token. */
function tunnelThrough(agent: AnyAgent, proxy: URL, secure: boolean, clock: Clock): void {
  const open = (
    options: { host?: string; port?: number | string; servername?: string },
    done: (error: Error | null, socket?: Duplex) => void,
  ): undefined => {
    const target = `${options.host}:${options.port}`;
    const request = (proxy.protocol === 'https:' ? httpsRequest : httpRequest)({
      method: 'CONNECT',
      host: proxy.hostname,
      port: proxy.port === '' ? undefined : proxy.port,
      path: target,
      headers: { host: target, ...proxyAuthorization(proxy) },
      agent: false,
    });
    const limit = clock.setTimer(TUNNEL_MS, () => request.destroy(new Error(`proxy ${proxy.host} did not answer within ${TUNNEL_MS} ms`)));
    request.once('close', () => limit.cancel());
    request.once('connect', ({ statusCode }, socket) => {
      limit.cancel();
      if (statusCode !== 200) {
        socket.destroy();
        done(new Error(`proxy ${proxy.host} answered ${statusCode} to CONNECT`));
        return;
      }
      if (!secure) {
        established.add(socket);
        done(null, socket);
        return;
      }
      const tunnel = tlsConnect({ ...(options as object), socket, servername: options.servername ?? options.host ?? '' });
      markWhenEstablished(tunnel);
      done(null, tunnel);
    });
    request.once('error', (error) => done(error));
    request.end();
    return undefined;
  };
  agent.createConnection = open as unknown as typeof agent.createConnection;
}

function proxyAuthorization({ username, password }: URL): Record<string, string> {
  if (username === '' && password === '') return {};
  const pair = `${decodeURIComponent(username)}:${decodeURIComponent(password)}`;
  return { 'proxy-authorization': `Basic ${Buffer.from(pair).toString('base64')}` };
}

function withoutUndefined(values: object): object {
  return Object.fromEntries(Object.entries(values).filter(([, value]) => value !== undefined));
}
