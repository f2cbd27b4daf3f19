import { execFile } from 'node:child_process';
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { expect } from 'chai';
import { stringify } from 'yaml';
import { query } from '../../../hack/generators/dashboards';
import { promtool } from '../../../hack/tools/promtool';
import { documentedMetrics } from '../../harness/documented-metrics';
import { CHART, Helm, the } from '../../harness/helm';
import { skipBecause } from '../../harness/skip-because';

interface Panel {
  id: number;
  type: string;
  title: string;
  description?: string;
  datasource?: unknown;
  gridPos: { x: number; y: number; w: number; h: number };
  fieldConfig?: { defaults: { unit?: string } };
  targets?: { expr: string; datasource: unknown }[];
}

interface Dashboard {
  uid: string;
  title: string;
  schemaVersion: number;
  time: unknown;
  links: { title: string; url?: string }[];
  templating: { list: { name: string; type: string }[] };
  panels: Panel[];
}

const FOLDER = join(CHART, 'files', 'dashboards');
const NAMES = readdirSync(FOLDER).map((file) => file.replace('.json', ''));
const boards = new Map(NAMES.map((name) => [name, JSON.parse(readFileSync(join(FOLDER, `${name}.json`), 'utf8')) as Dashboard]));
const CHOSEN = { type: 'prometheus', uid: '$datasource' };
/** Of Prometheus and its operator, and of prom-client's own metrics. */
const GENERAL_LABELS = ['namespace', 'pod', 'job', 'service', 'endpoint', 'le'];

const withoutRows = ({ panels }: Dashboard): Panel[] => panels.filter(({ type }) => type !== 'row');
const queriesOf = (board: Dashboard): string[] => withoutRows(board).flatMap(({ targets = [] }) => targets.map(({ expr }) => expr));
/** As Grafana sends them. */
const sent = (expr: string): string => expr.replaceAll('$namespace', 'one').replaceAll('$__rate_interval', '5m');

