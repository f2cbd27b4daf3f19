import { execFile } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { expect } from 'chai';
import { parse, stringify } from 'yaml';
import { promtool } from '../../../hack/tools/promtool';
import { documentedMetrics } from '../../harness/documented-metrics';
import { CHART, Helm, the } from '../../harness/helm';
import { NAMESPACE, ROOT } from '../../harness/steward-cluster';

interface Rule {
  alert: string;
  expr: string;
  labels: { severity: string };
  annotations: Record<string, string>;
}

/** Series in promtool's notation, one value a minute; NS stands for the label of the namespace. */
interface Case {
  readonly name: string;
  readonly series: Readonly<Record<string, string>>;
  /** Minute in which the alert fires, and not earlier. */
  readonly firesAt: number;
  /** Minute in which it no longer does. */
  readonly resolvedAt: number;
  /** Of the same series, when all is well. */
  readonly healthy: Readonly<Record<string, string>>;
}

const CASES: readonly Case[] = [
  {
    name: 'VirtStewardDown',
    series: { 'steward_build_info{NS}': '_x20 1x20' },
    firesAt: 5,
    resolvedAt: 22,
    healthy: { 'steward_build_info{NS}': '1x60' },
  },
  {
    name: 'VirtStewardNoLeader',
    series: { 'leader_election_master_status{NS,pod="a"}': '0x60', 'leader_election_master_status{NS,pod="b"}': '0x10 1x60' },
    firesAt: 3,
    resolvedAt: 12,
    healthy: { 'leader_election_master_status{NS,pod="a"}': '0x60', 'leader_election_master_status{NS,pod="b"}': '1x60' },
  },
  {
    name: 'VirtStewardInformerStalled',
    series: {
      'steward_informer_last_activity_timestamp_seconds{NS,kind="k"}': '0x30 1860x30',
      'steward_kind_available{NS,kind="k"}': '1x60',
    },
    firesAt: 16,
    resolvedAt: 32,
    healthy: { 'steward_informer_last_activity_timestamp_seconds{NS,kind="k"}': '0x60', 'steward_kind_available{NS,kind="k"}': '0x60' },
  },
  {
    name: 'VirtStewardReconcileErrors',
    series: {
      'controller_runtime_reconcile_errors_total{NS,controller="c"}': '0+10x30 300x40',
      'controller_runtime_reconcile_total{NS,controller="c"}': '0+20x70',
    },
    firesAt: 16,
    resolvedAt: 38,
    healthy: {
      'controller_runtime_reconcile_errors_total{NS,controller="c"}': '0+1x70',
      'controller_runtime_reconcile_total{NS,controller="c"}': '0+20x70',
    },
  },
  {
    name: 'VirtStewardQueueStuck',
    series: { 'workqueue_longest_running_processor_seconds{NS,name="q"}': '400x30 0x30' },
    firesAt: 10,
    resolvedAt: 32,
    healthy: { 'workqueue_longest_running_processor_seconds{NS,name="q"}': '300x60' },
  },
  {
    name: 'VirtStewardCertificateExpiring',
    series: { 'wol_grpc_certificate_expiry_seconds{NS,which="ca"}': '1000x90 9000000x30' },
    firesAt: 60,
    resolvedAt: 92,
    healthy: {
      'wol_grpc_certificate_expiry_seconds{NS,which="ca"}': '9000000x120',
      'steward_certificate_expiry_timestamp_seconds{NS}': '9000000x120',
    },
  },
  {
    name: 'VirtStewardAgentsMissing',
    series: {
      'kube_daemonset_status_number_ready{NS,daemonset="wol-agent-lab"}': '1x30 2x30',
      'kube_daemonset_status_desired_number_scheduled{NS,daemonset="wol-agent-lab"}': '2x60',
    },
    firesAt: 15,
    resolvedAt: 32,
    healthy: {
      'kube_daemonset_status_number_ready{NS,daemonset="other"}': '1x60',
      'kube_daemonset_status_desired_number_scheduled{NS,daemonset="other"}': '2x60',
    },
  },
  {
    name: 'VirtStewardAgentDisconnected',
    series: { 'wol_agent_connected{NS,node="n",pod="wol-agent-lab-x"}': '0x30 1x30' },
    firesAt: 10,
    resolvedAt: 32,
    healthy: { 'wol_agent_connected{NS,node="n",pod="wol-agent-lab-x"}': '1x5 0x5 1x50' },
  },
  {
    name: 'VirtStewardRemoteClusterDown',
    series: { 'steward_cluster_up{NS,cluster="east",pod="a"}': '0x30 1x30', 'steward_cluster_up{NS,cluster="local",pod="a"}': '0x60' },
    firesAt: 10,
    resolvedAt: 32,
    healthy: { 'steward_cluster_up{NS,cluster="east",pod="a"}': '1x60', 'steward_cluster_up{NS,cluster="local",pod="a"}': '0x60' },
  },
  {
    name: 'VirtStewardMachineStuck',
    series: {
      'steward_machines_not_ready_seconds_max{NS,cluster="east",pod="a"}': '301+60x40 0x30',
      'steward_machines_not_ready_seconds_max{NS,cluster="west",pod="a"}': '0x80',
    },
    firesAt: 30,
    resolvedAt: 42,
    // One Machine after the other is made, each in time.
    healthy: { 'steward_machines_not_ready_seconds_max{NS,cluster="east",pod="a"}': '0 60 120 180 240 299x60' },
  },
  {
    name: 'VirtStewardMachineDeletionStuck',
    series: {
      // It gets on by a step, and is no less stuck in the end.
      'steward_machines_deletion_seconds_max{NS,cluster="east",step="DeletingVirtualMachine",pod="a"}': '301+60x10 0x60',
      'steward_machines_deletion_seconds_max{NS,cluster="east",step="DeletingDisks",pod="a"}': '0x10 961+60x30 0x30',
    },
    firesAt: 30,
    resolvedAt: 43,
    healthy: { 'steward_machines_deletion_seconds_max{NS,cluster="east",step="DeletingDisks",pod="a"}': '0x5 240x60' },
  },
  {
    name: 'VirtStewardWakeFailing',
    series: { 'wol_errors_total{NS,config="lab",reason="r"}': '0+1x30 30x40' },
    firesAt: 11,
    resolvedAt: 42,
    healthy: { 'wol_errors_total{NS,config="lab",reason="r"}': '7x70' },
  },
  {
    name: 'VirtStewardMacConflict',
    series: { 'wol_mac_conflicts{NS,config="lab"}': '1x40 0x30' },
    firesAt: 30,
    resolvedAt: 42,
    healthy: { 'wol_mac_conflicts{NS,config="lab"}': '0x70' },
  },
  {
    name: 'VirtStewardPacketsDropped',
    series: { 'wol_rate_limited_total{NS,config="lab"}': '0+1x30 30x40' },
    firesAt: 11,
    resolvedAt: 42,
    healthy: { 'wol_rate_limited_total{NS,config="lab"}': '3x70', 'wol_agent_kernel_drops_reported{NS,config="lab"}': '3x70' },
  },
  {
    name: 'VirtPlatformSyncFailed',
    series: { 'kubevirt_autopilot_compliance_status{NS,kind="DaemonSet",name="d",exported_namespace="e"}': '0x30 1x30' },
    firesAt: 15,
    resolvedAt: 32,
    healthy: { 'kubevirt_autopilot_compliance_status{NS,kind="DaemonSet",name="d",exported_namespace="e"}': '1x60' },
  },
  {
    name: 'VirtPlatformThrashingDetected',
    series: { 'kubevirt_autopilot_paused_resources{NS,kind="DaemonSet",name="d",exported_namespace="e"}': '0x4 1x30 0x30' },
    firesAt: 5,
    resolvedAt: 37,
    healthy: { 'kubevirt_autopilot_paused_resources{NS,kind="DaemonSet",name="d",exported_namespace="e"}': '0x60' },
  },
  {
    name: 'VirtPlatformDependencyMissing',
    series: { 'kubevirt_autopilot_missing_dependency{NS,group="g",version="v1",kind="K"}': '1x30 0x30' },
    firesAt: 5,
    resolvedAt: 32,
    healthy: { 'kubevirt_autopilot_missing_dependency{NS,group="g",version="v1",kind="K"}': '0x60' },
  },
  {
    name: 'VirtPlatformTombstoneStuck',
    series: { 'kubevirt_autopilot_tombstone_status{NS,kind="DaemonSet",name="d",exported_namespace="e"}': '-2x40 0x30' },
    firesAt: 30,
    resolvedAt: 42,
    healthy: { 'kubevirt_autopilot_tombstone_status{NS,kind="DaemonSet",name="d",exported_namespace="e"}': '0x60' },
  },
  {
    name: 'VirtPlatformRolloutBlocked',
    series: { 'kubevirt_autopilot_rollout_pending{NS,kind="DaemonSet",name="d",exported_namespace="e",reason="PoolPaused"}': '1x400 _x30' },
    firesAt: 360,
    resolvedAt: 408,
    healthy: { 'kubevirt_autopilot_rollout_pending{NS,kind="DaemonSet",name="d",exported_namespace="e",reason="Manual"}': '1x400' },
  },
  {
    name: 'VirtPlatformContestedField',
    series: { 'kubevirt_autopilot_contested_resources{NS,kind="DaemonSet",name="d",exported_namespace="e"}': '1x40 0x30' },
    firesAt: 30,
    resolvedAt: 42,
    healthy: { 'kubevirt_autopilot_contested_resources{NS,kind="DaemonSet",name="d",exported_namespace="e"}': '0x60' },
  },
  {
    name: 'VirtPlatformOrphans',
    series: { 'kubevirt_autopilot_orphaned_resources{NS,kind="DaemonSet",name="d",exported_namespace="e"}': '1x1500 _x30' },
    firesAt: 1440,
    resolvedAt: 1508,
    healthy: { 'kubevirt_autopilot_orphaned_resources{NS,kind="DaemonSet",name="d",exported_namespace="e"}': '0x1500' },
  },
  {
    name: 'VirtPlatformDown',
    series: { 'kubevirt_autopilot_active{NS}': '_x30 1x30' },
    firesAt: 10,
    resolvedAt: 32,
    healthy: { 'kubevirt_autopilot_active{NS}': '0x60' },
  },
];

