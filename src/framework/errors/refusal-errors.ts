/** Calls that were refused on our side, before anything was sent. */
import { OperatorError } from './operator-error';

/** The cluster does not answer; the call was not made. The work is parked and taken up again when the cluster is back. */
export class ClusterUnavailableError extends OperatorError {
  constructor(
    readonly cluster: string,
    /** When it was last heard of, RFC 3339; `undefined` = never. */
    readonly since: string | undefined,
    cause?: unknown,
    /** Why, in one line; comes after the message. */
    detail?: string,
  ) {
    const age = since === undefined ? 'has not answered yet' : `has not answered since ${since}`;
    const why = detail === undefined || detail === '' ? '' : ` (${detail})`;
    super('CLUSTER_UNAVAILABLE', `cluster ${cluster} ${age}; the call was not made${why}`, { reason: 'ClusterUnavailable', cause });
  }
}

/** A write of leader-only work, refused because this process does not lead at the moment of sending. */
export class NotLeaderError extends OperatorError {
  constructor() {
    super('NOT_LEADER', 'this process does not hold the leader lease, so it must not write');
  }
}
