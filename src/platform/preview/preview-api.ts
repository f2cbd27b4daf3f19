/**
 * The calls of a run that is only looked at: reads are real, writes are remembered instead of made.
 *
 * Never: changes anything; a dry-run is sent only when it was asked for.
 */
import type { Kind, KubernetesObject, ObjectKey } from '../../framework';
import { differencesBetween, shownDifferences } from '../baseline/comparison';
import type { ObjectApi, PatchOperation } from '../baseline/ports';
import { driftPart } from '../baseline/reduced-object';
import type { Json } from '../json';

export interface PreviewReads {
  /** @returns `undefined` when there is no such object. */
  get(kind: Kind, key: ObjectKey): Promise<KubernetesObject | undefined>;
  /** Server-side apply with dryRun; absent = it is not asked what the API server would make of an object. */
  dryRun?(kind: Kind, object: KubernetesObject): Promise<KubernetesObject>;
  schemaOf(apiVersion: string, kind: string): Promise<Json | undefined>;
}

export type ShownDifference = Readonly<Record<string, string>>;

/** One for each key. */
export class PreviewApi implements ObjectApi {
  /** What would be sent; `undefined` while nothing would. */
  wanted: KubernetesObject | undefined;
  /** Between live and the answer to the dry-run; `undefined` when none was made. */
  differences: readonly ShownDifference[] | undefined;
  private live: KubernetesObject | undefined;

  constructor(private readonly reads: PreviewReads) {}

  async get(kind: Kind, key: ObjectKey): Promise<KubernetesObject | undefined> {
    this.live = await this.reads.get(kind, key);
    return this.live;
  }

  /** The answer says that nothing differs, so that the run ends after its dry-run. */
  async apply(kind: Kind, object: KubernetesObject): Promise<KubernetesObject> {
    this.wanted = object;
    const { live, reads } = this;
    if (reads.dryRun === undefined) return live ?? object;
    const answer = await reads.dryRun(kind, object);
    if (live === undefined) return answer;
    const schema = await reads.schemaOf(object.apiVersion ?? '', object.kind ?? '');
    this.differences = shownDifferences(differencesBetween(driftPart(live), driftPart(answer), schema), object.kind ?? '');
    return live;
  }

  /** Of ownership, or of the text that is edited. */
  async patch(_kind: Kind, _key: ObjectKey, _operations: readonly PatchOperation[]): Promise<KubernetesObject> {
    return this.live!;
  }

  /** Nothing is written often enough for it. */
  async pause(): Promise<KubernetesObject> {
    return this.live!;
  }
}
