/**
 * Reads the audit log of an API server.
 *
 * Owns: the log's format. Never: judges whether a call should have been allowed.
 * @source Event of audit.k8s.io/v1; the decision is an annotation that the authorization filter adds.
 */
import { readFileSync } from 'node:fs';

/** A request as the authorizer saw it. */
export interface ApiCall {
  readonly verb: string;
  readonly group: string;
  /** `plural` or `plural/subresource`; the path of requests outside the resource tree. */
  readonly resource: string;
  readonly namespace: string;
  /** Empty where the request names no object. */
  readonly name: string;
  readonly allowed: boolean;
}

interface AuditEvent {
  readonly verb: string;
  readonly requestURI: string;
  readonly userAgent?: string;
  readonly objectRef?: {
    readonly apiGroup?: string;
    readonly resource?: string;
    readonly subresource?: string;
    readonly namespace?: string;
    readonly name?: string;
  };
  readonly annotations?: Readonly<Record<string, string>>;
}

const DECISION = 'authorization.k8s.io/decision';

/** Calls of programs whose user agent begins so, each different one once; a line that an outage has cut off is left out. */
export function callsIn(log: string, userAgent: string): ApiCall[] {
  const calls = new Map<string, ApiCall>();
  for (const line of log.split('\n')) {
    const event = eventIn(line);
    if (event?.userAgent?.startsWith(userAgent) !== true) continue;
    const call = callOf(event);
    calls.set(JSON.stringify(call), call);
  }
  return [...calls.values()];
}

export function callsInFile(path: string, userAgent: string): ApiCall[] {
  return callsIn(readFileSync(path, 'utf8'), userAgent);
}

function eventIn(line: string): AuditEvent | undefined {
  try {
    return line === '' ? undefined : (JSON.parse(line) as AuditEvent);
  } catch {
    return undefined;
  }
}

function callOf({ verb, requestURI, objectRef, annotations = {} }: AuditEvent): ApiCall {
  const allowed = annotations[DECISION] !== 'forbid';
  const { apiGroup: group = '', resource, subresource, namespace = '', name = '' } = objectRef ?? {};
  if (resource === undefined) return { verb, group: '', resource: requestURI.split('?')[0]!, namespace: '', name: '', allowed };
  return { verb, group, resource: subresource === undefined ? resource : `${resource}/${subresource}`, namespace, name, allowed };
}
