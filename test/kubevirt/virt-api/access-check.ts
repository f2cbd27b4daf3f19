/**
 * Who may call, checked as virt-api checks it although the API server has checked before.
 *
 * Owns: the front-proxy certificate and headers, the SubjectAccessReview. Never: caches an answer.
 * Invariant: headers count only together with a client certificate of the request header authority.
 */
import type { IncomingMessage } from 'node:http';
import type { TLSSocket } from 'node:tls';
import type { KubeApi } from '../api/kube-api';

/** How the API server identifies itself and its users to servers behind it. */
export interface FrontProxy {
  /** PEM; certificates it signed may speak for users. */
  readonly clientCa: string;
  /** Common names allowed to; empty allows all. */
  readonly allowedNames: readonly string[];
}

export type Access =
  | { readonly kind: 'allowed'; readonly user: string }
  | { readonly kind: 'denied'; readonly code: 401 | 500; readonly why: string };

/** @throws {Error} when the API server publishes no request header authority. */
export async function readFrontProxy(api: KubeApi): Promise<FrontProxy> {
  const path = '/api/v1/namespaces/kube-system/configmaps/extension-apiserver-authentication';
  const { data = {} } = (await api.find<{ data?: Record<string, string> }>(path)) ?? {};
  const clientCa = data['requestheader-client-ca-file'];
  if (clientCa === undefined)
    throw new Error('the API server has no request header authority: start it with --requestheader-client-ca-file');
  const allowedNames: unknown = JSON.parse(data['requestheader-allowed-names'] ?? '[]');
  return { clientCa, allowedNames: Array.isArray(allowedNames) ? allowedNames.map(String) : [] };
}

/** Whether the connection may speak for users. */
export function isFrontProxy(socket: TLSSocket, { allowedNames }: FrontProxy): boolean {
  if (!socket.authorized) return false;
  const name = socket.getPeerCertificate().subject?.CN;
  return allowedNames.length === 0 || (typeof name === 'string' && allowedNames.includes(name));
}

/** What the URL of a subresource names. */
export interface SubresourceTarget {
  readonly namespace: string;
  readonly resource: string;
  readonly name: string;
  readonly subresource: string;
}

/** RBAC verbs of HTTP methods on one object. */
const VERBS: Readonly<Record<string, string>> = {
  GET: 'get',
  HEAD: 'get',
  POST: 'create',
  PUT: 'update',
  PATCH: 'patch',
  DELETE: 'delete',
};

/** Asks the API server whether the user in the headers may do what the request asks. */
export async function reviewAccess(api: KubeApi, request: IncomingMessage, target: SubresourceTarget | undefined): Promise<Access> {
  if (target === undefined) return denied(`unknown api endpoint: ${request.url ?? ''}`);
  const headers = request.headersDistinct;
  const user = headers['x-remote-user']?.[0];
  const groups = headers['x-remote-group'];
  const verb = VERBS[request.method ?? ''];
  if (user === undefined) return denied('a valid user header is required for authorization');
  if (groups === undefined) return denied('a valid group header is required for authorization');
  if (verb === undefined) return denied(`unknown http verb in request: ${request.method ?? ''}`);
  const review = {
    apiVersion: 'authorization.k8s.io/v1',
    kind: 'SubjectAccessReview',
    spec: {
      user,
      groups,
      extra: extrasOf(headers),
      resourceAttributes: { ...target, verb, group: 'subresources.kubevirt.io', version: 'v1' },
    },
  };
  try {
    const { status } = await api.ask<{ status: { allowed: boolean; reason?: string } }>({
      method: 'POST',
      path: '/apis/authorization.k8s.io/v1/subjectaccessreviews',
      body: review,
    });
    return status.allowed ? { kind: 'allowed', user } : denied(status.reason ?? '');
  } catch {
    return { kind: 'denied', code: 500, why: '' };
  }
}

function denied(why: string): Access {
  return { kind: 'denied', code: 401, why };
}

const EXTRA_PREFIX = 'x-remote-extra-';

function extrasOf(headers: NodeJS.Dict<string[]>): Record<string, readonly string[]> {
  const extras = Object.entries(headers).filter(([name]) => name.startsWith(EXTRA_PREFIX));
  return Object.fromEntries(extras.map(([name, values]) => [decodeURIComponent(name.slice(EXTRA_PREFIX.length)), values ?? []]));
}
