/** The kind whose keys are the instances of assets: `name`, or `name[item]`. No such object exists in any cluster. */
import { defineVirtualKind } from '../../framework';

export interface Asset {
  readonly key: string;
}
export const Asset = defineVirtualKind<Asset>('Asset');
