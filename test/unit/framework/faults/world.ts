/** An operator on a fake API server and a clock that stands still, for the tests of faults. */
import { defineKind } from '../../../../src/framework/kinds/kind';
import type { Condition, KubernetesObject } from '../../../../src/framework/kinds/object';
import {
  FakeApiServer,
  type FakeApiServerOptions,
  FakeClock,
  TestOperator,
  type TestOperatorOptions,
} from '../../../../src/framework/testing';
import { RecordingLogger } from '../../../../src/framework/testing/recording-logger';

export interface Part extends KubernetesObject {
  spec?: { size?: number };
  status?: { observedGeneration?: number; conditions?: Condition[]; size?: number };
}
export const Part = defineKind<Part>('example.org/v1', 'Part', 'parts', {
  scope: 'Namespaced',
  observedGeneration: true,
  conditions: true,
});

export function aPart(name: string, size = 1): Part {
  return { metadata: { name, namespace: 'default' }, spec: { size } };
}

export interface World {
  readonly clock: FakeClock;
  readonly server: FakeApiServer;
  readonly log: RecordingLogger;
  start(options: Omit<TestOperatorOptions, 'server' | 'clock'>): Promise<TestOperator>;
}

const ends: (() => Promise<unknown>)[] = [];

export async function aWorld(options: FakeApiServerOptions = {}): Promise<World> {
  const clock = new FakeClock();
  const log = new RecordingLogger();
  const server = await FakeApiServer.start({ kinds: [Part], clock, ...options });
  ends.push(() => server.stop());
  const start: World['start'] = async (given) => {
    const operator = await TestOperator.start({ logger: log, domain: 'example.org', ...given, server, clock });
    ends.push(() => operator.kill());
    return operator;
  };
  return { clock, server, log, start };
}

/** For `afterEach`: no operator or server outlives its test. */
export async function endWorlds(): Promise<void> {
  for (const end of ends.splice(0).reverse()) await end();
}
