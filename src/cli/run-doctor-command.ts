/** `virt-steward doctor`, from checked options to exit code. Loaded only then: it needs the Kubernetes client and every handler's rights. */
import { type RbacRule, SystemClock } from '../framework';
import { ClusterView } from '../kubevirt/diagnosis/cluster-view';
import { type Finding, unchecked } from '../kubevirt/diagnosis/finding';
import type { Reading } from '../kubevirt/diagnosis/reading';
import { printReport } from '../kubevirt/diagnosis/report';
import { machinesChecks } from '../machines/doctor/machines-checks';
import { KubevirtConfig } from '../machines/kinds';
import { platformChecks } from '../platform/doctor/platform-checks';
import { writtenState } from '../platform/doctor/written-state';
import type { DoctorOptions } from '../wol/doctor/doctor-options';
import { runDoctor } from '../wol/doctor/run-doctor';
import { openCaller } from './caller';
import type { CallerFlags } from './caller-flags';
import type { ModuleName } from './module-names';
import type { CommandIo } from './program';
import { allRules, managerRightsByPart } from './rights';
import { type RunningSettings, runningSettings, type SaidFlags } from './running-settings';

type Look = (view: ClusterView) => Promise<Finding[]>;

export interface DoctorCommandFlags extends CallerFlags, SaidFlags {}

/** @param modules whose checks are made; `undefined` = those in use. */
export async function runDoctorCommand(
  options: DoctorOptions,
  modules: readonly ModuleName[] | undefined,
  flags: DoctorCommandFlags,
  io: CommandIo,
): Promise<number> {
  const clock = new SystemClock();
  const { client, close, operatorNamespace } = openCaller('doctor', flags, io.env, clock);
  const nowMs = clock.now();
  try {
    const view = new ClusterView(client);
    const settings = await runningSettings(view, {
      namespace: operatorNamespace,
      deployment: options.deployment,
      said: flags,
      env: io.env,
    });
    const further = furtherLooks(modules, settings, operatorNamespace, nowMs);
    const isAboutWol = options.subject !== undefined || (modules ?? settings.modules)?.includes('wol') !== false;
    if (!isAboutWol) {
      const findings: Finding[] = [...settings.findings];
      for (const look of further) findings.push(...(await look(view)));
      return printReport(findings, options.output, io.print);
    }
    const { watchNamespaces } = settings.wol;
    const { findings: before, serviceAccount } = settings;
    return await runDoctor(options, {
      ...{ client, operatorNamespace, watchNamespaces, before, further, serviceAccount, nowMs, print: io.print },
      ...wolRights(settings),
    });
  } finally {
    close();
  }
}

/** What the manager needs for Wake-on-LAN; what a flag turns off is optional while nobody knows the flag. */
function wolRights(settings: RunningSettings): { rules: readonly RbacRule[]; optionalRules: readonly RbacRule[] } {
  const { features = { leaderElection: true, secureMetrics: true } } = settings;
  const parts = managerRightsByPart(['wol'], features, settings);
  const isOptional = (name: string): boolean => settings.features === undefined && (name === 'leaderElection' || name === 'secureMetrics');
  return {
    rules: allRules(parts.filter(({ name }) => !isOptional(name))),
    optionalRules: allRules(parts.filter(({ name }) => isOptional(name))),
  };
}

/** A module is in use when the manager runs it, or where its objects tell so. */
function furtherLooks(
  modules: readonly ModuleName[] | undefined,
  settings: RunningSettings,
  operatorNamespace: string,
  nowMs: number,
): Look[] {
  const isRun = (name: ModuleName): boolean => settings.modules?.includes(name) === true;
  const lookIfUsed = async (name: ModuleName, use: () => Promise<Reading<boolean>>, look: () => Promise<Finding[]>): Promise<Finding[]> => {
    if (modules !== undefined) return modules.includes(name) ? look() : [];
    if (isRun(name)) return look();
    const used = await use();
    if (used.kind === 'denied' || used.kind === 'failed') return [unchecked(name, `whether the module ${name} is in use`, used)];
    return used.kind === 'read' && used.value ? look() : [];
  };
  const platform: Look = (view) => {
    const use = async (): Promise<Reading<boolean>> => used(await writtenState(view, operatorNamespace), () => true);
    return lookIfUsed('platform', use, () => platformChecks(view, operatorNamespace));
  };
  const machines: Look = (view) => {
    const use = async (): Promise<Reading<boolean>> => used(await view.list(KubevirtConfig), (configs) => configs.length > 0);
    return lookIfUsed('machines', use, () => machinesChecks({ view, settings: settings.machines, nowMs }));
  };
  return [platform, machines];
}

function used<T>(result: Reading<T>, isUse: (value: T) => boolean): Reading<boolean> {
  return result.kind === 'read' ? { kind: 'read', value: isUse(result.value) } : result;
}
