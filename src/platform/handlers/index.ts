/** Every handler class of the platform module. */
import type { HandlerClass } from '../../framework';
import type { PlatformSettings } from '../settings';
import { assetHandler } from './asset-handler';
import { AssetSource } from './asset-source';
import { LeftoverSource, leftoverHandler } from './leftover-handler';

export function platformHandlers({ concurrency, resyncMs }: Pick<PlatformSettings, 'concurrency' | 'resyncMs'>): HandlerClass[] {
  return [AssetSource, assetHandler(concurrency), LeftoverSource, leftoverHandler(resyncMs)];
}
