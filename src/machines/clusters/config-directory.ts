/**
 * The KubevirtConfigs of the configured namespaces, from the cache of the supervisor.
 *
 * Owns: which configs count, and what a reference leads to. Never: a network call; a config outside of the configured namespaces.
 */
import { isDeepStrictEqual } from 'node:util';
import { Cluster, inject, singleton } from '../../framework';
import { KubevirtConfig } from '../kinds';
import type { Reference } from '../placement/placement-rules';
import { MACHINES_SETTINGS, type MachinesSettings } from '../settings';
import { SupervisorApi } from '../supervisor-api';
import { clusterKey, configOfKey, keyOfConfig, objectKeyOf, parseReference } from './cluster-key';
import { type ConfigPlace, configNotFound } from './config-error';

/** Conditions of a config that passes depend on: what may be called, and whether images can be imported. */
const DEPENDED_ON: ReadonlySet<string> = new Set(['PermissionsGranted', 'CDIAvailable']);

/** Whether a change of a config may matter for Machines: counters and times of its status do not. */
export function concernsMachines(now: KubevirtConfig, old: KubevirtConfig | undefined): boolean {
  if (old === undefined) return true;
  const of = ({ metadata = {}, spec, status }: KubevirtConfig): unknown => [
    ...[metadata.uid, metadata.deletionTimestamp, metadata.annotations, metadata.finalizers, spec],
    ...[status?.phase, status?.status, status?.clusterID, status?.kubeVirtVersion],
    (status?.conditions ?? []).filter(({ type }) => DEPENDED_ON.has(type ?? '')).map(({ type, status: said }) => [type, said]),
  ];
  return !isDeepStrictEqual(of(now), of(old));
}

@singleton()
export class ConfigDirectory {
  constructor(
    private readonly cluster: Cluster,
    private readonly api: SupervisorApi,
    @inject(MACHINES_SETTINGS) private readonly settings: MachinesSettings,
  ) {}

  /** Everything was listed once. */
  get isKnown(): boolean {
    return this.cluster.store(KubevirtConfig).synced;
  }

  /** By cluster key. */
  all(): readonly KubevirtConfig[] {
    return [...this.cluster.store(KubevirtConfig).list()]
      .filter((config) => this.counts(config.metadata?.namespace ?? ''))
      .sort((a, b) => (this.keyOf(a) < this.keyOf(b) ? -1 : 1));
  }

  get(key: string): KubevirtConfig | undefined {
    const { namespace } = configOfKey(key, this.api.home);
    return this.counts(namespace) ? this.cluster.store(KubevirtConfig).get(objectKeyOf(key, this.api.home)) : undefined;
  }

  keyOf(config: KubevirtConfig): string {
    return keyOfConfig(config, this.api.home);
  }

  placeOf(key: string): ConfigPlace {
    return { profile: this.api.profile, key, ...configOfKey(key, this.api.home) };
  }

  /** Keys that a Machine may be placed on without naming one. */
  candidates(): string[] {
    return this.all()
      .filter(({ metadata }) => metadata?.deletionTimestamp === undefined)
      .map((config) => this.keyOf(config));
  }

  /** What a Machine's reference leads to; a bare name is looked up in all configured namespaces. */
  resolve(reference: { readonly name: string; readonly namespace?: string | undefined }, wanted: string): Reference {
    const { home } = this.api;
    const { name, namespace } = reference;
    if (namespace !== undefined) return this.found(clusterKey({ namespace: home === '' ? '' : namespace, name }, home), wanted);
    const named = this.all().filter(({ metadata }) => metadata?.name === name);
    if (named.length <= 1) return this.found(named[0] === undefined ? name : this.keyOf(named[0]), wanted);
    const namespaces = named.map(({ metadata }) => metadata?.namespace ?? '').sort();
    const problem = `KubevirtConfig ${name} exists in namespaces ${namespaces.join(', ')}; write <namespace>/<name>`;
    return { wanted, key: undefined, problem, meant: named.map((config) => this.keyOf(config)) };
  }

  /** The same for `[<namespace>/]<name>`. */
  resolveText(text: string): Reference {
    return this.resolve(parseReference(text), text.trim());
  }

  /** Whether KubevirtConfigs of a namespace are looked at; those of the second profile have none. */
  counts(namespace: string): boolean {
    const { configNamespaces } = this.settings;
    return namespace === '' || configNamespaces === '*' || configNamespaces.includes(namespace);
  }

  private found(key: string, wanted: string): Reference {
    if (this.get(key) !== undefined) return { wanted, key };
    return { wanted, key: undefined, problem: configNotFound(this.placeOf(key)).message, meant: [key] };
  }
}
