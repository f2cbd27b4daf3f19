/**
 * The settings that the manager of a cluster runs with, for commands that judge what it does.
 *
 * Expected flow: its Deployment, by name or by its labels -> flags and variables of the container -> flags of the command over them.
 * Owns: saying which settings were used. Never: reads a Secret; connects to the manager.
 * Guarantee: there always are settings: where those of the manager cannot be had, the defaults, and a finding says so.
 */
import { Deployment, type Environment, type FlagValues, isOperatorError, Settings } from '../framework';
import type { ClusterView } from '../kubevirt/diagnosis/cluster-view';
import { type Finding, fail, ok, warn } from '../kubevirt/diagnosis/finding';
import type { Reading } from '../kubevirt/diagnosis/reading';
import { MANAGER_DEFINITIONS, type ManagerSettingKey, managerContainer } from './installation/manager-container';
import { portOf } from './installation/ports';
import { MODULE_NAMES, type ModuleName, parseModules } from './module-names';
import { type ModuleSettings, moduleSettings } from './module-settings';

const CHECK = 'settings';
const USUAL_NAME = 'virt-steward-manager';
const MANAGERS = 'app.kubernetes.io/part-of=virt-steward,app.kubernetes.io/component=manager';
/** Of a manager, as somebody may say them who knows better; by key. */
const SAID_FLAGS: Readonly<Partial<Record<ManagerSettingKey, string>>> = {
  kubevirtConfigsNamespace: '--kubevirt-configs-namespace',
  platformActivation: '--platform-activation',
  watchNamespaces: '--watch-namespaces',
};
const SAY_THEM = `pass ${Object.values(SAID_FLAGS).join(', ')} as the manager has them`;
/** A folder of the manager's container, which is not here. */
const CATALOG = { key: 'platformAssetsDir', env: 'PLATFORM_ASSETS_DIR' } as const;

/** Flags of a command that stand for those of the manager. */
export interface SaidFlags {
  kubevirtConfigsNamespace?: string;
  platformActivation?: string;
  watchNamespaces?: string;
}

export interface RunningSettings extends ModuleSettings {
  /** That it runs; `undefined` = not known. */
  readonly modules: readonly ModuleName[] | undefined;
  /** Whether a manager needs the rights for them; `undefined` = not known. */
  readonly features: { readonly leaderElection: boolean; readonly secureMetrics: boolean } | undefined;
  /** Variables of the manager's container; `undefined` = not known. */
  readonly environment: Environment | undefined;
  /** That its pods run as; `undefined` = not known. */
  readonly serviceAccount: string | undefined;
  /** Which settings these are, and what they lack. */
  readonly findings: readonly Finding[];
}

export interface RunningSettingsOptions {
  /** Where the manager runs. */
  readonly namespace: string;
  /** `undefined` = the usual one, or the only one by its labels. */
  readonly deployment: string | undefined;
  readonly said: SaidFlags;
  /** Variables of this process, which are those of the manager where it runs in its pod. */
  readonly env: Environment;
}

/** @throws {UsageError} for what was said. */
export async function runningSettings(view: ClusterView, options: RunningSettingsOptions): Promise<RunningSettings> {
  const { namespace } = options;
  const said = saidOnly(options.said);
  const isInPod = (options.env['POD_NAMESPACE'] ?? '') !== '';
  const bySaid = ofManager(new Settings(MANAGER_DEFINITIONS, said, isInPod ? options.env : {}), namespace);
  const defaults = (finding: Finding, serviceAccount?: string): RunningSettings => ({
    ...bySaid,
    ...{ modules: undefined, features: undefined, environment: undefined, serviceAccount, findings: [finding] },
  });
  const found = await managerDeployment(view, options);
  const instead = isInPod ? 'the variables of this pod, else defaults' : 'defaults';
  if ('why' in found) return defaults(warn(CHECK, `${instead}: ${found.why}`, found.remedy));
  const { deployment } = found;
  const what = `Deployment ${namespace}/${deployment.metadata?.name}`;
  const serviceAccount = accountOf(deployment);
  const container = await managerContainer(view, deployment);
  const { [CATALOG.env]: catalogVariable, ...variables } = container.variables;
  const { [CATALOG.key]: catalog = catalogVariable, ...flags } = container.flags;
  try {
    const running = ofManager(new Settings(MANAGER_DEFINITIONS, { ...flags, ...said }, variables), namespace);
    return {
      ...running,
      environment: container.variables,
      serviceAccount,
      findings: [
        usedFinding(what, running.modules, said),
        ...lackFindings(container.unread, catalog === undefined ? '' : String(catalog), what),
      ],
    };
  } catch (error) {
    // No manager starts with them.
    if (!isOperatorError(error, 'USAGE')) throw error;
    const edit = `kubectl -n ${namespace} edit deployment ${deployment.metadata?.name}`;
    return defaults(fail(CHECK, `${instead}: those of ${what} are refused: ${error.message}`, edit), serviceAccount);
  }
}

