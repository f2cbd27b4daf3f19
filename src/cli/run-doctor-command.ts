/** `virt-steward doctor`, from checked options to exit code. Loaded only then: it needs the Kubernetes client and every handler's rights. */
import { SystemClock } from '../framework';
import type { DoctorOptions } from '../wol/doctor/doctor-options';
import { runDoctor } from '../wol/doctor/run-doctor';
import { openCaller } from './caller';
import type { CallerFlags } from './caller-flags';
import type { CommandIo } from './program';
import { allRules, managerRightsByPart } from './rights';

export async function runDoctorCommand(options: DoctorOptions, flags: CallerFlags, io: CommandIo): Promise<number> {
  const clock = new SystemClock();
  const { client, close, operatorNamespace } = openCaller('doctor', flags, io.env, clock);
  const isOptional = (name: string): boolean => name === 'leaderElection' || name === 'secureMetrics';
  const parts = managerRightsByPart(['wol'], { leaderElection: true, secureMetrics: true });
  const rules = allRules(parts.filter(({ name }) => !isOptional(name)));
  const optionalRules = allRules(parts.filter(({ name }) => isOptional(name)));
  try {
    return await runDoctor(options, { client, operatorNamespace, rules, optionalRules, nowMs: clock.now(), print: io.print });
  } finally {
    close();
  }
}
