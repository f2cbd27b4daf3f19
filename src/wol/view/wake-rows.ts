/**
 * The wake map as rows: who is woken by what, and who by nothing. Pure.
 *
 * Owns: grouping channels with the same outcome. Never: decides an outcome, the map has.
 */
import { decideWake, type WakeDecision } from '../../kubevirt/wake-decision';
import { MISSING } from '../../kubevirt/wake-state';
import type { WakeTarget } from '../../kubevirt/wake-target';
import type { DiscoveryMode, EffectiveConfig } from '../manager/effective-config';
import { type Channel, type Claim, type Contest, channelsOf } from '../manager/wake-claim';
import type { WakeMap } from '../manager/wake-map';

export interface WakeRow {
  readonly mac: string;
  /** As `wakeTargetKey`. */
  readonly vm: string;
  /** `undefined`: an Explicit mapping names a machine that does not exist. */
  readonly target: WakeTarget | undefined;
  readonly channels: readonly Channel[];
  /** Oldest first, never empty: the first whose sources and password the packet satisfies acts. */
  readonly governing: readonly EffectiveConfig[];
  readonly precedence: DiscoveryMode;
  readonly source: 'declared' | 'learned' | 'explicit' | 'remote';
  /** Machines that claim the address as strongly and lost it. */
  readonly losers: readonly string[];
}

export interface UnwakeableRow {
  readonly vm: string;
  readonly config: string;
  readonly why: string;
}

/** Sorted by address, then by the first channel. */
export function wakeRows(map: WakeMap): WakeRow[] {
  const channels = new Map<string, Set<Channel>>();
  for (const { config, macs } of map.claims()) {
    for (const mac of macs) {
      const known = channels.get(mac) ?? new Set();
      channels.set(mac, known);
      for (const channel of channelsOf(config)) known.add(channel);
    }
  }
  return [...channels.keys()].sort().flatMap((mac) => rowsOf(map, mac, [...channels.get(mac)!].sort(byChannel)));
}

function rowsOf(map: WakeMap, mac: string, channels: readonly Channel[]): WakeRow[] {
  const rows = new Map<string, WakeRow & { channels: Channel[] }>();
  for (const channel of channels) {
    const contest = map.contest(mac, channel);
    if (contest === undefined) continue;
    const row = rowOf(mac, channel, contest);
    const id = JSON.stringify([row.vm, row.precedence, row.governing.map(({ name }) => name), row.losers]);
    const known = rows.get(id);
    if (known === undefined) rows.set(id, row);
    else known.channels.push(channel);
  }
  return [...rows.values()];
}

function rowOf(mac: string, channel: Channel, { winner, governing, losing, learned, mode }: Contest): WakeRow & { channels: Channel[] } {
  const isRemote = winner.target !== undefined && winner.target.cluster !== '';
  return {
    mac,
    vm: winner.key,
    target: winner.target,
    channels: [channel],
    governing: governing.map(({ config }) => config),
    precedence: mode,
    source: isRemote ? 'remote' : mode === 'Explicit' ? 'explicit' : learned ? 'learned' : 'declared',
    losers: [...new Set(losing.map(({ holder }) => holder.key))],
  };
}

/** What a packet that satisfies the first governing config would do. */
export function decisionNow({ target, governing: [acting] }: WakeRow): WakeDecision {
  return decideWake(target?.state() ?? MISSING, acting!);
}

/** Machines in the scope of a config that no address wakes, as `status.unwakeableVMs` counts them; sorted. */
export function unwakeableRows(map: WakeMap): UnwakeableRow[] {
  const rows = [...map.claims()].filter((claim) => !wakesAny(map, claim));
  return rows
    .map((claim) => ({ vm: claim.holder.key, config: claim.config.name, why: whyNot(map, claim) }))
    .sort((a, b) => byText(a.vm, b.vm) || byText(a.config, b.config));
}

function wakesAny(map: WakeMap, { holder, config, macs }: Claim): boolean {
  if (holder.target === undefined) return false;
  return macs.some((mac) => channelsOf(config).some((channel) => map.contest(mac, channel)?.winner === holder));
}

function whyNot(map: WakeMap, { holder, config, macs, learned }: Claim): string {
  if (holder.target === undefined) {
    const isForeign = map.watchNamespaces?.has(holder.key.split('/')[0] ?? '') === false;
    return isForeign ? 'is in a namespace that the manager does not watch (--watch-namespaces)' : 'the virtual machine does not exist';
  }
  if (macs.length === 0) return learned ? 'declares no usable MAC address, and none has been learned yet' : noMacText(config);
  return macs
    .map((mac) => {
      const contest = channelsOf(config)
        .map((channel) => map.contest(mac, channel))
        .find((found) => found !== undefined);
      return contest === undefined ? `${mac} is claimed no more` : `${mac} wakes ${lostTo(contest)}`;
    })
    .join('; ');
}

function noMacText({ mode }: EffectiveConfig): string {
  return mode === 'Explicit' ? 'its mappings name no usable MAC address' : 'declares no usable MAC address';
}

/** `ns/name (Explicit, WolConfig lab)`. */
export function lostTo({ winner, governing, mode }: Contest): string {
  return `${winner.key} (${mode}, WolConfig ${governing.map(({ config }) => config.name).join(', ')})`;
}

/** Ports by number, Ethernet last. */
function byChannel(a: Channel, b: Channel): number {
  if (a === b) return 0;
  if (a === 'ethernet') return 1;
  return b === 'ethernet' ? -1 : a - b;
}

function byText(a: string, b: string): number {
  return a < b ? -1 : Number(a > b);
}
