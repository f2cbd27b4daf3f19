/**
 * Gives each config a health port of its own, because agents share their nodes' network. Pure.
 *
 * Owns: the choice. Invariant: a port that is recorded in a DaemonSet moves only when an older config takes the same one, so that
 * probes and dashboards stay valid; every replica gets the same answer from the same objects.
 */
import type { DaemonSet } from '../../framework';
import type { WolConfig } from '../wol-config';
import { HEALTH_PORT_ANNOTATION, nameOf } from './agent-names';

export const HEALTH_PORTS = { first: 8080, last: 8179 } as const;

/** One config that has, or is to get, a DaemonSet. */
export interface PortClaim {
  readonly config: WolConfig;
  /** The port it asks for; `undefined` = any. */
  readonly given: number | undefined;
  /** The port its DaemonSet has; `undefined` without one. */
  readonly recorded: number | undefined;
}

/** @returns ports by config name; a config without one found none free. */
export function assignHealthPorts(claims: readonly PortClaim[]): ReadonlyMap<string, number> {
  const assigned = new Map<string, number>();
  const byOlder = new Set<number>();
  for (const claim of [...claims].sort(byAge)) {
    const others = claims.filter((other) => other !== claim).map(wish);
    const port = claim.given ?? kept(claim, byOlder) ?? lowestFree(new Set([...byOlder, ...others]));
    if (port === undefined) continue;
    assigned.set(nameOf(claim.config), port);
    byOlder.add(port);
  }
  return assigned;
}

/** The port that a DaemonSet of ours, or of an older operator, serves health on. */
export function recordedHealthPort({ metadata, spec }: DaemonSet): number | undefined {
  const annotation = metadata?.annotations?.[HEALTH_PORT_ANNOTATION];
  const port = annotation === undefined ? probePort(spec) : Number(annotation);
  return Number.isInteger(port) && port! >= 1 && port! <= 65_535 ? port : undefined;
}

function kept({ recorded }: PortClaim, byOlder: ReadonlySet<number>): number | undefined {
  return recorded === undefined || byOlder.has(recorded) ? undefined : recorded;
}

function wish({ given, recorded }: PortClaim): number | undefined {
  return given ?? recorded;
}

function lowestFree(taken: ReadonlySet<number | undefined>): number | undefined {
  for (let port: number = HEALTH_PORTS.first; port <= HEALTH_PORTS.last; port++) if (!taken.has(port)) return port;
  return undefined;
}

function byAge({ config: a }: PortClaim, { config: b }: PortClaim): number {
  const [createdA, createdB] = [a, b].map(({ metadata }) => Date.parse(metadata?.creationTimestamp ?? '') || 0) as [number, number];
  return createdA - createdB || ((a.metadata?.uid ?? '') < (b.metadata?.uid ?? '') ? -1 : 1);
}

interface PodSpec {
  readonly containers?: readonly { readonly livenessProbe?: { readonly httpGet?: { readonly port?: unknown } } }[];
}

function probePort(spec: DaemonSet['spec']): number | undefined {
  const { containers = [] } = (spec?.['template'] as { spec?: PodSpec } | undefined)?.spec ?? {};
  const ports = containers.map(({ livenessProbe }) => livenessProbe?.httpGet?.port);
  return ports.find((port): port is number => typeof port === 'number');
}
