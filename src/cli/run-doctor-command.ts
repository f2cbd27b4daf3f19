/** `virt-steward doctor`, from checked options to exit code. Loaded only then: it needs the Kubernetes client and every handler's rights. */
import { SystemClock } from '../framework';
import { ClusterView } from '../kubevirt/diagnosis/cluster-view';
import type { Finding } from '../kubevirt/diagnosis/finding';
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
import { defaultSettings } from './modules';
import type { CommandIo } from './program';
import { allRules, managerRightsByPart } from './rights';

type Look = (view: ClusterView) => Promise<Finding[]>;

/** @param modules whose checks are made; `undefined` = those in use. */
export async function runDoctorCommand(
  options: DoctorOptions,
  modules: readonly ModuleName[] | undefined,
  flags: CallerFlags,
  io: CommandIo,
): Promise<number> {
  const clock = new SystemClock();
  const { client, close, operatorNamespace } = openCaller('doctor', flags, io.env, clock);
  const isOptional = (name: string): boolean => name === 'leaderElection' || name === 'secureMetrics';
  const parts = managerRightsByPart(['wol'], { leaderElection: true, secureMetrics: true });
  const rules = allRules(parts.filter(({ name }) => !isOptional(name)));
  const optionalRules = allRules(parts.filter(({ name }) => isOptional(name)));
  const nowMs = clock.now();
  const isLookedAt = (name: ModuleName, isInUse: boolean): boolean => modules?.includes(name) ?? isInUse;
  const platform: Look = async (view) => {
    const isInUse = (await writtenState(view, operatorNamespace)).kind === 'read';
    return isLookedAt('platform', isInUse) ? platformChecks(view, operatorNamespace) : [];
  };
  const machines: Look = async (view) => {
    const configs = await view.list(KubevirtConfig);
    const isInUse = configs.kind === 'read' && configs.value.length > 0;
    return isLookedAt('machines', isInUse) ? machinesChecks({ view, settings: defaultSettings().machines, nowMs }) : [];
  };
  try {
    const further = [platform, machines];
    if (modules?.includes('wol') === false) {
      const view = new ClusterView(client);
      const findings: Finding[] = [];
      for (const look of further) findings.push(...(await look(view)));
      return printReport(findings, options.output, io.print);
    }
    return await runDoctor(options, { client, operatorNamespace, rules, optionalRules, nowMs, further, print: io.print });
  } finally {
    close();
  }
}
