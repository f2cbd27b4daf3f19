/**
 * The rights of the manager, by the part that needs them.
 *
 * Owns: which part a right belongs to, so that whoever leaves out a part leaves out its rights. Never: prints (see the files beside).
 */
import { mergeRules, type RbacFeatures, type RbacRule, rbacSources } from '../../framework';
import { remoteRights } from '../../machines';
import { platformRights } from '../../platform/rights';
import type { ModuleName } from '../module-names';
import { containerOf, defaultSettings, MANAGER_LEASE, type ModuleSettings, registryOf } from '../modules';

/** `core` = every manager; the others come and go with a flag of the manager or with a module. */
export type RightsPartName = 'core' | 'leaderElection' | 'secureMetrics' | ModuleName;

export interface RightsPart {
  readonly name: RightsPartName;
  /** Merged and sorted. */
  readonly rules: readonly RbacRule[];
  /** For the chart: what has to hold beside the module being on, as a condition of a template. @default nothing */
  readonly condition?: string;
}

export interface ManagerFeatures {
  /** Several replicas share the work. */
  readonly leaderElection: boolean;
  /** Callers who read metrics are checked. */
  readonly secureMetrics: boolean;
  /** The module platform may delete what it does not keep any more. @default true */
  readonly removal?: boolean;
}

/** Parts that need something, in a fixed order; modules in alphabetical order, however they were named. */
export function managerRightsByPart(
  modules: readonly ModuleName[],
  { leaderElection, secureMetrics, removal = true }: ManagerFeatures,
  settings: ModuleSettings = defaultSettings(),
): RightsPart[] {
  const container = containerOf(settings);
  const get: RbacFeatures['get'] = (token) => container.resolve(token);
  const features = { lease: leaderElection ? MANAGER_LEASE : undefined, secureMetrics, get };
  const sources = [...modules].sort().map((name) => ({ name, ...rbacSources(registryOf([name], settings), features) }));
  const shared = (part: 'framework' | 'leaderElection' | 'secureMetrics'): RbacRule[] =>
    mergeRules(sources.flatMap((source) => source[part]));
  const parts: RightsPart[] = [
    { name: 'core', rules: shared('framework') },
    { name: 'leaderElection', rules: shared('leaderElection') },
    { name: 'secureMetrics', rules: shared('secureMetrics') },
    ...sources.map(({ name, handlers }) => ({ name, rules: mergeRules([...handlers, ...furtherRights(name, settings, removal)]) })),
  ];
  return parts.filter(({ rules }) => rules.length > 0);
}

/** What no handler tells: the kinds of the module platform stand in its catalog. @throws {CatalogError} */
function furtherRights(module: ModuleName, { platform }: ModuleSettings, withRemoval: boolean): RbacRule[] {
  return module === 'platform' ? platformRights(platform.assetsDirectory, { withRemoval }) : [];
}

/** What a kubeconfig of a remote cluster needs there. */
export function remoteRightsParts(settings: ModuleSettings): RightsPart[] {
  return [{ name: 'machines', rules: mergeRules(remoteRights(containerOf(settings), settings.machines)) }];
}

/** All parts as one list, merged and sorted. */
export function allRules(parts: readonly RightsPart[]): RbacRule[] {
  return mergeRules(parts.flatMap(({ rules }) => rules));
}
