/** A call that ends with a gRPC status instead of an answer. The outcome of a wake is never one of these. */
import { status } from '@grpc/grpc-js';
import { OperatorError } from '../../framework/basics';

export class RpcStatusError extends OperatorError {
  constructor(
    readonly status: status,
    message: string,
    cause?: unknown,
  ) {
    super('RPC_STATUS', message, { reason: statusName(status), cause });
  }
}

/** `UNAVAILABLE` for 14, and so on; the number itself for one this release does not know. */
export function statusName(code: status): string {
  return status[code] ?? String(code);
}
