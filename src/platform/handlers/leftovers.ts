/**
 * What the catalog does not want any more: objects left behind, and those that tombstones name.
 *
 * Owns: the keys of this work, and what wakes them. Never: decides what is to be deleted; see removal/.
 */
import type { KeySink, KubeClient } from '../../framework';
import type { OrphanSweep } from '../removal/orphan-sweep';
import type { TombstoneKeeper } from '../removal/tombstone-keeper';

const SWEEP = 'orphans';

export class Leftovers {
  private sink: KeySink | undefined;

  constructor(
    readonly sweep: OrphanSweep,
    readonly tombstones: TombstoneKeeper,
  ) {}

  start(sink: KeySink): void {
    this.sink = sink;
    for (const key of this.keys) sink.add(key);
    sink.synced();
  }

  stop(): void {
    this.sink = undefined;
  }

  get keys(): readonly string[] {
    return [SWEEP, ...this.tombstones.keys];
  }

  /** Something may be left behind now, or not any more. */
  sweepSoon(): void {
    this.sink?.touch(SWEEP);
  }

  touchAll(): void {
    for (const key of this.keys) this.sink?.touch(key);
  }

  touchKind(apiVersion: string, kind: string): void {
    for (const key of this.tombstones.keysOfKind(apiVersion, kind)) this.sink?.touch(key);
  }

  run(key: string, client: KubeClient): Promise<number | undefined> {
    return key === SWEEP ? this.sweep.run(client) : this.tombstones.run(client, key);
  }

  forget(): void {
    this.sweep.forget();
    this.tombstones.forget();
  }
}
