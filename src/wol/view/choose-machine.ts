/**
 * Which packet wakes a machine, and which machine a packet wakes. Pure.
 *
 * Owns: the choice among several addresses and ports. Never: sends.
 */
import { wakeTargetKey } from '../../kubevirt/wake-target';
import type { MachineRequest } from '../sender/wake-request';
import type { WakeMapView } from './wake-map-view';
import { type WakeRow, wakeRows } from './wake-rows';

export type MachineChoice =
  | { readonly kind: 'chosen'; readonly row: WakeRow; readonly mac: string; readonly ports: readonly number[] }
  | { readonly kind: 'none'; readonly text: string };

const USUAL_PORT = 9;

/** The first address that the map gives the machine, on a port that is given or else on the usual one or the first there is. */
export function chooseMachine({ map }: Pick<WakeMapView, 'map'>, request: MachineRequest): MachineChoice {
  const { machine, isPortGiven, sending } = request;
  const what = 'mac' in machine ? machine.mac : wakeTargetKey({ cluster: '', ...machine });
  const rows = wakeRows(map).filter(({ mac, vm }) => ('mac' in machine ? mac === machine.mac : vm === what));
  const given = isPortGiven || 'mac' in machine ? sending.ports : undefined;
  for (const row of rows) {
    const ports = row.channels.filter((channel): channel is number => channel !== 'ethernet');
    const usable = given?.filter((port) => ports.includes(port)) ?? (ports.includes(USUAL_PORT) ? [USUAL_PORT] : ports.slice(0, 1));
    if (usable.length > 0) return { kind: 'chosen', row, mac: row.mac, ports: given ?? usable };
  }
  const where = given === undefined ? '' : ` on port ${given.join(', ')}`;
  return { kind: 'none', text: 'mac' in machine ? `no WolConfig wakes anything by ${what}${where}` : `no packet${where} wakes ${what}` };
}
