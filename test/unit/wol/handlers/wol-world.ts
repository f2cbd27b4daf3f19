/** Handlers of Wake-on-LAN on a fake API server and a clock that stands still. */
import { join } from 'node:path';
import { createContainer, type HandlerClass, Settings } from '../../../../src/framework';
import type { FakeApiServer, FakeClock, TestOperator } from '../../../../src/framework/testing';
import { provideWol, WOL_FLAGS, WOL_VARIABLES, type WolSettingKey, wolSettings } from '../../../../src/wol';
import { aWorld } from '../../framework/faults/world';

export const NAMESPACE = 'steward';

/** From the compiled file. */
const CRD = join(__dirname, '..', '..', '..', '..', '..', 'crds', 'wol.pillon.org_wolconfigs.yaml');

export interface WolWorld {
  readonly server: FakeApiServer;
  readonly clock: FakeClock;
  /** @param namespace of the settings. @default that of the operator */
  start(handlers: readonly HandlerClass[], flags?: Partial<Record<WolSettingKey, string>>, namespace?: string): Promise<TestOperator>;
}

/** Ends with `endWorlds`. */
export async function aWolWorld(): Promise<WolWorld> {
  const { server, clock, start } = await aWorld({ kinds: [], crdFiles: [CRD] });
  return {
    server,
    clock,
    start: (handlers, flags = {}, namespace = NAMESPACE) => {
      const container = createContainer();
      const given = { grpcInsecure: 'true', ...flags };
      provideWol(container, wolSettings(new Settings<WolSettingKey>([...WOL_FLAGS, ...WOL_VARIABLES], given, {}), namespace, '1.0.0'));
      return start({ handlers, container, namespace: NAMESPACE, fieldManager: 'virt-steward', handleProcessErrors: false });
    },
  };
}