describe('alerts of the chart', () => {
  let helm: Helm;
  let tool: string;
  let folder: string;
  let rules: Rule[];

  before(async function () {
    this.timeout(0);
    folder = mkdtempSync(join(tmpdir(), 'alerts-'));
    tool = await promtool().catch((error: unknown) => {
      if (process.env['CI']) throw error;
      return this.skip();
    });
    helm = await Helm.find(4);
    const settings =
      '--set=missingApis=render,platform.enabled=true,machines.enabled=true,metrics.prometheusRule.enabled=true,metrics.prometheusRule.runbookBaseUrl=https://example.com/runbooks/';
    const { groups } = the(await helm.objects(settings), 'PrometheusRule')['spec'] as { groups: { rules: Rule[] }[] };
    rules = groups.flatMap((group) => group.rules);
    writeFileSync(join(folder, 'rules.yaml'), stringify({ groups }));
  });

  after(() => {
    helm?.remove();
    if (folder !== undefined) rmSync(folder, { recursive: true });
  });

  /** How many alerts of a name fire at each of some minutes. @throws what promtool says when it is otherwise. */
  function expectFiring(name: string, series: Case['series'], firing: Readonly<Record<number, number>>): Promise<void> {
    return expectCount(name, series, `ALERTS{alertname="${name}",alertstate="firing"}`, firing);
  }

  async function expectCount(name: string, series: Case['series'], query: string, counts: Readonly<Record<number, number>>): Promise<void> {
    const test = {
      rule_files: ['rules.yaml'],
      evaluation_interval: '1m',
      tests: [
        {
          interval: '1m',
          input_series: Object.entries(series).map(([key, values]) => ({ series: key.replace('NS', `namespace="${NAMESPACE}"`), values })),
          promql_expr_test: Object.entries(counts).map(([minute, count]) => ({
            expr: `count(${query}) or vector(0)`,
            eval_time: `${minute}m`,
            exp_samples: [{ labels: '{}', value: count }],
          })),
        },
      ],
    };
    const file = join(folder, `${name}.test.yaml`);
    writeFileSync(file, stringify(test));
    const { stdout } = await promisify(execFile)(tool, ['test', 'rules', file]).catch((error: { stdout: string; stderr: string }) => {
      throw new Error(`${name}: ${error.stdout}${error.stderr}`);
    });
    expect(stdout).to.contain('SUCCESS');
  }

  for (const { name, series, firesAt, resolvedAt, healthy } of CASES) {
    it(`${name} fires when its time is over, not before, and ends by itself`, async () => {
      await expectFiring(name, series, { [firesAt - 1]: 0, [firesAt]: 1, [resolvedAt]: 0 });
    });

    it(`${name} stays silent while all is well`, async () => {
      await expectFiring(name, healthy, { [firesAt]: 0, [firesAt + 10]: 0 });
    });
  }

  it('counts a manager that is scraped twice once', async () => {
    const errors = 'wol_errors_total{NS,config="lab",reason="r",pod="a"';
    const twice = { [`${errors},job="one"}`]: '0+1x40', [`${errors},job="two"}`]: '0+1x40' };

    const { expr } = rules.find(({ alert }) => alert === 'VirtStewardWakeFailing')!;

    // One error a minute is ten in ten minutes, not twenty.
    await expectCount('twice', twice, `(${expr}) < 11`, { 20: 1 });
  });

  it('fires for an object that two leaders in turn cannot correct, as if they were one', async () => {
    const object = 'kubevirt_autopilot_compliance_status{NS,kind="DaemonSet",name="d",exported_namespace="e"';
    const inTurn = { [`${object},pod="a",instance="a"}`]: '0x8 _x20', [`${object},pod="b",instance="b"}`]: '_x8 0x20' };

    await expectFiring('VirtPlatformSyncFailed', inTurn, { 14: 0, 15: 1, 20: 1 });
  });

  it('are tested here, all of them, and no others can be configured', () => {
    const names = rules.map(({ alert }) => alert).sort();
    const values = parse(readFileSync(join(CHART, 'values.yaml'), 'utf8')) as { metrics: { prometheusRule: { alerts: object } } };

    expect(CASES.map(({ name }) => name).sort()).to.deep.equal(names);
    expect(Object.keys(values.metrics.prometheusRule.alerts).sort()).to.deep.equal(names);
  });

  it('use metrics that managers and agents have, or those of kube-state-metrics', () => {
    const known = new Set(documentedMetrics().keys());
    const used = rules.flatMap(({ expr }) => [...expr.matchAll(/\b([a-z][a-z_]+)\{/g)].map(([, metric]) => metric!));

    expect(used).to.have.length.above(rules.length - 1);
    expect(used.filter((metric) => !metric.startsWith('kube_') && !known.has(metric))).to.deep.equal([]);
  });

  it('link their runbooks, which exist and are in the guide to monitoring', () => {
    const guide = readFileSync(join(ROOT, 'docs/operations/monitoring.md'), 'utf8');
    for (const { alert, annotations } of rules) {
      expect(annotations['runbook_url']).to.equal(`https://example.com/runbooks/${alert}.md`);
      expect(readFileSync(join(ROOT, 'docs/runbooks', `${alert}.md`), 'utf8')).to.contain(`# ${alert}`);
      expect(guide).to.contain(`| [${alert}](../runbooks/${alert}.md) |`);
    }
  });
});
