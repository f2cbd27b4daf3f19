/**
 * What the last check of each cluster found, in memory.
 *
 * Owns: the findings, and what follows from comparing clusters. Invariant: findings go with their cluster.
 */
import { singleton } from '../../framework';
import { COMPARED_CRDS } from './remote-kinds';

export interface ClusterFindings {
  /** `Cluster.revision` when the check began: what the findings were found out with. */
  readonly revision: string | undefined;
  /** UID of the namespace kube-system; `undefined` = it could not be read. */
  readonly clusterId: string | undefined;
  /** Why the cluster answers but lets nothing be done: 403 of a call that every cluster must allow. */
  readonly forbidden: string | undefined;
  readonly kubeVirtVersion: string | undefined;
  /** Why KubeVirt cannot be used; empty = it can. */
  readonly kubeVirt: readonly string[];
  /** `undefined` = it could not be found out. */
  readonly hasImporter: boolean | undefined;
  /** `<verb> <resource>` of each right that is missing; `undefined` = it could not be found out. */
  readonly missingRights: readonly string[] | undefined;
  /** Version by CRD; absent = not there. `undefined` = they could not be read, for the reason beside it. */
  readonly crdVersions: ReadonlyMap<string, string> | undefined;
  readonly crdProblem: string | undefined;
}

@singleton()
export class ClusterFindingsStore {
  private readonly findings = new Map<string, ClusterFindings>();
  /** How often what was found of a cluster has lost its worth. */
  private readonly epochs = new Map<string, number>();
  private readonly expired = new Set<string>();

  /** What holds for the connection that is in use. */
  get(key: string): ClusterFindings | undefined {
    return this.expired.has(key) ? undefined : this.findings.get(key);
  }

  /** To be asked for before a check, and given with what it found. */
  epochOf(key: string): number {
    return this.epochs.get(key) ?? 0;
  }

  /** @returns false when the cluster may have become another one during the check, which then says nothing. */
  set(key: string, findings: ClusterFindings, epoch = this.epochOf(key)): boolean {
    if (epoch !== this.epochOf(key)) return false;
    this.findings.set(key, findings);
    this.expired.delete(key);
    return true;
  }

  /** The cluster is there again, or another connection leads to it: it may not be the same any more. */
  expire(key: string): void {
    this.epochs.set(key, this.epochOf(key) + 1);
    this.expired.add(key);
  }

  forget(key: string): void {
    this.findings.delete(key);
    this.expired.delete(key);
    // A check that is under way belongs to a cluster that is not engaged any more.
    this.epochs.delete(key);
  }

  /** The greater of two keys whose clusters are the same one, and so the one that is not counted. @returns the smaller key. */
  duplicateOf(key: string): string | undefined {
    const id = this.findings.get(key)?.clusterId;
    if (id === undefined) return undefined;
    return [...this.findings]
      .filter(([other, { clusterId }]) => clusterId === id && other < key)
      .map(([other]) => other)
      .sort()[0];
  }

  /** The same keys, in order, without those whose cluster is that of a smaller one among them. */
  distinct(keys: readonly string[]): readonly string[] {
    const seen = new Set<string>();
    const isFirst = (key: string): boolean => {
      const id = this.get(key)?.clusterId;
      if (id === undefined) return true;
      const isNew = !seen.has(id);
      seen.add(id);
      return isNew;
    };
    const kept = new Set([...keys].sort().filter(isFirst));
    return keys.filter((key) => kept.has(key));
  }

  /** How the CRDs of a cluster differ from those of the first cluster that could be read. */
  crdFindings(key: string): string[] {
    const own = this.findings.get(key);
    if (own?.crdProblem !== undefined) return [`Cluster '${key}': Failed to fetch KubeVirt CRD versions: ${own.crdProblem}`];
    const [base] = [...this.findings].filter(([, { crdVersions }]) => crdVersions !== undefined).sort(([a], [b]) => (a < b ? -1 : 1));
    if (own?.crdVersions === undefined || base === undefined || base[0] === key) return [];
    return COMPARED_CRDS.flatMap((crd) => {
      const [expected, found] = [base[1].crdVersions?.get(crd), own.crdVersions?.get(crd)];
      if (expected === undefined || expected === found) return [];
      return found === undefined
        ? [`Cluster '${key}': KubeVirt CRD '${crd}' not found (exists in '${base[0]}' with version ${expected})`]
        : [`Cluster '${key}': KubeVirt CRD '${crd}' version mismatch - ${base[0]}: ${expected}, ${key}: ${found}`];
    });
  }

  /** Everything that is to be told of a cluster, with the texts that people of the older operator know. */
  textsOf(key: string, expectsImporter: boolean): string[] {
    const found = this.findings.get(key);
    if (found === undefined) return [];
    const missing = found.missingRights ?? [];
    return [
      ...found.kubeVirt,
      ...(missing.length === 0 ? [] : [`Cluster '${key}': missing permissions: ${missing.join(', ')}`]),
      ...(expectsImporter && found.hasImporter === false ? [`Cluster '${key}': CDI is not installed`] : []),
      ...this.crdFindings(key),
    ];
  }
}
