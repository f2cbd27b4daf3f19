/**
 * What wakes keys: each change in the cluster that a run depends on.
 *
 * Owns: which keys a change concerns, and what is forgotten of them. Never: runs a key.
 * Invariant: a change wakes the keys that it concerns, and no others.
 */
import type { KubernetesObject, Logger, ResourceEvent } from '../../framework';
import type { Baseline } from '../baseline/baseline';
import type { ContextChange, ContextState } from '../context/context-state';
import type { ServedChange, ServedKinds } from '../context/served-kinds';
import type { ModuleReporter } from '../observability/module-reporter';
import type { AnchorView } from './anchor-view';
import type { AssetKeys } from './asset-keys';
import type { Barriers } from './barriers';
import type { KeyStates } from './key-states';
import type { Leftovers } from './leftovers';

export interface KeyWakesOptions {
  readonly keys: AssetKeys;
  readonly states: KeyStates;
  readonly barriers: Barriers;
  readonly baseline: Baseline;
  readonly anchor: AnchorView;
  readonly served: ServedKinds;
  readonly reporter: ModuleReporter;
  readonly leftovers: Leftovers;
  readonly log: Logger;
  readonly state: () => ContextState | undefined;
}

export class KeyWakes {
  constructor(private readonly parts: KeyWakesOptions) {}

  contextChanged(change: ContextChange, state: ContextState): void {
    const { keys, states, barriers, baseline, anchor, reporter, leftovers } = this.parts;
    if (anchor.updateExclusions()) keys.touchAll();
    if (change.everything) baseline.expireAll();
    const concerned = keys.touchFor(change);
    states.outdate(concerned);
    barriers.owe(concerned);
    void this.expand(state);
    reporter.contextChanged();
    leftovers.contextChanged();
  }

  lookUpChanged(apiVersion: string, kind: string): void {
    const keys = this.parts.keys.touchWhere(({ lookUps }) => lookUps.some((one) => one.apiVersion === apiVersion && one.kind === kind));
    const state = this.parts.state();
    if (keys.length > 0 && state !== undefined) void this.expand(state);
  }

  /** Other fields may be known now. @param resource plural and group of the definition, joined by a dot */
  definitionChanged(resource: string): void {
    const { keys, baseline, served } = this.parts;
    const [plural = '', group = ''] = [resource.slice(0, resource.indexOf('.')), resource.slice(resource.indexOf('.') + 1)];
    const kinds = new Set(served.ofResource(group, plural).map(({ kind }) => kind));
    for (const key of keys.touchWhere(({ identity }) => kinds.has(identity.kind))) baseline.expire(key);
  }

  servedChanged({ appeared, gone }: ServedChange): void {
    const { keys, baseline, reporter, leftovers } = this.parts;
    for (const { apiVersion, kind } of [...appeared, ...gone]) {
      for (const key of keys.all()) {
        const { identity } = keys.assetOf(key)!;
        if (identity.kind === kind && identity.apiVersions.includes(apiVersion)) baseline.expire(key);
      }
    }
    reporter.appeared(appeared);
    leftovers.appeared(appeared);
    keys.touchAll();
  }

  managedChanged({ object }: ResourceEvent): void {
    this.parts.keys.touchObject(object);
    this.parts.leftovers.objectChanged(object);
  }

  namespaceChanged({ metadata }: KubernetesObject): void {
    const { keys, states } = this.parts;
    const name = metadata?.name;
    const waiting = states.list().filter(({ outcome, target }) => outcome?.status === 'NamespaceMissing' && target?.namespace === name);
    keys.touch(waiting.map(({ key }) => key));
  }

  private async expand({ context }: ContextState): Promise<void> {
    const { keys, leftovers, log } = this.parts;
    try {
      await keys.expand(context);
    } catch (error) {
      log.error('the keys of the catalog could not be told', { error });
    } finally {
      leftovers.sweepSoon();
    }
  }
}
