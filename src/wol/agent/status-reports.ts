/**
 * Tells the manager what this agent can and cannot do: after connecting, on every change, and once a minute.
 *
 * Owns: when a status is sent. Never: knows what is in it.
 * The first report of a connection also tells whether the manager takes reports of this agent at all.
 */
import { status } from '@grpc/grpc-js';
import { type Clock, isOperatorError, type Logger, type Timer } from '../../framework/basics';
import type { AgentStatus } from '../protocol/generated/wol-descriptor';
import type { RpcStatusError } from '../protocol/rpc-status-error';
import type { Outgoing } from '../protocol/wire';
import type { WolClient } from '../protocol/wol-client';

export interface AgentStatusSource {
  status(): Outgoing<AgentStatus>;
  /** The listener may return when it is done, so that an agent about to end can wait for it. @returns ends it. */
  onChange(listener: () => Promise<void> | void): () => void;
}

const INTERVAL_MS = 60_000;
/** Longer than a manager needs to ask the API server who we are. */
const TIMEOUT_MS = 10_000;
/** The manager does not take reports of this agent, or none at all now. */
const REFUSALS: ReadonlySet<status> = new Set([
  status.UNAUTHENTICATED,
  status.PERMISSION_DENIED,
  status.UNAVAILABLE,
  status.RESOURCE_EXHAUSTED,
  status.DEADLINE_EXCEEDED,
  status.CANCELLED,
]);

export interface StatusReportsDependencies {
  readonly source: AgentStatusSource;
  readonly clock: Clock;
  readonly logger: Logger;
}

export class StatusReports {
  constructor(private readonly deps: StatusReportsDependencies) {}

  /**
   * The first report of a connection.
   *
   * @returns whether the manager understands reports; older ones do not. @throws {RpcStatusError} when it refuses this agent.
   */
  async announce(client: WolClient, signal: AbortSignal): Promise<boolean> {
    const call = client.reportStatus(this.deps.source.status(), TIMEOUT_MS);
    const cancel = (): void => call.cancel();
    if (signal.aborted) cancel();
    signal.addEventListener('abort', cancel, { once: true });
    try {
      await call.response;
      return true;
    } catch (error) {
      const code = codeOf(error);
      if (code === undefined || REFUSALS.has(code)) throw error;
      if (code !== status.UNIMPLEMENTED) this.tell(error);
      return code !== status.UNIMPLEMENTED;
    } finally {
      signal.removeEventListener('abort', cancel);
    }
  }

  /** Every change and every minute from now on. @returns ends it. */
  follow(client: WolClient): () => void {
    const { source, clock } = this.deps;
    let timer: Timer | undefined;
    const report = async (): Promise<void> => {
      timer?.cancel();
      timer = clock.setTimer(INTERVAL_MS, report);
      await client.reportStatus(source.status(), TIMEOUT_MS).response.catch((error: unknown) => this.tell(error));
    };
    timer = clock.setTimer(INTERVAL_MS, report);
    const unsubscribe = source.onChange(report);
    return () => {
      unsubscribe();
      timer?.cancel();
    };
  }

  private tell(error: unknown): void {
    this.deps.logger.debug('status not taken by the manager', { cause: error instanceof Error ? error.message : String(error) });
  }
}

function codeOf(error: unknown): status | undefined {
  return isOperatorError(error, 'RPC_STATUS') ? (error as RpcStatusError).status : undefined;
}
