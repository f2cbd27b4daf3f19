/**
 * Answers of KubeVirt's subresource API and the writes that go with them.
 *
 * Owns: status codes, the `Status` objects of the Kubernetes API conventions, JSON patches as data.
 * Never: talks to anything.
 * Invariant: an accepted request carries no body and no content type.
 */

export interface PatchOperation {
  readonly op: 'test' | 'add' | 'replace' | 'remove';
  readonly path: string;
  readonly value?: unknown;
}

/** One JSON patch that must be applied before the answer is given. */
export interface PatchWrite {
  readonly resource: 'virtualmachines' | 'virtualmachineinstances';
  readonly subresource?: 'status';
  readonly operations: readonly PatchOperation[];
  readonly dryRun: boolean;
}

/** `metav1.Status`, as error bodies carry it. */
export interface ApiStatus {
  readonly kind: 'Status';
  readonly apiVersion: 'v1';
  readonly metadata: Readonly<Record<string, never>>;
  readonly status: 'Failure';
  readonly message: string;
  readonly reason: string;
  readonly details?: {
    readonly name?: string;
    readonly group?: string;
    readonly kind?: string;
    readonly causes?: readonly { readonly message: string }[];
  };
  readonly code: number;
}

export interface Answer {
  readonly code: number;
  /** Absent on success. */
  readonly body?: ApiStatus;
}

/** Writes in order; the answer holds if all of them succeed. */
export interface Decision {
  readonly writes: readonly PatchWrite[];
  readonly answer: Answer;
}

export type Resource = 'virtualmachine' | 'virtualmachineinstance';

const GROUP = 'kubevirt.io';

export const ACCEPTED: Answer = { code: 202 };
export const DONE: Answer = { code: 200 };

export function refuse(answer: Answer): Decision {
  return { writes: [], answer };
}

export function write(answer: Answer, ...writes: readonly PatchWrite[]): Decision {
  return { writes, answer };
}

export function conflict(resource: Resource, name: string, why: string): Answer {
  const message = `Operation cannot be fulfilled on ${resource}.${GROUP} "${name}": ${why}`;
  return failure(409, 'Conflict', message, { name, group: GROUP, kind: resource });
}

export function notFound(resource: Resource, name: string): Answer {
  return failure(404, 'NotFound', `${resource}.${GROUP} "${name}" not found`, { name, group: GROUP, kind: resource });
}

export function forbidden(resource: Resource, name: string, why: string): Answer {
  return failure(403, 'Forbidden', `${resource}.${GROUP} "${name}" is forbidden: ${why}`, { name, group: GROUP, kind: resource });
}

export function badRequest(why: string): Answer {
  return failure(400, 'BadRequest', why);
}

export function internalError(why: string): Answer {
  return failure(500, 'InternalError', `Internal error occurred: ${why}`, { causes: [{ message: why }] });
}

export function unavailable(why: string): Answer {
  return failure(503, 'ServiceUnavailable', why);
}

function failure(code: number, reason: string, message: string, details?: ApiStatus['details']): Answer {
  const body = { kind: 'Status', apiVersion: 'v1', metadata: {}, status: 'Failure', message, reason, code } as const;
  return { code, body: details === undefined ? body : { ...body, details } };
}
