/**
 * What the module knows of a cluster at one moment, for a preview: the same context that the manager keeps, taken once.
 *
 * Never: writes. Errors: OperatorError when the cluster cannot be read in time, or has nothing to read switches from.
 */
import {
  type Clock,
  type Kind,
  type KubernetesObject,
  Namespace,
  nullLogger,
  type OpenedCluster,
  OperatorError,
  sleep,
} from '../../framework';
import type { NamespaceState } from '../baseline/ports';
import type { Catalog } from '../catalog';
import type { Activation, ActivationMode } from '../context/activation';
import type { AssetContext, OperatorFacts } from '../context/asset-context';
import { ContextKeeper } from '../context/context-keeper';
import { kindOf } from '../context/served-kinds';

const TIMEOUT_MS = 60_000;
const LOOK_MS = 50;

export interface SnapshotOptions {
  readonly opened: OpenedCluster;
  readonly catalog: Catalog;
  readonly activation: ActivationMode;
  readonly operator: OperatorFacts;
  readonly environment: Readonly<Record<string, string | undefined>>;
  readonly clock: Clock;
}

export interface ClusterSnapshot {
  readonly anchor: KubernetesObject;
  readonly context: AssetContext;
  readonly activation: Activation;
  kindOf(apiVersion: string, kind: string): Kind | undefined;
  namespaceState(name: string): Promise<NamespaceState>;
  close(): Promise<void>;
}

/** @throws {OperatorError} */
export async function takeSnapshot({ opened, catalog, clock, ...options }: SnapshotOptions): Promise<ClusterSnapshot> {
  const { cluster } = opened;
  const keeper = new ContextKeeper({
    ...options,
    cluster,
    catalog,
    clock,
    log: nullLogger,
    resyncMs: TIMEOUT_MS,
    onLookUpChange: () => undefined,
  });
  const close = async (): Promise<void> => {
    await keeper.stop();
    await opened.close();
  };
  keeper.start();
  try {
    await known(keeper, clock);
    const { anchor, context, activation } = keeper.state!;
    if (!('object' in anchor) || context === undefined) throw new OperatorError('PREVIEW', noAnchorText(anchor));
    return {
      ...{ anchor: anchor.object, context, activation, close },
      kindOf: (apiVersion, kind) => {
        const served = keeper.served.find(apiVersion, kind);
        return served === undefined ? undefined : kindOf(served);
      },
      namespaceState: async (name) => stateOf(await cluster.client.find(Namespace, name)),
    };
  } catch (error) {
    await close();
    throw error;
  }
}

async function known(keeper: ContextKeeper, clock: Clock): Promise<void> {
  const endMs = clock.monotonicMs() + TIMEOUT_MS;
  // Without an anchor nothing else is looked for.
  while (!keeper.isSynced && keeper.state?.anchor.kind !== 'none') {
    if (clock.monotonicMs() >= endMs)
      throw new OperatorError('PREVIEW', `the cluster did not tell what the catalog depends on: ${whyNot(keeper)}`);
    await sleep(clock, LOOK_MS);
  }
}

function whyNot({ state, served }: ContextKeeper): string {
  if (!served.isKnown) return 'discovery has no answer';
  if (state === undefined || state.anchor.kind === 'unknown')
    return 'HyperConverged, KubeVirt or the Leases of older operators cannot be read';
  return `${[...state.unknown].join(' and ')} cannot be read; nodes and the configuration of OpenShift need get, list and watch`;
}

function noAnchorText(anchor: { readonly kind: string; readonly why?: string }): string {
  return `there is no HyperConverged and no KubeVirt to read switches from (${anchor.why ?? anchor.kind})`;
}

function stateOf(namespace: KubernetesObject | undefined): NamespaceState {
  if (namespace === undefined) return 'absent';
  return namespace.metadata?.deletionTimestamp === undefined ? 'active' : 'terminating';
}
