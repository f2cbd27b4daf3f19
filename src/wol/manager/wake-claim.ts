/**
 * Who claims a MAC address, and which of several claims holds.
 *
 * Owns: the rules of precedence and conflict as pure functions of the claims. Never: stores or indexes anything.
 * Invariant: the order of claims is total and depends on the objects alone, so every replica and every restart agrees.
 */
import type { WakeTarget } from '../../kubevirt/wake-target';
import { DISCOVERY_MODES, type DiscoveryMode, type EffectiveConfig } from './effective-config';

/** A UDP destination port, 0 for an agent that does not tell it, or a raw Ethernet frame. */
export type Channel = number | 'ethernet';
/** Agents of the older operator do not send the port: every config counts then. */
export const ANY_PORT = 0;

/** A virtual machine that claims are about, or the name of one that does not exist. */
export interface Holder {
  /** As `wakeTargetKey`. */
  readonly key: string;
  /** `undefined` when an Explicit mapping names a virtual machine that does not exist. */
  target: WakeTarget | undefined;
}

/** One config's word that these addresses belong to this holder. */
export interface Claim {
  readonly config: EffectiveConfig;
  readonly holder: Holder;
  /** May be empty: the virtual machine is in scope and has no usable address. */
  readonly macs: readonly string[];
  /** The addresses were seen at run time, not declared. */
  readonly learned: boolean;
  /** Withdrawn; must be treated as absent. */
  readonly dropped: boolean;
}

export interface Contest<C extends Claim = Claim> {
  readonly winner: Holder;
  readonly learned: boolean;
  /** Claims for the winner at the winning precedence: these configs' policies apply. */
  readonly governing: readonly C[];
  /** Claims for other holders at the winning precedence, strongest first. */
  readonly losing: readonly C[];
  readonly mode: DiscoveryMode;
}

/** Ports of a config, and its Ethernet channel. */
export function channelsOf({ ports, rawEthernet }: EffectiveConfig): readonly Channel[] {
  return rawEthernet ? [...ports, 'ethernet'] : ports;
}

function listensOn({ ports, rawEthernet }: EffectiveConfig, channel: Channel): boolean {
  if (channel === 'ethernet') return rawEthernet;
  return channel === ANY_PORT || ports.includes(channel);
}

/** Decides who gets one address on one channel; `undefined` when nobody claims it there. */
export function decideContest<C extends Claim>(claims: readonly C[], channel: Channel): Contest<C> | undefined {
  let precedence: number = DISCOVERY_MODES.length;
  let strongest: C | undefined;
  for (const claim of claims) {
    if (claim.dropped || claim.config.precedence > precedence || !listensOn(claim.config, channel)) continue;
    if (claim.config.precedence < precedence || strongest === undefined || compareClaims(claim, strongest) < 0) strongest = claim;
    precedence = claim.config.precedence;
  }
  if (strongest === undefined) return undefined;
  const { holder: winner, learned } = strongest;
  const equals = claims.filter((claim) => !claim.dropped && claim.config.precedence === precedence && listensOn(claim.config, channel));
  return {
    winner,
    learned,
    governing: equals.filter(({ holder }) => holder === winner).sort((a, b) => compareConfigs(a.config, b.config)),
    losing: equals.filter(({ holder }) => holder !== winner).sort(compareClaims),
    mode: strongest.config.mode,
  };
}

/** Oldest first, then by name. */
export function compareConfigs(a: EffectiveConfig, b: EffectiveConfig): number {
  return a.createdAt - b.createdAt || compareText(a.name, b.name);
}

/**
 * The stronger claim first: an existing virtual machine before a missing one, declared before learned, this cluster before
 * a remote one, the older, the smaller UID.
 */
function compareClaims(a: Claim, b: Claim): number {
  if (a.holder === b.holder) return 0;
  const { target: left } = a.holder;
  const { target: right } = b.holder;
  if (left === undefined || right === undefined) {
    return Number(left === undefined) - Number(right === undefined) || compareText(a.holder.key, b.holder.key);
  }
  return (
    Number(a.learned) - Number(b.learned) ||
    Number(left.cluster !== '') - Number(right.cluster !== '') ||
    left.createdAt - right.createdAt ||
    compareText(left.uid, right.uid) ||
    compareText(a.holder.key, b.holder.key)
  );
}

function compareText(a: string, b: string): number {
  return a < b ? -1 : Number(a > b);
}
