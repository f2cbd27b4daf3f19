/** Brings the keys of what has to go. */
import { type KeySink, type KeySource, Source } from '../../framework';
import { Leftover } from './leftover';
import { PlatformRuntime } from './platform-runtime';

@Source(Leftover)
export class LeftoverSource implements KeySource<Leftover> {
  constructor(private readonly runtime: PlatformRuntime) {}

  resolve(key: string): Leftover | undefined {
    return this.runtime.leftovers.knows(key) ? { key } : undefined;
  }

  start(sink: KeySink): void {
    this.runtime.leftovers.start(sink);
  }

  stop(): void {
    this.runtime.leftovers.stop();
  }
}
