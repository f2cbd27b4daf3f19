/**
 * Keeps the ConfigMap `virt-steward-platform-status` equal to the state of the module.
 *
 * Expected flow: `begin` (leader) reads what was written last -> `changed` -> at most every five seconds a write, if something differs.
 * Guarantees: never a write for a time stamp alone; times survive a restart; one that fails is repeated.
 * Assumptions: the operators of HyperConverged and KubeVirt own their own status; that is why there is this object.
 * Caveats: somebody who edits it finds it back with the next change.
 * Errors: none; a write that fails is logged.
 */
import {
  type Clock,
  type ConditionInput,
  ConfigMap,
  type KubeClient,
  type Logger,
  objectKey,
  type Timer,
  timestampOf,
} from '../../framework';
import { EDITED_ANNOTATION, ON_REMOVAL_ANNOTATION } from '../keys';
import type { AssetRow } from './asset-rows';
import { dataOf, documentOf, EMPTY, nextDocument, STATUS_NAME, type StatusDocument } from './status-document';

const MIN_INTERVAL_MS = 5_000;
const RETRY_MS = 15_000;

export type RemovalPolicy = 'keep' | 'delete';

export interface ModuleStatus {
  readonly conditions: readonly ConditionInput[];
  readonly rows: readonly AssetRow[];
  /** Remembered, since it also governs the deletion of the anchor that says it. */
  readonly onRemoval: RemovalPolicy;
  /** Keys that wrote to an object of somebody else, sorted. Remembered, since the object does not tell for long. */
  readonly edited: readonly string[];
}

export interface StatusWriterOptions {
  /** Refuses writes when this process does not lead. */
  readonly client: Pick<KubeClient, 'find' | 'apply'>;
  readonly clock: Clock;
  readonly log: Logger;
  /** Of the operator. */
  readonly namespace: string;
  readonly status: () => ModuleStatus | undefined;
}

export class StatusWriter {
  private written: StatusDocument = EMPTY;
  private writtenPolicy: RemovalPolicy = 'keep';
  private writtenEdits: readonly string[] = [];
  private text = '';
  private timer: Timer | undefined;
  private lastMs = Number.NEGATIVE_INFINITY;
  private writing: Promise<void> | undefined;
  private isLeading = false;

  constructor(private readonly options: StatusWriterOptions) {}

  /** Reads what an earlier life wrote. @throws what the read failed with: without it, a policy might be forgotten. */
  async begin(): Promise<void> {
    const { client, namespace } = this.options;
    const found = await client.find(ConfigMap, objectKey(namespace, STATUS_NAME));
    this.written = documentOf(found?.data ?? {});
    this.writtenPolicy = found?.metadata?.annotations?.[ON_REMOVAL_ANNOTATION] === 'delete' ? 'delete' : 'keep';
    this.writtenEdits = (found?.metadata?.annotations?.[EDITED_ANNOTATION] ?? '').split(',').filter((key) => key !== '');
    this.text = found === undefined ? '' : textOf(found.data ?? {}, this.writtenPolicy, this.writtenEdits);
    this.isLeading = true;
  }

  /** What the anchor said last, as far as it was written. */
  get rememberedPolicy(): RemovalPolicy {
    return this.writtenPolicy;
  }

  /** What was edited, as far as it was written. */
  get rememberedEdits(): readonly string[] {
    return this.writtenEdits;
  }

  /** Something may be different. */
  changed(): void {
    if (!this.isLeading || this.timer !== undefined || this.writing !== undefined) return;
    const waitMs = Math.max(0, this.lastMs + MIN_INTERVAL_MS - this.options.clock.monotonicMs());
    this.schedule(waitMs);
  }

  /** Ends writing, after the one that is under way. */
  async end(): Promise<void> {
    this.isLeading = false;
    this.timer?.cancel();
    this.timer = undefined;
    await this.writing;
  }

  private schedule(delayMs: number): void {
    this.timer = this.options.clock.setTimer(delayMs, () => {
      this.timer = undefined;
      this.writing = this.write().finally(() => {
        this.writing = undefined;
      });
    });
  }

  private async write(): Promise<void> {
    const { client, clock, log, namespace, status } = this.options;
    const now = status();
    if (now === undefined || !this.isLeading) return;
    const document = nextDocument(this.written, now.conditions, now.rows, timestampOf(clock.now()));
    const data = dataOf(document);
    const text = textOf(data, now.onRemoval, now.edited);
    if (text === this.text) return;
    try {
      await client.apply(
        ConfigMap,
        {
          apiVersion: 'v1',
          kind: 'ConfigMap',
          metadata: {
            ...{ name: STATUS_NAME, namespace, labels: { 'app.kubernetes.io/managed-by': 'virt-steward' } },
            annotations: {
              [ON_REMOVAL_ANNOTATION]: now.onRemoval,
              ...(now.edited.length === 0 ? {} : { [EDITED_ANNOTATION]: now.edited.join() }),
            },
          },
          data,
        },
        { force: true },
      );
      Object.assign(this, { written: document, writtenPolicy: now.onRemoval, writtenEdits: now.edited, text, lastMs: clock.monotonicMs() });
      this.changedMeanwhile();
    } catch (error) {
      log.warn('the status of the module could not be written', { error });
      if (this.isLeading && this.timer === undefined) this.schedule(RETRY_MS);
    }
  }

  /** What changed while it was being written is written later. */
  private changedMeanwhile(): void {
    if (this.isLeading && this.timer === undefined) this.schedule(MIN_INTERVAL_MS);
  }
}

function textOf(data: Readonly<Record<string, string>>, policy: RemovalPolicy, edited: readonly string[]): string {
  return JSON.stringify([data['conditions.yaml'], data['assets.yaml'], policy, edited]);
}
