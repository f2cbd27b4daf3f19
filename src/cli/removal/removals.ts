/** What each module has made. Loads no module: a command that only removes has no use for handlers. */
import { machinesRemoval } from '../../machines/removal';
import { platformRemoval } from '../../platform/removal';
import { wolRemoval } from '../../wol/removal';
import type { ModuleName } from '../module-names';
import type { ModuleRemoval } from './module-removal';

export const REMOVALS: Readonly<Record<ModuleName, ModuleRemoval>> = {
  wol: wolRemoval,
  platform: platformRemoval,
  machines: machinesRemoval,
};
