/**
 * Decides where a Machine belongs: gathers what the rules need, and searches where they ask for it.
 *
 * Owns: the inputs and the search. Never: writes, or decides by itself: placement-rules.ts does.
 * Invariant: rules 0 to 3 contact no cluster; the search waits for no answer of a cluster longer than PLACEMENT_SEARCH_TIMEOUT; nothing is
 * called a duplicate before the clusters are known to be two.
 */
import {
  CLOCK,
  type Clock,
  ClusterRegistry,
  inject,
  isOperatorError,
  type KubernetesObject,
  keyOf,
  Namespace,
  objectKey,
  singleton,
  sleep,
} from '../../framework';
import { VirtualMachine } from '../../kubevirt/virtual-machine';
import type { CallOptions, KubernetesClient } from '../clusters/client-manager';
import { ClusterFindingsStore } from '../clusters/cluster-findings';
import { clusterNameOf } from '../clusters/cluster-key';
import { ConfigDirectory } from '../clusters/config-directory';
import { IDENTITY_NAMESPACE, SupervisorIdentity } from '../clusters/supervisor-identity';
import { CONFIG_ANNOTATION } from '../keys';
import type { Machine } from '../kinds';
import { defaultNamePrefix } from '../profile';
import { MACHINES_SETTINGS, type MachinesSettings } from '../settings';
import { SupervisorApi } from '../supervisor-api';
import { virtualMachineName } from '../virtual-machine/names';
import { ownershipOf } from '../virtual-machine/ownership';
import { MarkedMachines } from './marked-machines';
import { decidePlacement, decideSearch, type PlacementDecision, type PlacementInputs, type SearchAnswer } from './placement-rules';
import { recordedKey } from './recorded-placement';

export type Decided = Exclude<PlacementDecision, { type: 'search' }>;
export type ClientOf = (key: string, options: { signal: AbortSignal }) => Promise<KubernetesClient>;

@singleton()
export class PlacementDecider {
  constructor(
    private readonly directory: ConfigDirectory,
    private readonly api: SupervisorApi,
    private readonly clusters: ClusterRegistry,
    private readonly marked: MarkedMachines,
    private readonly findings: ClusterFindingsStore,
    private readonly identity: SupervisorIdentity,
    @inject(CLOCK) private readonly clock: Clock,
    @inject(MACHINES_SETTINGS) private readonly settings: MachinesSettings,
  ) {}

  /** @param clientOf of a candidate, for the search. */
  async decide(machine: Machine, clientOf: ClientOf, options: CallOptions = {}): Promise<Decided> {
    const inputs = this.inputsOf(machine);
    const decision = decidePlacement(inputs);
    if (decision.type !== 'search') return decision;
    const vm = this.nameOf(machine);
    const supervisorId = await this.identity.id(options.signal);
    const asked = new Set(this.findings.distinct(decision.candidates));
    const answers = await Promise.all(
      decision.candidates.map(async (key) => {
        // What is there was found under the other key.
        const answer = asked.has(key) ? await this.search(key, machine, vm, supervisorId, clientOf, options) : 'absent';
        return [key, answer] as const;
      }),
    );
    const search = new Map(answers);
    const unidentified = await this.countOnce(search, clientOf, options);
    return decideSearch(inputs, search, vm, unidentified) as Decided;
  }

  /** Cluster key of the record on the Machine; the queue of that cluster has it. */
  written(machine: Machine): string | undefined {
    return recordedKey(machine, this.api.home, this.api.keeps('machines', 'status.kubevirtConfigRef'));
  }

  /** Cluster key of the record, in whichever form; no network call. */
  recorded(machine: Machine): string | undefined {
    const key = this.written(machine);
    if (key !== undefined) return key;
    const marked = this.marked.clustersOf(machine);
    return marked.length === 1 ? marked[0] : undefined;
  }

  /** Cluster key that the Machine names, which may be another one than that of its record. */
  named(machine: Machine): string | undefined {
    const { spec, annotation } = this.inputsOf(machine);
    return (spec ?? annotation)?.key;
  }

