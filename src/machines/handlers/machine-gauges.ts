/**
 * Metrics of Machines that are read at the time of the scrape.
 *
 * Owns: names and labels. Never: a label that names a Machine; counts anything itself.
 */
import type { MetricsRegistry } from '../../framework';
import type { Figure, MachineFigures } from '../observability/machine-figures';
import { counter, gauge } from '../observability/read-metrics';

export interface MachineReadings {
  figures(): MachineFigures;
  /** Since the start. */
  macCollisions(): number;
}

export function exposeMachineFigures(registry: MetricsRegistry, readings: MachineReadings): void {
  const show = <L extends string>(name: string, help: string, labels: L[], pick: (all: MachineFigures) => readonly Figure<L>[]): void =>
    gauge(registry, name, help, labels, (set) => {
      for (const { labels: of, value } of pick(readings.figures())) set(of, value);
    });
  show('steward_machines_objects', 'Machines by phase.', ['cluster', 'phase'], ({ objects }) => objects);
  show(
    'steward_machines_not_ready_seconds_max',
    'How long that Machine is not ready that is so for the longest; those that rest, because they were stopped, and those being deleted count for nothing.',
    ['cluster'],
    ({ notReady }) => notReady,
  );
  show(
    'steward_machines_deletion_seconds_max',
    'How long that Machine is being deleted that is so for the longest, by the step that it has reached.',
    ['cluster', 'step'],
    ({ deletion }) => deletion,
  );
  counter(registry, 'steward_machines_mac_collisions_total', 'MAC addresses that were drawn and in use already.', readings.macCollisions);
}
