/**
 * Reads the audit log of an API server.
 *
 * Owns: the log's format. Never: judges whether a call should have been allowed.
 * @source Event of audit.k8s.io/v1; the decision is an annotation that the authorization filter adds. Behind that filter the server
 * checks more: an apply that creates needs `create` as well, and owner references need what their admission plug-in asks for.
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
  /** Why a later check refused what the authorizer had let pass. */
  readonly refusal?: string;
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
  readonly responseStatus?: { readonly code?: number; readonly message?: string };
}

const DECISION = 'authorization.k8s.io/decision';
/** How the server words a missing right; other answers with 403 are about the object or its namespace. */
const MISSING_RIGHT = /\bcannot (set\b|\w+ resource\b).*/;

/** Calls of programs whose user agent begins so, each different one once; a line that an outage has cut off is left out. */
export function callsIn(log: string, userAgent: string): ApiCall[] {
  const calls = new Map<string, ApiCall>();
  for (const line of log.split('\n')) {
    const event = eventIn(line);
    if (event?.userAgent?.startsWith(userAgent) !== true) continue;
    for (const call of callsOf(event)) calls.set(JSON.stringify(call), call);
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

function callsOf(event: AuditEvent): ApiCall[] {
  const call = callOf(event);
  const { code, message = '' } = event.responseStatus ?? {};
  if (code === 201 && call.verb === 'patch') return [call, { ...call, verb: 'create' }];
  const refusal = code === 403 && call.allowed ? MISSING_RIGHT.exec(message)?.[0] : undefined;
  return [refusal === undefined ? call : { ...call, allowed: false, refusal }];
}

function callOf({ verb, requestURI, objectRef, annotations = {} }: AuditEvent): ApiCall {
  const allowed = annotations[DECISION] !== 'forbid';
  const { apiGroup: group = '', resource, subresource, namespace = '', name = '' } = objectRef ?? {};
  if (resource === undefined) return { verb, group: '', resource: requestURI.split('?')[0]!, namespace: '', name: '', allowed };
  return { verb, group, resource: subresource === undefined ? resource : `${resource}/${subresource}`, namespace, name, allowed };
}