/** Words of PromQL that are neither a function, nor a keyword, nor a label. */
function metricsIn(expr: string): string[] {
  return [...expr.matchAll(/\b([a-z][a-z0-9_]+)\{/g)].map(([, name]) => name!);
}

function labelsIn(expr: string): string[] {
  const grouped = [...expr.matchAll(/\b(?:by|without) \(([^)]*)\)/g)].flatMap(([, names]) => names!.split(', '));
  return [...grouped, ...[...expr.matchAll(/[{,]([a-z_]+)=/g)].map(([, name]) => name!)];
}

describe('dashboards of the chart', () => {
  it('are there for the manager and for Wake-on-LAN', () => {
    expect(NAMES).to.include.members(['overview', 'wol']);
  });

  for (const [name, board] of boards) {
    describe(name, () => {
      it('has a fixed id, the range of six hours, and variables for the data source and the namespace', () => {
        expect(board).to.deep.include({ uid: `virt-steward-${name}`, schemaVersion: 39, time: { from: 'now-6h', to: 'now' } });
        expect(board.templating.list.map((variable) => `${variable.name}: ${variable.type}`)).to.deep.equal([
          'datasource: datasource',
          'namespace: query',
        ]);
      });

      it('has panels with ids and titles of their own, each with a description and a unit', () => {
        const panels = withoutRows(board);

        expect(new Set(board.panels.map(({ id }) => id)).size).to.equal(board.panels.length);
        expect(new Set(board.panels.map(({ title }) => title)).size).to.equal(board.panels.length);
        expect(panels.filter(({ description, fieldConfig }) => !description || !fieldConfig?.defaults.unit)).to.deep.equal([]);
      });

      it('has no panel above another one, and none beyond the grid', () => {
        const cells = board.panels.flatMap(({ gridPos: { x, y, w, h } }) =>
          Array.from({ length: w * h }, (_, index) => `${x + (index % w)},${y + Math.floor(index / w)}`),
        );

        expect(new Set(cells).size).to.equal(cells.length);
        expect(board.panels.filter(({ gridPos: { x, w } }) => x + w > 24)).to.deep.equal([]);
      });

      it('takes the data source and the namespace that were chosen, everywhere', () => {
        for (const { targets = [], datasource } of withoutRows(board)) {
          expect([datasource, ...targets.map((target) => target.datasource)]).to.deep.equal([CHOSEN, ...targets.map(() => CHOSEN)]);
        }
        for (const expr of queriesOf(board)) expect(expr.match(/namespace="\$namespace"/g)).to.have.lengthOf(metricsIn(expr).length);
      });

      it('uses metrics and labels that the manager and agents have', () => {
        const known = documentedMetrics();
        for (const expr of queriesOf(board)) {
          const metrics = metricsIn(expr).map((metric) => metric.replace(/_bucket$/, ''));
          const own = metrics.filter((metric) => !/^(process|nodejs)_/.test(metric));

          expect(metrics, expr).to.have.length.above(0);
          expect(
            own.filter((metric) => !known.has(metric)),
            expr,
          ).to.deep.equal([]);
          const labels = [...GENERAL_LABELS, ...own.flatMap((metric) => known.get(metric) ?? [])];
          expect(
            labelsIn(expr).filter((label) => !labels.includes(label)),
            expr,
          ).to.deep.equal([]);
        }
      });
    });
  }

  it('have queries that Prometheus can parse', async function () {
    const tool = await promtool().catch((error: unknown) => {
      if (process.env['CI']) throw error;
      return skipBecause(this, 'promtool is not to be had here');
    });
    const folder = mkdtempSync(join(tmpdir(), 'dashboards-'));
    try {
      const rules = [...boards.values()].flatMap(queriesOf).map((expr, index) => ({ record: `query:${index}`, expr: sent(expr) }));
      writeFileSync(join(folder, 'rules.yaml'), stringify({ groups: [{ name: 'queries', rules }] }));

      const { stdout } = await promisify(execFile)(tool, ['check', 'rules', join(folder, 'rules.yaml')]);

      expect(stdout).to.contain(`SUCCESS: ${rules.length} rules found`);
    } finally {
      rmSync(folder, { recursive: true });
    }
  });

  it('count a manager once that is scraped twice', () => {
    expect(query('sum(last(rate(a{NS}[5m])))')).to.equal('sum(max without (job, service, endpoint) (rate(a{namespace="$namespace"}[5m])))');
  });

  describe('in the rendered chart', () => {
    let helm: Helm;

    before(async function () {
      this.timeout(0);
      helm = await Helm.find(4);
    });

    after(() => helm?.remove());

    const rendered = async (values: string, kind: string): Promise<[string, unknown][]> =>
      (await helm.objects(`--set=metrics.dashboards.enabled=true,missingApis=render,${values}`))
        .filter((object) => object.kind === kind && object.metadata.name.includes('-dashboard-'))
        .map((object) => [object.metadata.name, object]);

    it('are those of the manager and of modules that are on', async () => {
      const names = async (values: string): Promise<string[]> => (await rendered(values, 'ConfigMap')).map(([name]) => name);

      expect(await names('wol.enabled=true')).to.deep.equal(['virt-steward-dashboard-overview', 'virt-steward-dashboard-wol']);
      expect(await names('wol.enabled=false,machines.enabled=true')).not.to.include('virt-steward-dashboard-wol');
    });

    it('link the runbooks where the values say they are', async () => {
      const link = async (values: string): Promise<string | undefined> => {
        const map = the(await helm.objects(`--set=metrics.dashboards.enabled=true,${values}`), 'ConfigMap', 'virt-steward-dashboard-wol');
        const board = JSON.parse((map['data'] as Record<string, string>)['virt-steward-wol.json']!) as Dashboard;
        return board.links.find(({ title }) => title === 'Runbooks')?.url;
      };

      expect(await link('metrics.prometheusRule.runbookBaseUrl=https://wiki.example.com/alerts')).to.equal(
        'https://wiki.example.com/alerts',
      );
      expect(await link('wol.enabled=true')).to.match(/^https:\/\/.*\/docs\/runbooks$/);
    });

    it('are objects of the Grafana Operator when it is to have them', async () => {
      const [[, dashboard] = []] = await rendered(
        'metrics.dashboards.mode=grafanaOperator,metrics.dashboards.instanceSelector.matchLabels.grafana=main',
        'GrafanaDashboard',
      );
      const { spec } = dashboard as { spec: { instanceSelector: unknown; json: string } };

      expect(spec.instanceSelector).to.deep.equal({ matchLabels: { grafana: 'main' } });
      expect(JSON.parse(spec.json)).to.include({ uid: 'virt-steward-overview' });
    });
  });
});
