/** The manager's rights in all their forms. Loads every handler, so commands import it only when they run. */
import { rbacObjects, rbacYaml } from '../../framework';
import { explanation } from './explanation';
import { helmTemplate } from './helm-template';
import { allRules, type RightsPart } from './manager-rights';
import { markdownPage } from './markdown-page';
import { olmPermissions } from './olm-permissions';

export { allRules, type ManagerFeatures, managerRightsByPart, type RightsPart, remoteRightsParts } from './manager-rights';

export type RightsFormat = 'yaml' | 'json' | 'helm' | 'olm' | 'markdown';

export interface RightsNames {
  /** Of roles and bindings. */
  readonly name: string;
  /** The manager runs in. */
  readonly namespace: string;
  readonly serviceAccount: string;
}

/** Ends with a line break. */
export function printedRights(parts: readonly RightsPart[], format: RightsFormat | 'explanation', names: RightsNames): string {
  switch (format) {
    case 'yaml':
      return rbacYaml(allRules(parts), names);
    case 'json':
      return `${JSON.stringify({ apiVersion: 'v1', kind: 'List', items: rbacObjects(allRules(parts), names) }, undefined, 2)}\n`;
    case 'helm':
      return helmTemplate(parts);
    case 'olm':
      return olmPermissions(allRules(parts), names);
    case 'markdown':
      return markdownPage(parts);
    default:
      return `${explanation(allRules(parts))}\n`;
  }
}