  inputsOf(machine: Machine): PlacementInputs {
    const { kubevirtConfigRef: ref } = machine.spec ?? {};
    const annotation = (machine.metadata?.annotations?.[CONFIG_ANNOTATION] ?? '').trim();
    const { defaultConfig } = this.settings;
    const wanted = ref === undefined ? '' : objectKey(ref.namespace, ref.name);
    return {
      machine: keyOf(machine),
      profile: this.api.profile,
      configNamespace: this.api.home,
      recorded: this.recorded(machine),
      spec: ref === undefined ? undefined : this.directory.resolve({ name: ref.name, namespace: ref.namespace || undefined }, wanted),
      annotation: annotation === '' ? undefined : this.directory.resolveText(annotation),
      fallback: defaultConfig === '' ? undefined : this.directory.resolveText(defaultConfig),
      candidates: this.directory.isKnown ? this.directory.candidates() : new Error('KubevirtConfigs were not listed yet'),
    };
  }

  /** Of the virtual machine that the Machine would get. */
  nameOf({ metadata }: Machine): string {
    const prefix = this.settings.namePrefix ?? defaultNamePrefix(this.api.profile);
    return virtualMachineName(prefix, { namespace: metadata?.namespace ?? '', machine: metadata?.name ?? '' });
  }

  /**
   * Makes what was found under several keys of one cluster count once, under the smallest.
   * @returns keys of clusters of which it could not be found out whether they are one.
   */
  private async countOnce(answers: Map<string, SearchAnswer>, clientOf: ClientOf, options: CallOptions): Promise<readonly string[]> {
    const found = [...answers].filter(([, answer]) => answer === 'found').map(([key]) => key);
    if (found.length < 2) return [];
    const identities = await Promise.all(found.map(async (key) => [key, await this.identityOf(key, clientOf, options)] as const));
    const seen = new Set<string>();
    for (const [key, id] of identities.sort(([a], [b]) => (a < b ? -1 : 1))) {
      if (id === undefined) continue;
      if (seen.has(id)) answers.set(key, 'absent');
      seen.add(id);
    }
    return identities.filter(([, id]) => id === undefined).map(([key]) => key);
  }

  /** UID of the cluster; its key where it must not be read, and `undefined` where the cluster does not answer. */
  private async identityOf(key: string, clientOf: ClientOf, options: CallOptions): Promise<string | undefined> {
    const known = this.findings.get(key);
    if (known !== undefined) return known.clusterId ?? key;
    return this.inTime<string | undefined>(undefined, options, async (signal) => {
      try {
        const client = await clientOf(key, { signal });
        return (await client.get(Namespace, IDENTITY_NAMESPACE, { signal })).metadata?.uid ?? key;
      } catch (error) {
        return isOperatorError(error, 'FORBIDDEN') ? key : undefined;
      }
    });
  }

  private async search(
    key: string,
    machine: Machine,
    vm: string,
    supervisorId: string,
    clientOf: ClientOf,
    options: CallOptions,
  ): Promise<SearchAnswer> {
    // One that is known not to answer is not waited for.
    if (this.clusters.get(clusterNameOf(key, this.api.home))?.health.state === 'Unreachable') return 'unreachable';
    const { namespace = '', name = '', uid = '' } = machine.metadata ?? {};
    return this.inTime<SearchAnswer>('unreachable', options, async (signal) => {
      try {
        const client = await clientOf(key, { signal });
        const found = await client.get<KubernetesObject>(VirtualMachine, objectKey(namespace, vm), { signal });
        const owner = { supervisorId, managedBy: this.settings.managedBy, namespace, name, uid };
        return ownershipOf(found, owner) === 'Foreign' ? 'absent' : 'found';
      } catch (error) {
        // A cluster without KubeVirt has no virtual machine either.
        return isOperatorError(error, 'NOT_FOUND') ? 'absent' : 'unreachable';
      }
    });
  }

  /** @param late what is taken for the answer when none came within PLACEMENT_SEARCH_TIMEOUT. */
  private async inTime<A>(late: A, options: CallOptions, ask: (signal: AbortSignal) => Promise<A>): Promise<A> {
    const limit = new AbortController();
    const signal = options.signal === undefined ? limit.signal : AbortSignal.any([limit.signal, options.signal]);
    const isLate = (): A => late;
    const timeout = sleep(this.clock, this.settings.searchTimeoutMs, limit.signal).then(isLate, isLate);
    try {
      const answer = await Promise.race([ask(signal), timeout]);
      options.signal?.throwIfAborted();
      return answer;
    } finally {
      limit.abort(new Error('the search is over'));
    }
  }
}
