/**
 * What the module wol does: packets start virtual machines of this cluster, and only those that a WolConfig covers.
 *
 * Owns: the order of its two steps. Never: starts or ends a process.
 */
import type { WolConfigSpec, WolConfigStatus } from '../../src/api/wol/v1beta1';
import { poll } from '../../test/harness/poll';
import { MANAGER_USER, type StewardCluster, type TestObject } from '../../test/harness/steward-cluster';
import type { ManagerProcess } from '../../test/harness/steward-processes';
import { SAMPLE_WAKES, SELF_STARTING, sampleObjects } from './sample-objects';
import type { Stage } from './stage';
import { nameOf, type States } from './states';
import type { WakeRow } from './summary';
import { sendPacket, wakeAndMeasure } from './wake';

/** Much more than a config takes to be in force. */
const IN_FORCE_LIMIT_MS = 60_000;

type ObservedConfig = TestObject & { spec: WolConfigSpec; status?: WolConfigStatus };

export interface WakeShowParts {
  readonly cluster: StewardCluster;
  readonly manager: ManagerProcess;
  /** Of the virtual machines of the cluster. */
  readonly states: States;
  readonly udpPort: number;
}

export class WakeShow {
  constructor(
    private readonly stage: Stage,
    private readonly parts: WakeShowParts,
  ) {}

  async show(): Promise<WakeRow[]> {
    await this.createObjects();
    return this.wakeAll();
  }

  /** Waits until packets for so many machines are let through. @throws {Error} when they are not in time. */
  async untilInForce(config: string, machines = 1): Promise<void> {
    const reference = { apiVersion: 'wol.pillon.org/v1beta1', kind: 'WolConfig', metadata: { name: config } };
    let last: ObservedConfig | undefined;
    const { spec } = await poll(
      `WolConfig ${config} to be in force`,
      async () => {
        this.stage.check();
        last = await this.parts.cluster.api.get<ObservedConfig>(reference);
        const isReady = last?.status?.conditions?.some(({ type, status }) => type === 'Ready' && status === 'True');
        return isReady === true && (last?.status?.managedVMs ?? 0) >= machines ? last : undefined;
      },
      { timeoutMs: IN_FORCE_LIMIT_MS, onTimeout: () => JSON.stringify(last?.status) },
    );
    const text = last?.status?.managedVMs === 1 ? 'one virtual machine' : `${last?.status?.managedVMs} virtual machines`;
    this.stage.narration.note(`WolConfig ${config} is in force (${spec.discoveryMode}): packets may start ${text}`);
  }

  private async createObjects(): Promise<void> {
    const { cluster, states, udpPort } = this.parts;
    this.stage.step('creating virtual machines and WolConfigs');
    const objects = sampleObjects(udpPort);
    for (const object of objects) await cluster.api.apply(object);
    await states.until(SELF_STARTING, 'Running');
    this.stage.narration.note(`${nameOf(SELF_STARTING)} has started by itself, as its strategy demands; now its guest shuts down`);
    await cluster.kubevirt.setPhase(SELF_STARTING, 'Succeeded');
    for (const { machine } of SAMPLE_WAKES) await states.until(machine, 'Stopped');
    for (const { metadata } of objects.filter(({ kind }) => kind === 'WolConfig')) await this.untilInForce(metadata.name);
  }

  private async wakeAll(): Promise<WakeRow[]> {
    this.stage.step('sending packets');
    const rows: WakeRow[] = [];
    for (const wake of SAMPLE_WAKES) rows.push(await this.wake(wake));
    const { journal } = this.parts.cluster.kubevirt;
    for (const { machine } of SAMPLE_WAKES.filter(({ config }) => config === undefined)) {
      if (journal.calls({ ...machine }).length > 0) throw new Error(`${nameOf(machine)} was started, although no WolConfig covers it`);
    }
    return rows;
  }

  private async wake({ mac, machine, config }: (typeof SAMPLE_WAKES)[number]): Promise<WakeRow> {
    const { cluster, states, manager, udpPort } = this.parts;
    this.stage.check();
    const runStrategy = (await cluster.kubevirt.vm(machine))?.spec.runStrategy ?? '';
    this.stage.narration.note(`$ virt-steward wake ${mac} --to 127.0.0.1 --port ${udpPort}`);
    const row = { machine: nameOf(machine), runStrategy, config: config ?? 'none' };
    if (config === undefined) {
      this.stage.narration.note(`${nameOf(machine)}: no WolConfig covers it, so nothing must happen`);
      await sendPacket(mac, udpPort);
      return { ...row, measurement: undefined };
    }
    const { journal } = cluster.kubevirt;
    const wake = { mac, udpPort, config, machine, subject: machine, user: MANAGER_USER };
    return { ...row, measurement: await wakeAndMeasure(wake, { states, journal, manager }) };
  }
}
