/** Reads what a process says of itself in Prometheus' text format. Owns: the format, as far as our own metrics use it. */
import type { Bucket } from './statistics';

const SAMPLE = /^(\w+)(?:\{(.*)\})? (\S+)$/;

export class Scrape {
  private readonly samples: { name: string; labels: ReadonlyMap<string, string>; value: number }[] = [];

  constructor(text: string) {
    for (const line of text.split('\n')) {
      const [, name, labels = '', value] = SAMPLE.exec(line) ?? [];
      if (name !== undefined) this.samples.push({ name, labels: labelsOf(labels), value: Number(value) });
    }
  }

  /** Over all series of the metric that carry these labels; 0 when there are none. */
  sum(name: string, wanted: Readonly<Record<string, string>> = {}): number {
    const matches = this.samples.filter(
      (sample) => sample.name === name && Object.entries(wanted).every(([label, value]) => sample.labels.get(label) === value),
    );
    return matches.reduce((total, { value }) => total + value, 0);
  }

  /** Buckets of a histogram, added up over its series, in ascending order; only what came `since` an earlier scrape. */
  buckets(name: string, since?: Scrape): Bucket[] {
    const counts = this.counts(name);
    for (const [bound, count] of since?.counts(name) ?? []) counts.set(bound, (counts.get(bound) ?? 0) - count);
    return [...counts].map(([upTo, count]) => ({ upTo, count })).sort((a, b) => a.upTo - b.upTo);
  }

  private counts(name: string): Map<number, number> {
    const counts = new Map<number, number>();
    for (const { labels, value } of this.samples.filter((sample) => sample.name === `${name}_bucket`)) {
      const bound = labels.get('le') === '+Inf' ? Number.POSITIVE_INFINITY : Number(labels.get('le'));
      counts.set(bound, (counts.get(bound) ?? 0) + value);
    }
    return counts;
  }
}

function labelsOf(text: string): Map<string, string> {
  return new Map([...text.matchAll(/(\w+)="((?:[^"\\]|\\.)*)"/g)].map(([, label, value]) => [label!, value!]));
}
