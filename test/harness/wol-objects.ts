/** What a WolConfig and the Events around it say, as `kubectl` would show it. */
import type { WolConfig } from '../../src/api/wol/v1beta1';
import type { AdminApi, Reference } from './admin-api';
import { poll } from './poll';

export type Condition = NonNullable<NonNullable<WolConfig['status']>['conditions']>[number];

export interface EventObject {
  readonly type: string;
  readonly reason: string;
  readonly note: string;
  readonly regarding: { readonly kind: string; readonly name: string; readonly namespace?: string };
}

export const wolConfigRef = (name: string): Reference => ({ apiVersion: 'wol.pillon.org/v1beta1', kind: 'WolConfig', metadata: { name } });
export const vmRef = (name: string, namespace = 'default'): Reference => ({
  apiVersion: 'kubevirt.io/v1',
  kind: 'VirtualMachine',
  metadata: { name, namespace },
});

export async function wolConfig(api: AdminApi, name: string): Promise<WolConfig | undefined> {
  return (await api.get(wolConfigRef(name))) as WolConfig | undefined;
}

export function conditionOf(config: WolConfig | undefined, type: string): Condition | undefined {
  return config?.status?.conditions?.find((condition) => condition.type === type);
}

/** Reads the config until `isIt` likes its status. */
export async function untilStatus(
  api: AdminApi,
  name: string,
  what: string,
  isIt: (status: NonNullable<WolConfig['status']>, config: WolConfig) => boolean,
): Promise<WolConfig> {
  let last: WolConfig | undefined;
  const probe = async (): Promise<WolConfig | undefined> => {
    last = await wolConfig(api, name);
    return last?.status !== undefined && isIt(last.status, last) ? last : undefined;
  };
  return poll(`WolConfig ${name} ${what}`, probe, { onTimeout: () => `last status: ${JSON.stringify(last?.status)}` });
}

/** Reads the config until a condition has this status and reason. */
export async function untilCondition(api: AdminApi, name: string, type: string, status: string, reason: string): Promise<Condition> {
  const isIt = (_: unknown, read: WolConfig): boolean => {
    const condition = conditionOf(read, type);
    return condition?.status === status && condition.reason === reason;
  };
  const config = await untilStatus(api, name, `to be ${type}=${status} (${reason})`, isIt);
  return conditionOf(config, type)!;
}

/** All Events about an object of that kind and name. */
export async function eventsAbout(api: AdminApi, kind: string, name: string): Promise<EventObject[]> {
  const events = await api.list<EventObject & never>('/apis/events.k8s.io/v1/events');
  return (events as EventObject[]).filter(({ regarding }) => regarding.kind === kind && regarding.name === name);
}

/** Waits for an Event with this reason. */
export async function untilEvent(api: AdminApi, kind: string, name: string, reason: string): Promise<EventObject> {
  let last: EventObject[] = [];
  const probe = async (): Promise<EventObject | undefined> => {
    last = await eventsAbout(api, kind, name);
    return last.find((event) => event.reason === reason);
  };
  return poll(`Event ${reason} on ${kind} ${name}`, probe, {
    onTimeout: () => `there are: ${JSON.stringify(last.map((event) => event.reason))}`,
  });
}
