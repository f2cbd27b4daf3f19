/** The metrics of the reference pages, which other tests compare with the registries. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { ROOT } from './steward-cluster';

const PAGES = ['docs/reference/metrics.md', 'docs/reference/agent.md'];
/** All metrics of agents carry it; see the page. */
const AGENT_LABELS = ['node'];

/** Labels by name; in a row of several metrics they are those of all of them. */
export function documentedMetrics(): Map<string, readonly string[]> {
  const metrics = new Map<string, readonly string[]>();
  for (const page of PAGES) {
    for (const line of readFileSync(join(ROOT, page), 'utf8').split('\n')) {
      const [, names = '', type = '', labels = ''] = line.split('|');
      if (!/gauge|counter|histogram/.test(type)) continue;
      for (const [, name = ''] of names.matchAll(/`([a-z][a-z0-9_]+)`/g)) {
        const own = [...labels.matchAll(/`([a-z_]+)`/g)].map(([, label]) => label!);
        metrics.set(name, name.startsWith('wol_agent_') ? [...own, ...AGENT_LABELS] : own);
      }
    }
  }
  return metrics;
}
