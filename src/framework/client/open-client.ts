/**
 * A client for a program that makes some calls and ends, with the credentials of a kubeconfig.
 *
 * Owns: its connection. Never: repeats a call; somebody waits for the answer and can ask again.
 */
import type { KubeConfig } from '@kubernetes/client-node';
import type { Clock } from '../time/clock';
import { Credentials } from './credentials';
import { HttpTransport } from './http-transport';
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
}

/** Contacts nobody yet. */
export function openClient(kubeConfig: KubeConfig, { clock, userAgent }: OpenClientOptions): OpenedClient {
  const cluster = 'local';
  const transport = new HttpTransport({ cluster, credentials: new Credentials(kubeConfig, clock), clock, userAgent });
  return { client: new KubeClient({ cluster, transport, clock, retry: false }), close: () => transport.close() };
}
