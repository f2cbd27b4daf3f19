/**
 * `virt-steward doctor`, after its options were checked.
 *
 * Owns: which checks run in which order, output and exit code. Never: writes to the cluster; needs a manager.
 */
import type { KubeClient, RbacRule } from '../../framework';
import { ClusterView } from '../../kubevirt/diagnosis/cluster-view';
import type { Finding } from '../../kubevirt/diagnosis/finding';
import { printReport } from '../../kubevirt/diagnosis/report';
import { wakeMapView } from '../view/wake-map-view';
import { agentChecks } from './agent-checks';
import { configChecks } from './config-checks';
import { connectionChecks } from './connection-checks';
import type { Check, DoctorContext } from './context';
import { definitionChecks } from './definition-checks';
import type { DoctorOptions } from './doctor-options';
import { kubevirtChecks } from './kubevirt-checks';
import { mapChecks } from './map-checks';
import { rightsChecks } from './rights-checks';
import { wakePath } from './wake-path';

const CHECKS: readonly Check[] = [kubevirtChecks, definitionChecks, rightsChecks, connectionChecks, configChecks, agentChecks, mapChecks];

export interface DoctorDependencies {
  readonly client: KubeClient;
  readonly operatorNamespace: string;
  readonly rules: readonly RbacRule[];
  readonly optionalRules: readonly RbacRule[];
  /** That the manager runs as; `undefined` = not known. */
  readonly serviceAccount?: string | undefined;
  readonly nowMs: number;
  /** Of those that the manager sees; empty = all. */
  readonly watchNamespaces?: readonly string[];
  /** What is said first. */
  readonly before?: readonly Finding[];
  /** What other modules look at, after the cluster was looked at for this one. */
  readonly further?: readonly ((view: ClusterView) => Promise<Finding[]>)[];
  print(line: string): void;
}

/** @returns exit code: 0 nothing failed, 1 something did. */
export async function runDoctor(options: DoctorOptions, dependencies: DoctorDependencies): Promise<number> {
  const { client, operatorNamespace, print, watchNamespaces = [], before = [], further = [], ...rest } = dependencies;
  const view = new ClusterView(client);
  const namespace = options.subject !== undefined && 'name' in options.subject ? options.subject.namespace : undefined;
  const seen = await wakeMapView(view, { operatorNamespace, namespace, watchNamespaces });
  const serviceAccount = options.serviceAccount ?? dependencies.serviceAccount;
  const context: DoctorContext = { ...rest, view, seen, namespace: operatorNamespace, serviceAccount };
  const findings = [...before, ...(await findingsOf(context, options))];
  if (options.subject === undefined) for (const look of further) findings.push(...(await look(view)));
  return printReport(findings, options.output, print);
}

async function findingsOf(context: DoctorContext, options: DoctorOptions): Promise<Finding[]> {
  const { subject } = options;
  if (subject !== undefined) return wakePath(context, { ...options, subject });
  return (await Promise.all(CHECKS.map((check) => check(context)))).flat();
}
