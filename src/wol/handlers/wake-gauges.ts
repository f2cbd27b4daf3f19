/**
 * Metrics that are read from the wake map and the waker at the time of the scrape.
 *
 * Owns: names and labels. Never: counts anything itself.
 */
import { Counter, Gauge } from 'prom-client';
import type { MetricsRegistry } from '../../framework';

/** What is read; each a look into memory. */
export interface WakeFigures {
  isReady(): boolean;
  size(): { readonly macs: number; readonly vms: number };
  repairs(): number;
  wakes(): { readonly inFlight: number; readonly remembered: number; readonly evictions: number };
  /** Wakes that wait for a rate token, by config. */
  waiting(): Iterable<readonly [config: string, wakes: number]>;
  learned(): { readonly vms: number; readonly rejected: number };
}

export function exposeWakeFigures(registry: MetricsRegistry, figures: WakeFigures): void {
  const gauge = (name: string, help: string, read: () => number): void => {
    new Gauge({
      ...{ name, help, registers: [registry] },
      collect() {
        this.set(read());
      },
    });
  };
  const counter = (name: string, help: string, read: () => number): void => {
    new Counter({
      ...{ name, help, registers: [registry] },
      collect() {
        this.reset();
        this.inc(read());
      },
    });
  };
  gauge('wol_map_ready', 'Whether packets are answered: the wake map is complete.', () => Number(figures.isReady()));
  gauge('wol_map_macs', 'Distinct addresses in the wake map.', () => figures.size().macs);
  gauge('wol_map_vms', 'Distinct virtual machines that the wake map knows.', () => figures.size().vms);
  counter('wol_map_repairs_total', 'Differences that a re-verification of the wake map found; any increase is a bug.', figures.repairs);
  gauge('wol_inflight_wakes', 'Wakes that are being worked on.', () => figures.wakes().inFlight);
  gauge('wol_dedup_entries', 'Successful wakes that answer repetitions.', () => figures.wakes().remembered);
  counter('wol_dedup_evictions_total', 'Successful wakes that were forgotten early, at the cap.', () => figures.wakes().evictions);
  gauge('wol_learned_macs', 'Virtual machines whose addresses were learned at run time.', () => figures.learned().vms);
  counter('wol_learned_macs_rejected_total', 'Learned addresses not kept, at the cap.', () => figures.learned().rejected);
  new Gauge({
    name: 'wol_waiting_wakes',
    help: 'Wakes that wait for a rate token.',
    labelNames: ['config'],
    registers: [registry],
    collect() {
      this.reset();
      for (const [config, wakes] of figures.waiting()) this.set({ config }, wakes);
    },
  });
}
