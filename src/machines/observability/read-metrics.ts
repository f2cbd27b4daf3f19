/**
 * Metrics whose values are asked for at the time of the scrape.
 *
 * Invariant: series of what is gone are gone at the next scrape.
 */
import { Counter, Gauge } from 'prom-client';
import type { MetricsRegistry } from '../../framework';

export type SetValue = (labels: Record<string, string>, value: number) => void;

/** @param combine of values with equal labels, as those of clusters that share one have. @default the greater one */
export function gauge(
  registry: MetricsRegistry,
  name: string,
  help: string,
  labelNames: string[],
  read: (set: SetValue) => void,
  combine: (a: number, b: number) => number = Math.max,
): void {
  new Gauge({
    ...{ name, help, labelNames, registers: [registry] },
    collect() {
      this.reset();
      const values = new Map<string, { labels: Record<string, string>; value: number }>();
      read((labels, value) => {
        const id = JSON.stringify(labels);
        const before = values.get(id);
        values.set(id, { labels, value: before === undefined ? value : combine(before.value, value) });
      });
      for (const { labels, value } of values.values()) this.set(labels, value);
    },
  });
}

export function counter(registry: MetricsRegistry, name: string, help: string, read: () => number): void {
  new Counter({
    ...{ name, help, registers: [registry] },
    collect() {
      this.reset();
      this.inc(read());
    },
  });
}
