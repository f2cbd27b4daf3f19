/**
 * The demo, step by step.
 *
 * Owns: the order of the steps, and everything that was started. Never: decides how the process ends.
 * Invariant: after `takeDown` nothing of what was started is left, which it looks after itself.
 */
import { existsSync } from 'node:fs';
import { setTimeout as pause } from 'node:timers/promises';
import { AgentIdentities } from '../../test/harness/agent-identities';
import type { TestProcess } from '../../test/harness/child-process';
import { RemoteKubeVirt } from '../../test/harness/remote-kubevirt';
import { NAMESPACE, SERVICE_ACCOUNT, StewardCluster, type TestObject } from '../../test/harness/steward-cluster';
import { type AgentProcess, launchAgent, type ManagerProcess, startManager, untilConnected } from '../../test/harness/steward-processes';
import { hints } from './hints';
import type { Interruption } from './interruption';
import { MachinesShow } from './machines-show';
import type { Narration } from './narration';
import type { DemoOptions } from './options';
import { PlatformShow } from './platform-show';
import type { Stage } from './stage';
import { States } from './states';
import { seenTable, wakeTable } from './summary';
import { WakeShow } from './wake-show';

/** Slow enough for a person to see the state Starting. */
const TIMINGS = { schedulingMs: 300, scheduledMs: 400 };
const NODE = 'demo-node';
const CHECK_INTERVAL_MS = 100;
const LOG_TAIL_LINES = 15;
const MACHINES = '/apis/kubevirt.io/v1/virtualmachines';

type ObservedVm = TestObject & { status?: { printableStatus?: string } };

export class Demo implements Stage {
  static readonly STEPS = 12;

  private cluster: StewardCluster | undefined;
  private remote: RemoteKubeVirt | undefined;
  private manager: ManagerProcess | undefined;
  private agent: AgentProcess | undefined;
  private readonly followed: States[] = [];

  constructor(
    private readonly options: DemoOptions,
    readonly narration: Narration,
    private readonly interruption: Interruption,
  ) {}

  /** Resolves when everything has been shown; with `--wait` never, but for a signal. @throws {Error} when a step fails or there was a signal. */
  async show(): Promise<void> {
    this.narration.block(
      'virt-steward: packets start virtual machines, a cluster stays as it should be, and Machines run on other clusters\n',
    );
    const cluster = await this.startCluster();
    const manager = await this.startManager(cluster);
    const udpPort = await this.startAgent(cluster, manager);
    const wakes = new WakeShow(this, { cluster, manager, udpPort, states: this.machineStates(cluster) });
    const wakeRows = await wakes.show();
    const platform = new PlatformShow(this, cluster);
    this.followed.push(platform.states);
    const platformRows = await platform.show();
    const remote = await this.startRemote();
    const machines = new MachinesShow(this, { cluster, remote, manager, wakes, udpPort });
    this.followed.push(machines.states);
    await machines.connect();
    const created = await machines.create();
    const woken = await machines.wake();
    this.narration.block(`\n${wakeTable([...wakeRows, woken])}\n\n${seenTable([...platformRows, created])}\n`);
    if (this.options.wait) await this.wait({ kubeconfig: machines.kubeconfigPath, udpPort, metricsPort: manager.metricsPort });
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
    const [processes, controlPlanes] = [this.processes(), [this.cluster, this.remote].flatMap((one) => one?.controlPlane ?? [])];
    const pids = [...processes.map(({ pid }) => pid), ...controlPlanes.flatMap((one) => [...one.pids.values()])];
    await Promise.all(this.followed.map((states) => states.stop()));
    await this.agent?.process.stop();
    await this.manager?.process.stop();
    await Promise.all([this.cluster?.stop(), this.remote?.stop()]);
    const left = pids.filter(isRunning);
    if (left.length > 0) throw new Error(`processes that are left: ${left.join(', ')}`);
    const files = controlPlanes.map(({ directory }) => directory).filter(existsSync);
    if (files.length > 0) throw new Error(`files that are left: ${files.join(', ')}`);
    this.narration.note(
      pids.length === 0 ? 'nothing is left' : `nothing is left: ${pids.length} processes have ended, their files are gone`,
    );
  }

  step(title: string): void {
    this.interruption.check();
    this.narration.step(title);
  }

  check(): void {
    this.interruption.check();
    const ended = this.processes().find(({ isRunning }) => !isRunning);
    if (ended !== undefined) throw new Error(`the ${ended.name} has ended by itself`);
  }

  private processes(): TestProcess[] {
    return [this.manager, this.agent].flatMap((started) => (started === undefined ? [] : [started.process]));
  }

  private async startCluster(): Promise<StewardCluster> {
    const cluster = await StewardCluster.start({
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
    this.step(`starting the manager with its three modules as service account ${NAMESPACE}/${SERVICE_ACCOUNT}, with these rights only`);
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

  private machineStates({ controlPlane }: StewardCluster): States {
    const states = new States({
      controlPlane,
      path: MACHINES,
      stateOf: ({ status }: ObservedVm) => status?.printableStatus,
      onTransition: ({ object, from, to }) => this.narration.note(`${object}: ${from} -> ${to}`),
      stage: this,
    });
    this.followed.push(states);
    return states;
  }

  private async startRemote(): Promise<RemoteKubeVirt> {
    this.step('starting a second cluster with a stand-in for KubeVirt, and connecting it');
    const { signal } = this.interruption;
    this.remote = await RemoteKubeVirt.start({ audit: false, accounts: false, controllerManager: true, timings: TIMINGS, signal });
    this.narration.note(`the API server of the second cluster is at ${this.remote.controlPlane.server}`);
    return this.remote;
  }

  private async wait(facts: Parameters<typeof hints>[0]): Promise<void> {
    this.narration.block(hints(facts));
    for (;;) {
      await pause(CHECK_INTERVAL_MS);
      this.check();
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
