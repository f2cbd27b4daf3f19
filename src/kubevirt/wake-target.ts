/**
 * The contract between those who know virtual machines and those who wake them.
 *
 * Owns: what a wakeable machine must tell of itself, wherever it runs. Implemented for this cluster by the wol module and for
 * remote clusters by the machines module; neither imports the other.
 */
import type { CallOutcome } from './call-outcome';
import type { WakeState } from './wake-state';

/** Container token under which every `WakeTargetSource` is registered. */
export const WAKE_TARGET_SOURCE = Symbol.for('virt-steward.wake-target-source');

/** `"true"`, in any case, on the object that scopes a target keeps it from being woken, whatever a WolConfig says. */
export const WAKE_IGNORE_ANNOTATION = 'wol.pillon.org/ignore';

/** A wake that its owner did not want is worse than one that did not come, so `True` counts as well. */
export function isIgnored(annotations: Readonly<Record<string, string>> | undefined): boolean {
  return annotations?.[WAKE_IGNORE_ANNOTATION]?.trim().toLowerCase() === 'true';
}

/** Names the object that receives Events. */
export interface ObjectReference {
  readonly apiVersion: string;
  readonly kind: string;
  readonly namespace?: string;
  readonly name: string;
  readonly uid?: string;
}

/** What the discovery modes look at: an object on this cluster, the virtual machine itself when it runs here. */
export interface WakeScope {
  readonly namespace: string;
  readonly name: string;
  readonly labels: Readonly<Record<string, string>>;
  /** The object carries `WAKE_IGNORE_ANNOTATION`. */
  readonly ignored: boolean;
}

export interface WakeTarget {
  /** Empty for the manager's own cluster. */
  readonly cluster: string;
  /** Namespace, name and uid of the virtual machine in its cluster. */
  readonly namespace: string;
  readonly name: string;
  readonly uid: string;
  /** When the virtual machine was created, milliseconds since the epoch; orders conflicts. */
  readonly createdAt: number;
  /** Declared addresses in normal form, usable ones only. */
  readonly macs: readonly string[];
  readonly scope: WakeScope;
  readonly subject: ObjectReference;
  /** From watched objects, never by a network call. */
  state(): WakeState;
  start(signal: AbortSignal): Promise<CallOutcome>;
  unpause(signal: AbortSignal): Promise<CallOutcome>;
}

/** `undefined` when the target is gone. */
export type WakeTargetListener = (key: string, target: WakeTarget | undefined) => void;

export interface WakeTargetSource {
  readonly name: string;
  /** Whether `targets` is complete. Never becomes false again. */
  ready(): boolean;
  targets(): Iterable<WakeTarget>;
  /**
   * Told of every target that is added, changed or removed, and of every change of a target's state.
   *
   * `key` is `wakeTargetKey` of the target. A target object whose own fields changed is a new object; the same object
   * announced again means that only its state changed.
   */
  subscribe(listener: WakeTargetListener): () => void;
}

/** `namespace/name`, or `cluster:namespace/name` for a remote one: what people see, and unique among all sources. */
export function wakeTargetKey({ cluster, namespace, name }: Pick<WakeTarget, 'cluster' | 'namespace' | 'name'>): string {
  return cluster === '' ? `${namespace}/${name}` : `${cluster}:${namespace}/${name}`;
}
