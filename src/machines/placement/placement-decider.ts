/**
 * Decides where a Machine belongs: gathers what the rules need, and searches where they ask for it.
 *
 * Owns: the inputs and the search. Never: writes, or decides by itself: placement-rules.ts does.
 * Invariant: rules 0 to 3 contact no cluster; the search waits for no cluster longer than PLACEMENT_SEARCH_TIMEOUT.
 */
import {
  CLOCK,
  type Clock,
  ClusterRegistry,
  inject,
  isOperatorError,
  type KubernetesObject,
  keyOf,
  objectKey,
  singleton,
  sleep,
} from '../../framework';
import { VirtualMachine } from '../../kubevirt/virtual-machine';
import type { CallOptions, KubernetesClient } from '../clusters/client-manager';
import { ClusterFindingsStore } from '../clusters/cluster-findings';
import { clusterNameOf } from '../clusters/cluster-key';
import { ConfigDirectory } from '../clusters/config-directory';
import { SupervisorIdentity } from '../clusters/supervisor-identity';
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
    return decideSearch(inputs, new Map(answers), vm) as Decided;
  }

  /** Cluster key of the record, in whichever form; no network call. */
  recorded(machine: Machine): string | undefined {
    const { home } = this.api;
    const key = recordedKey(machine, home, this.api.keeps('machines', 'status.kubevirtConfigRef'));
    if (key !== undefined) return key;
    const marked = this.marked.clustersOf(machine.metadata?.uid ?? '');
    return marked.length === 1 ? marked[0] : undefined;
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
    const limit = new AbortController();
    const signal = options.signal === undefined ? limit.signal : AbortSignal.any([limit.signal, options.signal]);
    const { namespace = '', name = '', uid = '' } = machine.metadata ?? {};
    const ask = async (): Promise<SearchAnswer> => {
      const client = await clientOf(key, { signal });
      const found = await client.get<KubernetesObject>(VirtualMachine, objectKey(namespace, vm), { signal });
      const owner = { supervisorId, managedBy: this.settings.managedBy, namespace, name, uid };
      return ownershipOf(found, owner) === 'Foreign' ? 'absent' : 'found';
    };
    const timeout = sleep(this.clock, this.settings.searchTimeoutMs, limit.signal).then(
      (): SearchAnswer => 'unreachable',
      (): SearchAnswer => 'unreachable',
    );
    try {
      return await Promise.race([ask(), timeout]);
    } catch (error) {
      options.signal?.throwIfAborted();
      // A cluster without KubeVirt has no virtual machine either.
      return isOperatorError(error, 'NOT_FOUND') ? 'absent' : 'unreachable';
    } finally {
      limit.abort(new Error('the search is over'));
    }
  }
}
