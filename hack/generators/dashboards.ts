/**
 * Makes the Grafana dashboards of the chart from `hack/dashboards/*.yaml`.
 *
 *     node build/hack/generators/dashboards.js            writes what differs
 *     node build/hack/generators/dashboards.js --check    writes nothing, exits 1 and shows the difference
 *
 * Owns: layout, variables and links. In a query `NS` stands for the namespace chosen in Grafana, and `last(...)` for one series of a
 * replica that is scraped twice. Invariant: a dashboard of a module is a file that is called like the module.
 */
import { readdirSync, readFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { parse } from 'yaml';
import { GENERATED_MARK, type GeneratedFiles } from './generated-files';
import { type Generator, main } from './generator-command';
import { jsonText } from './json-text';

const SOURCES = 'hack/dashboards';
const TARGET = 'charts/virt-steward/files/dashboards';
/** Of Grafana 10.4; later ones bring dashboards up to date themselves. */
const SCHEMA_VERSION = 39;
/** Grafana's grid is 24 wide. */
const GRID_WIDTH = 24;
const SIZES = { stat: { w: 4, h: 4 }, timeseries: { w: 8, h: 8 } } as const;
/** Replaced by templates/metrics/dashboards.yaml. */
const RUNBOOKS = 'RUNBOOKS';

interface Panel {
  readonly title: string;
  readonly description: string;
  /** @default timeseries */
  readonly type?: keyof typeof SIZES;
  /** As Grafana calls it. */
  readonly unit: string;
  readonly queries: readonly { readonly expr: string; readonly legend?: string }[];
}

interface Source {
  readonly title: string;
  readonly description: string;
  readonly rows: readonly { readonly title: string; readonly panels: readonly Panel[] }[];
}

export function dashboards(root: string): GeneratedFiles {
  const names = readdirSync(join(root, SOURCES)).filter((name) => name.endsWith('.yaml'));
  return new Map(
    names.sort().map((file) => {
      const source = `${SOURCES}/${file}`;
      const name = basename(file, '.yaml');
      const body = dashboard(name, parse(readFileSync(join(root, source), 'utf8')) as Source);
      return [`${TARGET}/${name}.json`, `${jsonText({ 'x-generated': `${GENERATED_MARK}${source}; DO NOT EDIT.`, ...body })}\n`];
    }),
  );
}

function dashboard(name: string, { title, description, rows }: Source): object {
  return {
    uid: `virt-steward-${name}`,
    title,
    description,
    tags: ['virt-steward'],
    schemaVersion: SCHEMA_VERSION,
    editable: true,
    graphTooltip: 1,
    refresh: '1m',
    time: { from: 'now-6h', to: 'now' },
    timezone: 'browser',
    links: [
      { title: 'Runbooks', type: 'link', url: RUNBOOKS, icon: 'doc', targetBlank: true },
      { title: 'virt-steward', type: 'dashboards', tags: ['virt-steward'], asDropdown: true, keepTime: true, includeVars: true },
    ],
    templating: { list: VARIABLES },
    panels: laidOut(rows),
  };
}

const VARIABLES = [
  { name: 'datasource', label: 'Data source', type: 'datasource', query: 'prometheus' },
  {
    name: 'namespace',
    label: 'Namespace',
    type: 'query',
    datasource: { type: 'prometheus', uid: '$datasource' },
    query: { query: 'label_values(steward_build_info, namespace)', refId: 'namespace' },
    refresh: 2,
    sort: 1,
  },
];

/** Panels from left to right, each row below the one before. */
function laidOut(rows: Source['rows']): object[] {
  let id = 0;
  let y = 0;
  return rows.flatMap(({ title, panels }) => {
    const heading = { id: ++id, type: 'row', title, collapsed: false, gridPos: { x: 0, y: y++, w: GRID_WIDTH, h: 1 }, panels: [] };
    let x = 0;
    let rowHeight = 0;
    const placed = panels.map((panel) => {
      const { w, h } = SIZES[panel.type ?? 'timeseries'];
      if (x + w > GRID_WIDTH) {
        x = 0;
        y += rowHeight;
        rowHeight = 0;
      }
      const at = { x, y, w, h };
      x += w;
      rowHeight = Math.max(rowHeight, h);
      return panelJson(++id, panel, at);
    });
    y += rowHeight;
    return [heading, ...placed];
  });
}

function panelJson(id: number, { title, description, type = 'timeseries', unit, queries }: Panel, gridPos: object): object {
  const datasource = { type: 'prometheus', uid: '$datasource' };
  const targets = queries.map(({ expr, legend }, index) => ({
    datasource,
    refId: String.fromCharCode('A'.charCodeAt(0) + index),
    expr: query(expr),
    legendFormat: legend ?? '__auto',
  }));
  const options = type === 'stat' ? { options: { textMode: 'auto', reduceOptions: { calcs: ['lastNotNull'] } } } : {};
  return {
    id,
    type,
    title,
    description,
    datasource,
    gridPos,
    fieldConfig: { defaults: { unit, min: 0 }, overrides: [] },
    ...options,
    targets,
  };
}

/** PromQL of a query in our notation. */
export function query(expr: string): string {
  return expr.replaceAll('{NS', '{namespace="$namespace"').replaceAll(/\blast\(/g, 'max without (job, service, endpoint) (');
}

export const DASHBOARDS: Generator = { folder: TARGET, source: `${SOURCES}/`, files: dashboards };

if (require.main === module) main(DASHBOARDS);
