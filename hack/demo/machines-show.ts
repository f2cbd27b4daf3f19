/**
 * What the module machines does: a Machine of this cluster becomes a virtual machine of another one, follows its state, and is woken by a
 * packet on this cluster's network.
 *
 * Owns: the order of its steps, and who watches the Machines. Never: starts or ends a process, but for commands that people use.
 */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { MachineStatus } from '../../src/api/vitistack/v1alpha1';
import { TestProcess } from '../../test/harness/child-process';
import { joinedKubeconfig } from '../../test/harness/joined-kubeconfig';
import { poll } from '../../test/harness/poll';
import type { RemoteKubeVirt } from '../../test/harness/remote-kubevirt';
import { MAIN, objectsIn, ROOT, type StewardCluster, type TestObject } from '../../test/harness/steward-cluster';
import type { ManagerProcess } from '../../test/harness/steward-processes';
import { MACHINE_FILE } from './sample-objects';
import type { Stage } from './stage';
import { nameOf, States } from './states';
import type { SeenRow, WakeRow } from './summary';
import { wakeAndMeasure } from './wake';
import type { WakeShow } from './wake-show';

const REMOTE = 'east';
const MACHINE = { apiVersion: 'vitistack.io/v1alpha1', kind: 'Machine', metadata: { name: 'web', namespace: 'lab' } };
const CONFIGURATION = { ...MACHINE, kind: 'NetworkConfiguration' };
const PATH = '/apis/vitistack.io/v1alpha1/machines';
const VM = { namespace: 'lab', name: 'vm-web' };
/** The WolConfig for the namespace of the Machine, and how many machines it covers with it. */
const CONFIG = { name: 'lab', machines: 2 };
/** As `virt-steward kubeconfig` calls the account it makes. */
const REMOTE_USER = 'system:serviceaccount:virt-steward:virt-steward';
const LIMIT_MS = 60_000;
const STORAGE_CLASS: TestObject = {
  apiVersion: 'storage.k8s.io/v1',
  kind: 'StorageClass',
  metadata: { name: 'standard', annotations: { 'storageclass.kubernetes.io/is-default-class': 'true' } },
  provisioner: 'none.example.com',
  volumeBindingMode: 'WaitForFirstConsumer',
};

type ObservedMachine = TestObject & { status?: MachineStatus };
type ObservedConfiguration = TestObject & { spec?: { networkInterfaces?: { macAddress?: string }[] } };

export interface MachinesShowParts {
  readonly cluster: StewardCluster;
  readonly remote: RemoteKubeVirt;
  readonly manager: ManagerProcess;
  readonly wakes: WakeShow;
  readonly udpPort: number;
}

export class MachinesShow {
  readonly states: States;
  /** Contexts `supervisor` and that of the remote cluster. */
  readonly kubeconfigPath: string;

  constructor(
    private readonly stage: Stage,
    private readonly parts: MachinesShowParts,
  ) {
    const { cluster, remote } = parts;
    this.states = new States({
      controlPlane: cluster.controlPlane,
      path: PATH,
      stateOf: ({ status }: ObservedMachine) => status?.phase,
      onTransition: ({ object, from, to }) => stage.narration.note(`Machine ${object}: ${from} -> ${to}`),
      stage,
    });
    const kubeconfigs = { supervisor: cluster.controlPlane.kubeconfig, [REMOTE]: remote.controlPlane.kubeconfig };
    this.kubeconfigPath = cluster.controlPlane.writeFile('both.kubeconfig', joinedKubeconfig(kubeconfigs));
  }

  /** Makes the account on the remote cluster, and tells the supervisor. */
  async connect(): Promise<void> {
    await this.parts.remote.api.apply(STORAGE_CLASS);
    const flags = ['--context', REMOTE, '--name', REMOTE, '--config-namespace', 'default'];
    const apply = ['--apply', '--supervisor-context', 'supervisor'];
    this.stage.narration.note(`$ virt-steward kubeconfig ${[...flags, ...apply].join(' ')}`);
    const command = new TestProcess('virt-steward kubeconfig', [
      MAIN,
      'kubeconfig',
      '--kubeconfig',
      this.kubeconfigPath,
      ...flags,
      ...apply,
    ]);
    try {
      await poll('virt-steward kubeconfig to end', () => this.hasEnded(command), { timeoutMs: 2 * LIMIT_MS, onTimeout: () => command.log });
    } finally {
      // It may have begun after a Ctrl-C, and must not be left.
      await command.stop();
    }
    const { code } = await command.exited;
    if (code !== 0) throw new Error(`virt-steward kubeconfig ended with ${code}: ${command.log.trim()}`);
    this.stage.narration.note(`KubevirtConfig default/${REMOTE} is Ready, with an account that has the rights of the module and no others`);
  }

  async create(): Promise<SeenRow> {
    this.stage.step('creating a Machine, which names that cluster');
    const startMs = Date.now();
    for (const object of objectsIn(readFileSync(join(ROOT, MACHINE_FILE), 'utf8'))) await this.parts.cluster.api.apply(object);
    await this.states.until(MACHINE.metadata, 'Running');
    const afterMs = Date.now() - startMs;
    const vm = await this.parts.remote.kubevirt.vm(VM);
    if (vm === undefined) throw new Error(`VirtualMachine ${nameOf(VM)} is not on ${REMOTE}`);
    this.stage.narration.note(
      `VirtualMachine ${nameOf(VM)} runs on ${REMOTE}, with the address ${await this.mac()} that the manager has drawn`,
    );
    const outcome = `${nameOf(VM)} runs on ${REMOTE}`;
    return { object: `Machine ${nameOf(MACHINE.metadata)}`, done: 'created', outcome, afterMs };
  }

  async wake(): Promise<WakeRow> {
    const { remote, manager, wakes, udpPort } = this.parts;
    this.stage.step(`stopping its virtual machine on ${REMOTE}, and waking it by a packet on this side`);
    const mark = this.states.mark;
    await remote.kubevirt.call('stop', VM);
    await this.states.seen(MACHINE.metadata, 'Stopped', mark);
    await wakes.untilInForce(CONFIG.name, CONFIG.machines);
    const mac = await this.mac();
    this.stage.narration.note(`$ virt-steward wake ${mac} --to 127.0.0.1 --port ${udpPort}`);
    const runStrategy = (await remote.kubevirt.vm(VM))?.spec.runStrategy ?? '';
    const { journal } = remote.kubevirt;
    const wake = { mac, udpPort, config: CONFIG.name, subject: MACHINE.metadata, machine: VM, user: REMOTE_USER };
    const measurement = await wakeAndMeasure(wake, { states: this.states, journal, manager });
    return { machine: `${nameOf(VM)} on ${REMOTE}`, runStrategy, config: CONFIG.name, measurement };
  }

  private hasEnded({ isRunning }: TestProcess): boolean {
    this.stage.check();
    return !isRunning;
  }

  /** Of the record in which the manager keeps the address that it has drawn. */
  private async mac(): Promise<string> {
    const record = await this.parts.cluster.api.get<ObservedConfiguration>(CONFIGURATION);
    const mac = record?.spec?.networkInterfaces?.[0]?.macAddress;
    if (mac === undefined) throw new Error(`NetworkConfiguration ${nameOf(MACHINE.metadata)} has no address`);
    return mac;
  }
}
