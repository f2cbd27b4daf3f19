/**
 * Remembers which texts of other people's objects we set, and takes them back when their asset is not wanted any more.
 *
 * Owns: that memory, which is kept in the status of the module, since whoever edits the text next owns all of it for the API server.
 * Never: deletes an object. Invariant: what failed or was kept is looked at again; what is done is not.
 */
import type { Kind, KubeClient, KubernetesObject, Logger, ObjectKey } from '../../framework';
import { failureOf } from '../baseline/failures';
import type { RunEvents } from '../baseline/ports';
import type { RemovalPolicy } from '../observability/status-writer';
import { undoEdit } from './edit-undo';

const RETRY_MS = 30_000;

/** An asset of strategy `edit` that is not wanted. */
export interface UnwantedEdit {
  readonly key: string;
  readonly kind: Kind;
  readonly place: ObjectKey;
  readonly onUnwanted: 'keep' | 'delete';
  readonly renderOver: (live: KubernetesObject) => Promise<KubernetesObject>;
}

export interface EditKeeperParts {
  /** At present. */
  readonly unwanted: () => readonly UnwantedEdit[];
  readonly events: RunEvents;
  readonly log: Logger;
  /** The memory is another. */
  readonly changed: () => void;
}

export class EditKeeper {
  private edited = new Set<string>();
  /** Unwanted keys of which nothing is left. */
  private readonly done = new Set<string>();

  constructor(private readonly parts: EditKeeperParts) {}

  /** Keys that wrote to an object of somebody else, sorted. */
  get remembered(): readonly string[] {
    return [...this.edited].sort();
  }

  /** @param edited what an earlier life remembered. */
  begin(edited: readonly string[]): void {
    this.edited = new Set(edited);
    this.done.clear();
  }

  /** The key had a run of the algorithm. */
  ran(key: string, wrote: boolean): void {
    this.done.delete(key);
    if (!wrote || this.edited.has(key)) return;
    this.edited.add(key);
    this.parts.changed();
  }

  /** @returns milliseconds after which to try again. */
  async run(
    client: Pick<KubeClient, 'find' | 'patch'>,
    { policy, isActive }: { readonly policy: RemovalPolicy; readonly isActive: boolean },
  ): Promise<number | undefined> {
    let againMs: number | undefined;
    for (const edit of this.parts.unwanted()) {
      const isDue = policy === 'delete' || (isActive && edit.onUnwanted === 'delete');
      if (isDue && !this.done.has(edit.key) && !(await this.undo(client, edit))) againMs = RETRY_MS;
    }
    return againMs;
  }

  /** @returns false = it failed. */
  private async undo(client: Pick<KubeClient, 'find' | 'patch'>, edit: UnwantedEdit): Promise<boolean> {
    const { events, log } = this.parts;
    const { key, kind, place } = edit;
    const name = `${kind.kind} ${place}`;
    try {
      const undo = await undoEdit(client, { ...edit, key: place, isOurs: this.edited.has(key) });
      if (undo.kind === 'kept') return true;
      this.done.add(key);
      if (this.edited.delete(key)) this.parts.changed();
      if (undo.kind === 'undone')
        events.normal('ResourceRemoved', key, `what ${key} had set in ${name} was taken out again, because it is not wanted any more`, {
          object: undo.object,
        });
      return true;
    } catch (error) {
      const { message, status } = failureOf(error, 'apply');
      log.warn('a text that was edited cannot be taken back', { key, error });
      events.warning(
        status === 'Forbidden' ? status : 'ApplyFailed',
        key,
        `what ${key} had set in ${name} cannot be taken out: ${message}`,
        {
          cause: 'undo',
        },
      );
      return false;
    }
  }
}
