/** Servers, kinds and objects for the tests of the testing kit. */
import { defineKind } from '../../../../src/framework/kinds/kind';
import type { KubernetesObject } from '../../../../src/framework/kinds/object';
import { FakeApiServer, type FakeApiServerOptions } from '../../../../src/framework/testing';
import type { ServerUnderTest, Watch } from './http-client';

export interface ConfigMap extends KubernetesObject {
  data?: Record<string, string>;
}
export const ConfigMap = defineKind<ConfigMap>('v1', 'ConfigMap', 'configmaps', { scope: 'Namespaced', status: false });

export interface Machine extends KubernetesObject {
  spec?: { size?: number };
  status?: { phase?: string };
}
export const Machine = defineKind<Machine>('test.io/v1', 'Machine', 'machines', { scope: 'Namespaced', alternatives: ['test.io/v1beta1'] });

export const CONFIG_MAPS = '/api/v1/namespaces/default/configmaps';
export const MACHINES = '/apis/test.io/v1/namespaces/default/machines';

export function aConfigMap(name: string, data: Record<string, string> = { a: '1' }): ConfigMap {
  return { metadata: { name, namespace: 'default' }, data };
}

export function aMachine(name: string, metadata: KubernetesObject['metadata'] = {}): Machine {
  return { apiVersion: 'test.io/v1', kind: 'Machine', metadata: { name, namespace: 'default', ...metadata }, spec: { size: 1 } };
}

/** Starts servers and ends them, with the watches on them, after each test. */
export class Servers {
  private readonly stops: (() => Promise<void> | void)[] = [];

  async start(options: FakeApiServerOptions = {}): Promise<{ fake: FakeApiServer; server: ServerUnderTest }> {
    const fake = await FakeApiServer.start({ kinds: [Machine], ...options });
    this.stops.push(() => fake.stop());
    return { fake, server: { baseUrl: fake.url, ...(fake.ca === undefined ? {} : { ca: fake.ca }) } };
  }

  onStop(stop: () => Promise<void> | void): void {
    this.stops.push(stop);
  }

  closing(watch: Watch): Watch {
    this.stops.push(() => watch.close());
    return watch;
  }

  async stopAll(): Promise<void> {
    for (const stop of this.stops.splice(0).reverse()) await stop();
  }
}

/** Outcome of a promise that may reject: the error's code, or `answered`. */
export async function outcomeOf(promise: Promise<unknown>): Promise<string> {
  try {
    await promise;
    return 'answered';
  } catch (error) {
    return (error as { code?: string }).code ?? String(error);
  }
}
