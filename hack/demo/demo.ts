/**
 * The demo, step by step.
 *
 * Owns: the order of the steps, and everything that was started. Never: decides how the process ends.
 * Invariant: after `takeDown` nothing of what was started is left, which it looks after itself.
 */
import { existsSync } from 'node:fs';
import { setTimeout as pause } from 'node:timers/promises';
import type { WolConfigSpec, WolConfigStatus } from '../../src/api/wol/v1beta1';
import { AgentIdentities } from '../../test/harness/agent-identities';
import type { TestProcess } from '../../test/harness/child-process';
import { poll } from '../../test/harness/poll';
import { NAMESPACE, SERVICE_ACCOUNT, StewardCluster, type TestObject } from '../../test/harness/steward-cluster';
import { type AgentProcess, launchAgent, type ManagerProcess, startManager, untilConnected } from '../../test/harness/steward-processes';
import { hints } from './hints';
import type { Interruption } from './interruption';
import { MachineStates, nameOf, type Transition } from './machine-states';
import type { Narration } from './narration';
import type { DemoOptions } from './options';
import { SAMPLE_WAKES, SELF_STARTING, sampleObjects } from './sample-objects';
import { type SummaryRow, summaryTable } from './summary';
import { type Measurement, measureWake, sendPacket } from './wake';

/** Slow enough for a person to see the state Starting. */
const TIMINGS = { schedulingMs: 300, scheduledMs: 400 };
const NODE = 'demo-node';
const WATCH_INTERVAL_MS = 100;
const LOG_TAIL_LINES = 15;

type ObservedConfig = TestObject & { spec: WolConfigSpec; status?: WolConfigStatus };

export class Demo {
  static readonly STEPS = 7;

  private cluster: StewardCluster | undefined;
  private manager: ManagerProcess | undefined;
  private agent: AgentProcess | undefined;

  constructor(
    private readonly options: DemoOptions,
    private readonly narration: Narration,
    private readonly interruption: Interruption,
  ) {}

  /** Resolves when everything has been shown; with `--wait` never, but for a signal. @throws {Error} when a step fails or there was a signal. */
  async show(): Promise<void> {
    this.narration.block('virt-steward: a network packet starts a virtual machine\n');
    const cluster = await this.startCluster();
    const manager = await this.startManager(cluster);
    const udpPort = await this.startAgent(cluster, manager);
    const states = new MachineStates(
      cluster.api,
      (transition) => this.tell(transition),
      () => this.check(),
    );
    await this.createObjects(cluster, states, udpPort);
    const rows = await this.wakeAll(cluster, manager, states, udpPort);
    this.narration.block(`\n${summaryTable(rows)}\n`);
    if (this.options.wait) await this.wait(cluster, manager, states, udpPort);
  }

  /** The last lines that manager and agent have logged, for a failure. */
  logTails(): string {
    return this.processes()
      .map(({ name, pid, log }) => `\n\nthe last lines of ${name} (process ${pid}):\n${lastLines(log)}`)
      .join('');
  }

  /** May be called in any state. @throws {Error} when something is left. */
  async takeDown(): Promise<void> {
    this.narration.last(`${this.interruption.name === undefined ? '' : `${this.interruption.name}: `}taking everything down`);
    const [processes, controlPlane] = [this.processes(), this.cluster?.controlPlane];
    const pids = [...processes.map(({ pid }) => pid), ...(controlPlane?.pids.values() ?? [])];
    await this.agent?.process.stop();
    await this.manager?.process.stop();
    await this.cluster?.stop();
    const left = pids.filter(isRunning);
    if (left.length > 0) throw new Error(`processes that are left: ${left.join(', ')}`);
    if (controlPlane !== undefined && existsSync(controlPlane.directory)) throw new Error(`files that are left: ${controlPlane.directory}`);
    this.narration.note(
      pids.length === 0 ? 'nothing is left' : `nothing is left: ${pids.length} processes have ended, their files are gone`,
    );
  }

  /** @throws {Error} instead, once there was a signal. */
  private step(title: string): void {
    this.interruption.check();
    this.narration.step(title);
  }

  /** @throws {Error} once there was a signal, or manager or agent have ended by themselves. */
  private check(): void {
    this.interruption.check();
    const ended = this.processes().find(({ isRunning }) => !isRunning);
    if (ended !== undefined) throw new Error(`the ${ended.name} has ended by itself`);
  }

  private processes(): TestProcess[] {
    return [this.manager, this.agent].flatMap((started) => (started === undefined ? [] : [started.process]));
  }

  private async startCluster(): Promise<StewardCluster> {
    const cluster = await StewardCluster.start({
      modules: 'wol',
      audit: false,
      controlPlane: { signal: this.interruption.signal },
      kubevirt: { timings: TIMINGS },
      onStep: (title) => this.step(title),
    });
    this.cluster = cluster;
    const { gitVersion } = await cluster.api.ask<{ gitVersion: string }>({ path: '/version' });
    this.narration.note(`Kubernetes ${gitVersion} at ${cluster.controlPlane.server}, without nodes`);
    return cluster;
  }

