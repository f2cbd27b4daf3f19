/** Ready-made transports and clients against a test server. */
import { KubeConfig } from '@kubernetes/client-node';
import {
  Credentials,
  HttpTransport,
  type HttpTransportOptions,
  KubeClient,
  type KubeClientOptions,
} from '../../../../src/framework/client';
import { defineKind } from '../../../../src/framework/kinds/kind';
import type { Condition, KubernetesObject } from '../../../../src/framework/kinds/object';
import { FakeClock } from '../../../../src/framework/testing/fake-clock';

export interface Widget extends KubernetesObject {
  spec?: { size?: number; color?: string };
  status?: { ready?: boolean; lastSync?: string; conditions?: Condition[]; observedGeneration?: number; foreign?: string };
}

export const Widget = defineKind<Widget>('example.org/v1', 'Widget', 'widgets', {
  scope: 'Namespaced',
  observedGeneration: true,
  conditions: true,
  volatileStatus: ['lastSync'],
});

export const Settings = defineKind<KubernetesObject & { data?: Record<string, string> }>('v1', 'ConfigMap', 'configmaps', {
  scope: 'Namespaced',
  status: false,
});

export const WIDGET_PATH = '/apis/example.org/v1/namespaces/ns/widgets/w';

export function aWidget(
  overrides: { metadata?: KubernetesObject['metadata']; spec?: Widget['spec']; status?: Widget['status'] } = {},
): Widget {
  return {
    apiVersion: 'example.org/v1',
    kind: 'Widget',
    metadata: { name: 'w', namespace: 'ns', uid: 'uid-1', resourceVersion: '10', generation: 1, ...overrides.metadata },
    spec: overrides.spec ?? { size: 1 },
    ...(overrides.status === undefined ? {} : { status: overrides.status }),
  };
}

export function configFor(server: string, user: object = { token: 'secret-token-1' }, cluster: object = {}): KubeConfig {
  const config = new KubeConfig();
  config.loadFromOptions({
    clusters: [{ name: 'c', server, skipTLSVerify: false, ...cluster }],
    users: [{ name: 'u', ...user }],
    contexts: [{ name: 'x', cluster: 'c', user: 'u' }],
    currentContext: 'x',
  });
  return config;
}

export interface Bench {
  readonly clock: FakeClock;
  readonly transport: HttpTransport;
  readonly client: KubeClient;
}

export function bench(
  server: string,
  options: { transport?: Partial<HttpTransportOptions>; client?: Partial<KubeClientOptions>; config?: KubeConfig; clock?: FakeClock } = {},
): Bench {
  const clock = options.clock ?? new FakeClock();
  const transport = new HttpTransport({
    cluster: 'local',
    credentials: new Credentials(options.config ?? configFor(server), clock),
    clock,
    userAgent: 'virt-steward/0.0.0 (test)',
    ...options.transport,
  });
  const client = new KubeClient({ cluster: 'local', transport, clock, random: () => 0.5, ...options.client });
  return { clock, transport, client };
}