function accountOf({ spec }: Deployment): string {
  const template = spec?.['template'] as { spec?: { serviceAccountName?: string } } | undefined;
  // As Kubernetes does it.
  return template?.spec?.serviceAccountName || 'default';
}

/** @throws {UsageError} */
function ofManager(settings: Settings<ManagerSettingKey>, namespace: string) {
  const metricsPort = portOf(settings, 'metricsBindAddress') ?? 0;
  const metricsSecure = settings.boolean('metricsSecure');
  return {
    ...moduleSettings(settings, namespace, { metricsPort, metricsSecure, inCluster: true }),
    modules: parseModules('--modules', settings.text('modules')),
    features: { leaderElection: settings.boolean('leaderElect'), secureMetrics: metricsPort !== 0 && metricsSecure },
  };
}

function saidOnly(said: SaidFlags): FlagValues<ManagerSettingKey> {
  const entries = Object.keys(SAID_FLAGS).map((key) => [key, said[key as keyof SaidFlags]] as const);
  return Object.fromEntries(entries.filter(([, value]) => value !== undefined)) as FlagValues<ManagerSettingKey>;
}

function usedFinding(what: string, modules: readonly ModuleName[], said: FlagValues<ManagerSettingKey>): Finding {
  const flags = Object.keys(said).map((key) => SAID_FLAGS[key as ManagerSettingKey] ?? key);
  const instead = flags.length === 0 ? '' : `; ${flags.join(', ')} as given here`;
  const runs = modules.length === MODULE_NAMES.length ? 'all modules' : modules.join(', ');
  return ok(CHECK, `of ${what}, which runs ${runs}${instead}`);
}

function lackFindings(unread: readonly string[], catalog: string, what: string): Finding[] {
  const findings: Finding[] = [];
  if (unread.length > 0) findings.push(warn(CHECK, `${what} takes settings from what is not read here: ${unread.join(', ')}`, SAY_THEM));
  if (catalog !== '') {
    const remedy = '--platform-assets-dir with a copy of it, for asset/NAME';
    findings.push(warn(CHECK, `the catalog of ${what} is ${catalog} in its container, which is not at hand`, remedy));
  }
  return findings;
}

type FoundDeployment = { readonly deployment: Deployment } | { readonly why: string; readonly remedy: string };

async function managerDeployment(view: ClusterView, { namespace, deployment: given }: RunningSettingsOptions): Promise<FoundDeployment> {
  const name = given ?? USUAL_NAME;
  const what = `Deployment ${namespace}/${name}`;
  const named = await view.get(Deployment, name, namespace);
  if (named.kind === 'read') return { deployment: named.value };
  if (named.kind !== 'absent') return { why: `could not read ${what}: ${whyNot(named)}`, remedy: SAY_THEM };
  const where = `--operator-namespace and --deployment say where it is; or ${SAY_THEM}`;
  if (given !== undefined) return { why: `there is no ${what}`, remedy: where };
  const labelled = await view.list(Deployment, { namespace, labels: MANAGERS });
  if (labelled.kind !== 'read')
    return { why: `there is no ${what}, and whether there is another one was not seen: ${whyNot(labelled)}`, remedy: where };
  const [only, ...others] = labelled.value;
  if (only !== undefined && others.length === 0) return { deployment: only };
  if (only === undefined) return { why: `there is no ${what}`, remedy: where };
  const names = labelled.value.map(({ metadata }) => metadata?.name ?? '').sort();
  return { why: `namespace ${namespace} has several managers: ${names.join(', ')}`, remedy: '--deployment says which one is meant' };
}

function whyNot(result: Reading<unknown>): string {
  if (result.kind === 'denied') return `you may not ${result.right}`;
  return result.kind === 'failed' ? result.text : 'there is none';
}