  private async startManager(cluster: StewardCluster): Promise<ManagerProcess> {
    this.step(`starting the manager as service account ${NAMESPACE}/${SERVICE_ACCOUNT}, with these rights only`);
    this.manager = await startManager(cluster, { secure: true });
    this.narration.note(`process ${this.manager.process.pid} is ready`);
    return this.manager;
  }

  private async startAgent(cluster: StewardCluster, manager: ManagerProcess): Promise<number> {
    this.step('starting an agent, which has no access to the API server, but a token of its own and the manager’s authority');
    const { port } = this.options;
    const identity = await (await AgentIdentities.create(cluster)).folder(NODE);
    this.agent = await launchAgent(manager.grpcPort, { nodeName: NODE, identity, ...(port === undefined ? {} : { udpPorts: [port] }) });
    await Promise.race([untilConnected(this.agent), endOf(manager.process)]);
    const [udpPort = 0] = this.agent.udpPorts;
    this.narration.note(`process ${this.agent.process.pid} is ready and listens on UDP port ${udpPort}`);
    return udpPort;
  }

  private async createObjects(cluster: StewardCluster, states: MachineStates, udpPort: number): Promise<void> {
    this.step('creating virtual machines and WolConfigs');
    const objects = sampleObjects(udpPort);
    for (const object of objects) await cluster.api.apply(object);
    await states.until(SELF_STARTING, 'Running');
    this.narration.note(`${nameOf(SELF_STARTING)} has started by itself, as its strategy demands; now its guest shuts down`);
    await cluster.kubevirt.setPhase(SELF_STARTING, 'Succeeded');
    for (const { machine } of SAMPLE_WAKES) await states.until(machine, 'Stopped');
    for (const config of objects.filter(({ kind }) => kind === 'WolConfig')) await this.untilInForce(cluster, config);
  }

  private async untilInForce(cluster: StewardCluster, config: TestObject): Promise<void> {
    const { spec, status } = await poll(`WolConfig ${config.metadata.name} to be in force`, async () => {
      this.check();
      const observed = await cluster.api.get<ObservedConfig>(config);
      const isReady = observed?.status?.conditions?.some(({ type, status }) => type === 'Ready' && status === 'True');
      return isReady === true && (observed?.status?.managedVMs ?? 0) > 0 ? observed : undefined;
    });
    const { managedVMs } = status ?? {};
    const machines = managedVMs === 1 ? 'one virtual machine' : `${managedVMs} virtual machines`;
    this.narration.note(`WolConfig ${config.metadata.name} is in force (${spec.discoveryMode}): packets may start ${machines}`);
  }

  private async wakeAll(cluster: StewardCluster, manager: ManagerProcess, states: MachineStates, udpPort: number): Promise<SummaryRow[]> {
    this.step('sending packets');
    const { journal } = cluster.kubevirt;
    const measurements: (Measurement | undefined)[] = [];
    const strategies: string[] = [];
    for (const wake of SAMPLE_WAKES) {
      this.interruption.check();
      const { mac, machine, config } = wake;
      strategies.push((await cluster.kubevirt.vm(machine))?.spec.runStrategy ?? '');
      this.narration.note(`$ virt-steward wake ${mac} --to 127.0.0.1 --port ${udpPort}`);
      if (config === undefined) this.narration.note(`${nameOf(machine)}: no WolConfig covers it, so nothing must happen`);
      const [measurement] = await Promise.all([
        config === undefined ? undefined : measureWake(wake, { states, journal, manager }),
        sendPacket(mac, udpPort),
      ]);
      measurements.push(measurement);
    }
    for (const { machine } of SAMPLE_WAKES.filter(({ config }) => config === undefined)) {
      if (journal.calls({ ...machine }).length > 0) throw new Error(`${nameOf(machine)} was started, although no WolConfig covers it`);
    }
    return SAMPLE_WAKES.map((wake, n) => ({ wake, runStrategy: strategies[n] ?? '', measurement: measurements[n] }));
  }

  private tell({ machine, from, to }: Transition): void {
    this.narration.note(`${machine}: ${from} -> ${to}`);
  }

  private async wait(cluster: StewardCluster, manager: ManagerProcess, states: MachineStates, udpPort: number): Promise<void> {
    this.narration.block(hints({ kubeconfig: cluster.controlPlane.kubeconfigPath, udpPort, metricsPort: manager.metricsPort }));
    for (;;) {
      await pause(WATCH_INTERVAL_MS);
      await states.look();
    }
  }
}

function lastLines(log: string): string {
  return log
    .trimEnd()
    .split('\n')
    .slice(-LOG_TAIL_LINES)
    .map((line) => `  ${line}`)
    .join('\n');
}

function isRunning(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
}

/** Never resolves. @throws {Error} when the process has ended. */
async function endOf({ name, exited }: TestProcess): Promise<never> {
  await exited;
  throw new Error(`the ${name} has ended by itself`);
}
