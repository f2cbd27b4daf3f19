/** Every handler class of the platform module. */
import type { HandlerClass } from '../../framework';
import type { PlatformSettings } from '../settings';
import { assetHandler } from './asset-handler';
import { AssetSource } from './asset-source';
import { LeftoverHandler } from './leftover-handler';
import { LeftoverSource } from './leftover-source';

export function platformHandlers({ concurrency }: Pick<PlatformSettings, 'concurrency'>): HandlerClass[] {
  return [AssetSource, assetHandler(concurrency), LeftoverSource, LeftoverHandler];
}
