/**
 * Lets a call in before a byte of its messages is read.
 *
 * Owns: the order: who calls, then what it says. Never: answers a call that is let in.
 *
 * Guarantees: at most MAX_STREAMS_PER_CONNECTION event streams on a connection, those that wait for the gate included; of a report whose
 * caller the gate refuses no message is read, so that nobody without a token can fill the memory with messages; what may be read for
 * others, health checks, is counted by address and in all; a message that does not arrive whole in time ends its call.
 * Caveats: HTTP/2 itself keeps up to 64 KiB of a call that is not read, of at most MAX_GUEST_CALLS calls.
 */
import { type Metadata, ServerInterceptingCall, type ServerInterceptingCallInterface, type ServerInterceptor, status } from '@grpc/grpc-js';
import type { Clock, Timer } from '../../framework/basics';
import { credentialsOf } from './call-credentials';
import type { AgentIdentity, CallGate } from './call-gate';
import type { Connections } from './connections';
import {
  MAX_GUEST_CALLS,
  MAX_GUEST_CALLS_PER_ADDRESS,
  MAX_GUEST_MESSAGES,
  MAX_GUEST_MESSAGES_PER_ADDRESS,
  MAX_STREAMS_PER_CONNECTION,
  MESSAGE_TIMEOUT_MS,
} from './limits';
import { RpcStatusError } from './rpc-status-error';
import { Shares } from './shares';

export interface CallAdmissionOptions {
  readonly gate: CallGate;
  /** Methods that are for agents only. */
  readonly guarded: ReadonlySet<string>;
  readonly connections: Connections;
  readonly clock: Clock;
  readonly statusOf: (error: unknown) => { readonly code: status; readonly details: string };
}

/** What one call holds until it is over. */
interface Visit {
  readonly releases: (() => void)[];
  deadline: Timer | undefined;
  /** Gives back the right to a message, once that is here. */
  messageRead: (() => void) | undefined;
  isOver: boolean;
}

type Method = { readonly path: string; readonly requestStream: boolean };

const TOO_MANY_STREAMS = `more than ${MAX_STREAMS_PER_CONNECTION} event streams on one connection`;
const TOO_MANY = 'too many calls of callers that have not proven to be agents';

export class CallAdmission {
  private readonly calls = new Shares({ perKey: MAX_GUEST_CALLS_PER_ADDRESS, total: MAX_GUEST_CALLS });
  private readonly messages = new Shares({ perKey: MAX_GUEST_MESSAGES_PER_ADDRESS, total: MAX_GUEST_MESSAGES });
  /** By connection. */
  private readonly streams = new Shares({ perKey: MAX_STREAMS_PER_CONNECTION, total: Number.POSITIVE_INFINITY });
  private readonly identities = new WeakMap<Metadata, AgentIdentity>();

  constructor(private readonly options: CallAdmissionOptions) {}

  /** Who makes a call that was let in. */
  identityOf({ metadata }: { readonly metadata: Metadata }): AgentIdentity {
    const identity = this.identities.get(metadata);
    if (identity === undefined) throw new RpcStatusError(status.UNAUTHENTICATED, 'the caller is not known');
    return identity;
  }

  readonly interceptor: ServerInterceptor = ({ path, requestStream }, call) => {
    const visit: Visit = { releases: [], deadline: undefined, messageRead: undefined, isOver: false };
    return new ServerInterceptingCall(call, {
      start: (next) =>
        next({
          onReceiveMetadata: (metadata, forward) => {
            this.enter({ path, requestStream }, call, metadata, visit).then(
              () => {
                if (!requestStream && !visit.isOver) this.expectMessage(call, visit);
                forward(metadata);
              },
              (error: unknown) => {
                call.sendStatus(this.options.statusOf(error));
                this.options.connections.refused(call.getPeer());
              },
            );
          },
          onReceiveHalfClose: (forward) => {
            visit.deadline?.cancel();
            visit.messageRead?.();
            forward();
          },
          onCancel: () => leave(visit),
        }),
    });
  };

  /** @throws {RpcStatusError} when it may not. */
  private async enter(
    { path, requestStream }: Method,
    call: ServerInterceptingCallInterface,
    metadata: Metadata,
    visit: Visit,
  ): Promise<void> {
    const { connections, guarded } = this.options;
    const peer = call.getPeer();
    visit.releases.push(connections.callBegan(peer));
    if (requestStream) hold(visit, this.streams.take(peer), TOO_MANY_STREAMS);
    const address = call.getConnectionInfo().remoteAddress ?? '';
    const asGuest = connections.isAgent(peer) ? undefined : hold(visit, this.calls.take(address), TOO_MANY);
    if (!guarded.has(path)) {
      if (asGuest !== undefined) visit.messageRead = hold(visit, this.messages.take(address), TOO_MANY);
      return;
    }
    const credentials = credentialsOf({ metadata, getPeer: () => peer, getAuthContext: () => call.getAuthContext() });
    this.identities.set(metadata, await this.options.gate.admit(credentials));
    connections.admitted(peer);
    asGuest?.();
  }

  private expectMessage(call: ServerInterceptingCallInterface, visit: Visit): void {
    visit.deadline = this.options.clock.setTimer(MESSAGE_TIMEOUT_MS, () =>
      call.sendStatus({ code: status.DEADLINE_EXCEEDED, details: `the message did not arrive within ${MESSAGE_TIMEOUT_MS / 1_000} s` }),
    );
  }
}

/** @throws {RpcStatusError} when there was nothing to be had. */
function hold(visit: Visit, release: (() => void) | undefined, refusal: string): () => void {
  if (release === undefined) throw new RpcStatusError(status.RESOURCE_EXHAUSTED, refusal);
  visit.releases.push(release);
  return release;
}

function leave(visit: Visit): void {
  visit.isOver = true;
  visit.deadline?.cancel();
  for (const release of visit.releases.splice(0)) release();
}
