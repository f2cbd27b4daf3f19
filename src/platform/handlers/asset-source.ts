/** Brings the keys of the catalog, and with them everything that wakes one. */
import { type KeySink, type KeySource, Source } from '../../framework';
import { Asset } from './asset';
import { PlatformRuntime } from './platform-runtime';

@Source(Asset)
export class AssetSource implements KeySource<Asset> {
  constructor(private readonly runtime: PlatformRuntime) {}

  resolve(key: string): Asset | undefined {
    return this.runtime.keys.assetOf(key) === undefined ? undefined : { key };
  }

  start(sink: KeySink): void {
    this.runtime.start(sink);
  }

  stop(): Promise<void> {
    return this.runtime.stop();
  }
}
