/**
 * A client for a program that makes some calls and ends, with the credentials of a kubeconfig.
 *
 * Owns: its connection. Never: repeats a call; somebody waits for the answer and can ask again.
 */
import type { KubeConfig } from '@kubernetes/client-node';
import type { Clock } from '../time/clock';
import { Credentials } from './credentials';
import { HttpTransport, type HttpTransportOptions } from './http-transport';
import { KubeClient } from './kube-client';

export interface OpenedClient {
  readonly client: KubeClient;
  /** Ends what is under way and every connection. */
  close(): void;
}

export interface OpenClientOptions {
  readonly clock: Clock;
  /** See `userAgentOf`. */
  readonly userAgent: string;
  /** Name in metrics and errors. @default local */
  readonly cluster?: string;
  /** Longest duration of one call, in milliseconds. @default 60000 */
  readonly totalTimeoutMs?: number;
  /** Limits and compression. @default as HttpTransport has them */
  readonly limits?: Pick<HttpTransportOptions, 'compress' | 'maxInFlight' | 'qps' | 'burst'>;
}

/** Contacts nobody yet. */
export function openClient(kubeConfig: KubeConfig, options: OpenClientOptions): OpenedClient {
  const { clock, userAgent, cluster = 'local', totalTimeoutMs, limits } = options;
  const transport = new HttpTransport({ cluster, credentials: new Credentials(kubeConfig, clock), clock, userAgent, ...limits });
  const limit = totalTimeoutMs === undefined ? {} : { totalTimeoutMs };
  return { client: new KubeClient({ cluster, transport, clock, retry: false, ...limit }), close: () => transport.close() };
}
