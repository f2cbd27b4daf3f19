/**
 * Keeps `status.agentProblems` of WolConfigs, under one field manager a node, from whichever replica an agent reports to.
 *
 * Owns: how often it is written: when something differs from what is stored, at most once in 10 s for one node of a config, and at most
 * 60 times in 10 s in all; an agent repeats its report every minute. Never: believes who sends a report, the caller has checked that.
 * Invariant: memory is bounded whatever is reported; a full list takes no further node.
 */
import { CLOCK, type Clock, Cluster, inject, KubeClient, LOGGER, type Logger, singleton, timestampMs, timestampOf } from '../../framework';
import { type AgentReport, problemFieldManager, problemOf, sameProblem } from '../deployment/agent-problem';
import { isPortProblem } from '../deployment/port-conflict';
import { WolConfig } from '../wol-config';

/** The list of a status has room for no more. */
const MAX_LISTED = 20;
const INTERVAL_MS = 10_000;
/** In compatibility mode anybody can pretend to be any number of nodes. */
const MAX_WRITES_PER_INTERVAL = 60;
/**
 * A pod that lost its port counts as ready until its probe has failed three times in 10 s each; only after that does "all are ready"
 * say something about a problem.
 */
const SETTLING_MS = 60_000;

type Problems = NonNullable<NonNullable<WolConfig['status']>['agentProblems']>;

@singleton()
export class AgentProblems {
  /** Monotonic time of the writes of the last ten seconds, by config and node, the oldest first. */
  private readonly writes = new Map<string, number>();

  constructor(
    private readonly client: KubeClient,
    private readonly cluster: Cluster,
    @inject(CLOCK) private readonly clock: Clock,
    @inject(LOGGER) private readonly logger: Logger,
  ) {}

  /** Takes the report of an agent whose identity was checked. Never rejects: the agent will report again. */
  async report(report: AgentReport): Promise<void> {
    const config = this.cluster.store(WolConfig).get(report.configName);
    if (config === undefined || config.metadata?.deletionTimestamp !== undefined) return;
    const listed = config.status?.agentProblems ?? [];
    const stored = listed.find(({ node }) => node === report.nodeName);
    const problem = problemOf(report, config.status?.agentStatus?.healthPort);
    if (sameProblem(problem, stored) || (stored === undefined && listed.length >= MAX_LISTED)) return;
    if (!this.mayWrite(report)) return;
    const since = stored?.since !== undefined && stored.reason === problem?.reason ? stored.since : timestampOf(this.clock.now());
    try {
      await this.write(this.client, config, report.nodeName, problem === undefined ? [] : [{ ...problem, since }]);
    } catch (error) {
      this.logger.warn('problem of an agent could not be written', { config: report.configName, node: report.nodeName, error });
    }
  }

  /**
   * Removes what readiness has disproved: every desired pod has its ports. For the leader.
   *
   * Frames that cannot be received leave an agent ready, so that its own word counts, as long as frames are asked for.
   * @returns what stays, and milliseconds until there may be more to remove; `undefined` = nothing is left to wait for.
   */
  async clearDisproved(client: KubeClient, config: WolConfig): Promise<{ problems: Problems; waitMs: number | undefined }> {
    const listed = config.status?.agentProblems ?? [];
    const isRaw = config.spec?.agent?.rawEthernet === true;
    const problems: Problems = [];
    let waitMs: number | undefined;
    for (const problem of listed) {
      const isDisproved = isPortProblem(problem) || !isRaw;
      const leftMs = (timestampMs(problem.since) ?? 0) + SETTLING_MS - this.clock.now();
      if (isDisproved && leftMs <= 0) {
        await this.write(client, config, problem.node, []);
        continue;
      }
      problems.push(problem);
      if (isDisproved) waitMs = Math.min(waitMs ?? leftMs, leftMs);
    }
    return { problems, waitMs };
  }

  private async write(client: KubeClient, config: WolConfig, node: string, agentProblems: Problems): Promise<void> {
    const { name, uid } = config.metadata ?? {};
    const body = {
      metadata: { ...(name === undefined ? {} : { name }), ...(uid === undefined ? {} : { uid }) },
      status: { agentProblems },
    };
    await client.apply(WolConfig, body, { subresource: 'status', fieldManager: problemFieldManager(node), force: true, live: config });
  }

  private mayWrite({ configName, nodeName }: AgentReport): boolean {
    const key = `${configName} ${nodeName}`;
    const nowMs = this.clock.monotonicMs();
    for (const [old, atMs] of this.writes) {
      if (nowMs - atMs < INTERVAL_MS) break;
      this.writes.delete(old);
    }
    if (this.writes.has(key) || this.writes.size >= MAX_WRITES_PER_INTERVAL) return false;
    this.writes.set(key, nowMs);
    return true;
  }
}
