/**
 * Lets calls of agents in, and nobody else's.
 *
 * Owns: the order of the checks, and that every refusal is counted and told. Never: logs a token, or lets a name from the network
 * make a metric.
 * Invariant: a call passes only with everything proven; a node that the API server names binds every event of that call.
 */
import { status } from '@grpc/grpc-js';
import { type Clock, isOperatorError, type Logger } from '../../framework';
import type { AgentIdentity, CallCredentials, CallGate } from '../protocol/call-gate';
import { TOKEN_AUDIENCE } from '../protocol/identity';
import { RpcStatusError } from '../protocol/rpc-status-error';
import { expiryOf, isForOthers, saysItHasExpired } from './token-review';
import type { TokenReviewer } from './token-reviewer';

/** Labels of `wol_grpc_auth_failures_total`. */
export type RefusalReason = 'no_token' | 'invalid' | 'expired' | 'audience' | 'account' | 'node' | 'certificate';

export interface AgentGateOptions {
  readonly reviewer: Pick<TokenReviewer, 'review'>;
  /** User name every agent has. */
  readonly agentUser: () => string;
  /** Agents also need a certificate. */
  readonly mtls: boolean;
  readonly clock: Pick<Clock, 'now'>;
  readonly log: Logger;
  readonly onRefused: (reason: RefusalReason) => void;
}

const REASONS: Readonly<Record<RefusalReason, string>> = {
  no_token: 'no token',
  invalid: 'token not accepted',
  expired: 'token expired',
  audience: 'token for another audience',
  account: 'token of another account',
  node: 'node of another agent',
  certificate: 'no client certificate of an agent',
};

const BEARER = /^Bearer ([\x21-\x7e]+)$/i;

export class AgentGate implements CallGate {
  private hasToldUnverified = false;

  constructor(private readonly options: AgentGateOptions) {}

  async admit(credentials: CallCredentials): Promise<AgentIdentity> {
    const { reviewer, agentUser } = this.options;
    this.checkCertificate(credentials);
    const token = BEARER.exec(credentials.authorization ?? '')?.[1];
    if (token === undefined) {
      throw this.refusal('no_token', status.UNAUTHENTICATED, 'the call carries no token', credentials.peer);
    }
    const review = await reviewer.review(token).catch((error: unknown) => {
      throw isOperatorError(error, 'IDENTITY_UNKNOWN') ? new RpcStatusError(status.UNAVAILABLE, error.message, error) : error;
    });
    const isOfOthers = review.kind === 'user' ? !review.audiences.includes(TOKEN_AUDIENCE) : isForOthers(token, TOKEN_AUDIENCE);
    if (isOfOthers) {
      throw this.refusal('audience', status.UNAUTHENTICATED, `the token is not for audience ${TOKEN_AUDIENCE}`, credentials.peer);
    }
    if (review.kind === 'nobody' && saysItHasExpired(token, this.options.clock.now())) {
      throw this.refusal('expired', status.UNAUTHENTICATED, 'the token has expired', credentials.peer);
    }
    if (review.kind === 'nobody') {
      const text = `the API server does not accept the token for audience ${TOKEN_AUDIENCE}`;
      throw this.refusal('invalid', status.UNAUTHENTICATED, text, credentials.peer);
    }
    if (review.username !== agentUser()) {
      const text = 'the token is not of the service account of the agents';
      throw this.refusal('account', status.PERMISSION_DENIED, text, credentials.peer, { user: review.username });
    }
    return { nodeName: review.nodeName, expiresAtMs: expiryOf(token) };
  }

  checkNode(identity: AgentIdentity, nodeName: string, peer: string): void {
    if (identity.nodeName === undefined) {
      this.tellUnverified(nodeName);
    } else if (identity.nodeName !== nodeName) {
      const text = `the token is of an agent on node ${identity.nodeName}, the report names another node`;
      throw this.refusal('node', status.PERMISSION_DENIED, text, peer, { node: identity.nodeName });
    }
  }

  private checkCertificate({ clientCertificate, peer }: CallCredentials): void {
    const { mtls, agentUser } = this.options;
    if (!mtls) return;
    if (clientCertificate === undefined) {
      throw this.refusal('certificate', status.UNAUTHENTICATED, 'the connection has no client certificate that can be verified', peer);
    }
    if (clientCertificate.commonName !== agentUser()) {
      throw this.refusal('certificate', status.PERMISSION_DENIED, 'the client certificate is not that of the agents', peer);
    }
  }

  private refusal(reason: RefusalReason, code: status, text: string, peer: string, fields: Record<string, string> = {}): RpcStatusError {
    this.options.onRefused(reason);
    // A line for each reason, so that the logger, which folds repeats of a line, keeps one reason from hiding another.
    this.options.log.warn(`report refused: ${REASONS[reason]}`, { reason, cause: text, from: peer, ...fields });
    return new RpcStatusError(code, text);
  }

  private tellUnverified(nodeName: string): void {
    if (this.hasToldUnverified) return;
    this.hasToldUnverified = true;
    this.options.log.warn('node names of agents are not verified: their tokens do not name a node, which Kubernetes 1.30 and later do', {
      firstNode: nodeName,
    });
  }
}
