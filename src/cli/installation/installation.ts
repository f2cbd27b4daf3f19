/**
 * An installation as its Deployment states it: with which flags managers run, and which pods there are.
 *
 * Owns: reading flags and variables off a container. Never: judges.
 */
import {
  type Deployment,
  Deployment as DeploymentKind,
  type Environment,
  type FlagDefinition,
  type FlagValues,
  Pod,
  Settings,
} from '../../framework';
import type { ClusterView } from '../../kubevirt/diagnosis/cluster-view';
import type { Reading } from '../../kubevirt/diagnosis/reading';
import { WOL_FLAGS, WOL_VARIABLES } from '../../wol/settings';
import { MANAGER_FLAGS } from '../manager-flags';

const DEFINITIONS = [...MANAGER_FLAGS, ...WOL_FLAGS, ...WOL_VARIABLES] as const;
export type InstalledSettings = Settings<(typeof DEFINITIONS)[number]['key']>;

export interface Installation {
  readonly deployment: Deployment;
  readonly settings: InstalledSettings;
  /** Pods of the Deployment that are not being deleted. */
  readonly pods: readonly Pod[];
  /** Those of them that are Ready. */
  readonly readyPods: readonly Pod[];
}

interface Container {
  readonly name: string;
  readonly args?: readonly string[];
  readonly env?: readonly { readonly name: string; readonly value?: string }[];
}

/** What is not read, and why, when one of the parts cannot be. */
export async function readInstallation(view: ClusterView, name: string, namespace: string): Promise<Reading<Installation>> {
  const deployment = await view.get(DeploymentKind, name, namespace);
  if (deployment.kind !== 'read') return deployment;
  const pods = await view.list(Pod, { namespace, labels: selectorOf(deployment.value) });
  if (pods.kind !== 'read') return pods;
  const staying = pods.value.filter(({ metadata }) => metadata?.deletionTimestamp === undefined);
  return {
    kind: 'read',
    value: { deployment: deployment.value, settings: settingsOf(deployment.value), pods: staying, readyPods: staying.filter(isReady) },
  };
}

/** Variables that come from elsewhere than the Deployment have their defaults. */
export function settingsOf({ spec }: Deployment): InstalledSettings {
  const template = spec?.['template'] as { spec?: { containers?: readonly Container[] } } | undefined;
  const containers = template?.spec?.containers ?? [];
  const { args = [], env = [] } = containers.find(({ name }) => name === 'manager') ?? containers[0] ?? { name: '' };
  const variables: Environment = Object.fromEntries(env.map(({ name, value }) => [name, value]));
  return new Settings(DEFINITIONS, flagsIn(args), variables);
}

/** `--flag=value`, `--flag value`, and the bare flag of a switch; the last one counts, unless a flag is repeatable. */
function flagsIn(args: readonly string[]): FlagValues {
  const flags: Record<string, string | true> = {};
  for (const [index, arg] of args.entries()) {
    const [, flag, value] = /^(--[^=]+)(?:=([\s\S]*))?$/.exec(arg) ?? [];
    const definition: FlagDefinition | undefined = DEFINITIONS.find((candidate) => candidate.flag === flag);
    if (definition === undefined) continue;
    const next = args[index + 1];
    const given = value ?? (definition.isSwitch === true && next !== 'true' && next !== 'false' ? true : (next ?? ''));
    const before = flags[definition.key];
    flags[definition.key] = definition.isRepeatable === true && before !== undefined ? `${before},${given}` : given;
  }
  return flags;
}

function selectorOf({ spec }: Deployment): string {
  const { matchLabels = {} } = (spec?.['selector'] ?? {}) as { matchLabels?: Readonly<Record<string, string>> };
  return Object.entries(matchLabels)
    .map(([key, value]) => `${key}=${value}`)
    .join(',');
}

function isReady({ status }: Pod): boolean {
  return status?.conditions?.some(({ type, status: is }) => type === 'Ready' && is === 'True') === true;
}

/** Replicas that the Deployment asks for. */
export function wantedReplicas({ spec }: Deployment): number {
  return Number(spec?.['replicas'] ?? 1);
}
