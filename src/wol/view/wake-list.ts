/**
 * `virt-steward wake --list`: the wake map, for people and for programs.
 *
 * Owns: columns and JSON fields, which scripts rely on. Pure.
 */
import type { WakeDecision } from '../../kubevirt/wake-decision';
import { currentStateOf } from '../../kubevirt/wake-state';
import type { WolConfig } from '../wol-config';
import { decisionNow, type UnwakeableRow, type WakeRow } from './wake-rows';

/** What `-o json` shows of one row. */
export interface ListedWake {
  readonly mac: string;
  readonly vm: string;
  readonly runStrategy: string;
  readonly state: string;
  readonly configs: readonly string[];
  /** UDP ports, and `ethernet`. */
  readonly ports: readonly (number | 'ethernet')[];
  readonly precedence: string;
  readonly source: string;
  /** Machines that lost the address to this one. */
  readonly losers: readonly string[];
  /** What a packet would do now, provided it meets `requires`; `row` is that of docs/reference/waking.md. */
  readonly packet: { readonly action: WakeDecision['kind']; readonly reason?: string; readonly row: number; readonly text: string };
  readonly requires: readonly string[];
}

export function listedWake(row: WakeRow, configs: ReadonlyMap<string, WolConfig>): ListedWake {
  const decision = decisionNow(row);
  const state = row.target?.state();
  return {
    mac: row.mac,
    vm: row.vm,
    runStrategy: state?.vm?.strategy ?? '',
    state: state === undefined ? 'Missing' : currentStateOf(state),
    configs: row.governing.map(({ name }) => name),
    ports: row.channels,
    precedence: row.precedence,
    source: row.source,
    losers: row.losers,
    packet: {
      action: decision.kind,
      ...(decision.kind === 'refuse' ? { reason: decision.reason } : {}),
      row: decision.row,
      text: decision.text,
    },
    requires: requirements(row, configs),
  };
}

/** What a packet must bring with it; none of them when some governing config asks for nothing. */
export function requirements({ governing }: Pick<WakeRow, 'governing'>, configs: ReadonlyMap<string, WolConfig>): string[] {
  if (governing.some(({ acceptsSource, passwordSecret }) => acceptsSource === undefined && passwordSecret === undefined)) return [];
  return governing.map(({ name, acceptsSource, passwordSecret }) => {
    const sources = acceptsSource === undefined ? [] : [`a sender in ${(configs.get(name)?.spec?.allowedSources ?? []).join(', ')}`];
    const password = passwordSecret === undefined ? [] : ['the SecureOn password'];
    return `${[...sources, ...password].join(' and ')} (WolConfig ${name})`;
  });
}

const HEADS = ['MAC', 'VM', 'RUN STRATEGY', 'STATE', 'CONFIGS', 'PORTS', 'PRECEDENCE', 'SOURCE', 'CONFLICT', 'A PACKET NOW'];

export function wakeTable(rows: readonly ListedWake[]): string[] {
  return table(
    HEADS,
    rows.map((row) => [
      row.mac,
      row.vm,
      row.runStrategy || '-',
      row.state,
      row.configs.join(','),
      row.ports.join(','),
      row.precedence,
      row.source,
      row.losers.length === 0 ? '-' : `beats ${row.losers.join(',')}`,
      packetText(row),
    ]),
  );
}

export function unwakeableTable(rows: readonly UnwakeableRow[]): string[] {
  return table(
    ['VM', 'CONFIG', 'WHY'],
    rows.map(({ vm, config, why }) => [vm, config, why]),
  );
}

const ACTIONS: Readonly<Record<WakeDecision['kind'], string>> = {
  start: 'starts it',
  unpause: 'unpauses it',
  'already-running': 'does nothing',
  'wait-for-stop': 'starts it after the stop',
  follow: 'does nothing',
  refuse: 'is refused',
};

function packetText({ packet: { action, reason, text }, requires }: ListedWake): string {
  const detail = action === 'refuse' ? ` (${reason})` : action === 'already-running' || action === 'follow' ? ` (${text})` : '';
  return `${ACTIONS[action]}${detail}${requires.length === 0 ? '' : `, given ${requires.join(', or ')}`}`;
}

/** As kubectl prints: three blanks between columns, nothing after the last. */
function table(heads: readonly string[], rows: readonly (readonly string[])[]): string[] {
  const widths = heads.map((head, column) => Math.max(head.length, ...rows.map((row) => row[column]?.length ?? 0)));
  return [heads, ...rows].map((row) =>
    row
      .map((cell, column) => cell.padEnd(widths[column] ?? 0))
      .join('   ')
      .trimEnd(),
  );
}
