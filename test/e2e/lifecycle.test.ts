/** The life of an installation on real nodes, as the two Helms lead it: installed, used, upgraded, removed, and nothing left. */
import { rmSync } from 'node:fs';
import { setTimeout as delay } from 'node:timers/promises';
import { expect } from 'chai';
import { etherwake, wakeonlan } from '../../hack/tools/wake-senders';
import { actionText, forbiddenActions, neededActions } from '../harness/account-rights';
import { Helm } from '../harness/helm';
import { poll } from '../harness/poll';
import type { TestObject } from '../harness/steward-cluster';
import { aVm, aWolConfig, testMac } from '../harness/virtual-machines';
import type { KubeVirtStandIn } from '../kubevirt/stand-in';
import { NEXT_VERSION, VERSION } from './images';
import { AGENTS, Installation, MANAGERS, type Pod, SLOW, secondsToReady } from './installation';
import { nextChart } from './next-chart';
import { refuseOrSkip, STAGE, type Stage, startStage } from './stage';

/** Of linux/capability.h, as a bit mask. */
const CAP_NET_BIND_SERVICE = 1 << 10;
const IMAGE_USER = 65_532;
/** One gets a packet every PACKET_MS while the upgrade goes on. */
const UPGRADE_VMS = 120;
const PACKET_MS = 500;

const RUNS = [
  { major: 4, nodes: 2 },
  { major: 3, nodes: 1 },
] as const;

for (const { major, nodes } of RUNS) {
  const where = STAGE.isLocal ? `${nodes} node${nodes === 1 ? '' : 's'}` : 'the cluster of KUBECONFIG';
  describe(`the chart on ${where}, by Helm ${major}${STAGE.titleNote}`, function () {
    this.timeout(600_000);
    this.slow(60_000);
    let stage: Stage;
    let helm: Helm;
    let installation: Installation;
    let kubevirt: KubeVirtStandIn;
    let configUid: unknown;
    const measured: string[] = [];
    /** Helm 3 looks for the log of a test only after it has deleted the pod. */
    const showsLogs = major === 4;

    before(async function () {
      if (!STAGE.isPossible) {
        refuseOrSkip();
        this.skip();
      }
      helm = await Helm.find(major);
      stage = await startStage(nodes);
      installation = new Installation(stage, helm);
    });

    after(async () => {
      for (const line of measured) console.log(`    measured: ${line}`);
      await stage?.stop();
      helm?.remove();
    });

    const hasStarted = (name: string): boolean => kubevirt.journal.calls({ verb: 'start', name, wrote: true }).length > 0;
    /**
     * Instances by machine. Each replica may ask KubeVirt for a start of what it heard of; a machine was started once when its first
     * instance is its only one, which nobody has stopped.
     */
    const instances = async (): Promise<Map<string, unknown>> => {
      const found = await stage.api.list<TestObject>('/apis/kubevirt.io/v1/namespaces/default/virtualmachineinstances');
      return new Map(found.map(({ metadata }) => [metadata.name, metadata['uid']]));
    };
    /** By broadcast, as senders do, where there is a network to broadcast on. */
    const wake = (mac: string): Promise<void> => stage.wake(mac, stage.local?.broadcastAddress ?? stage.nodes[0]!.address);
    /** For a machine that may not be known yet. */
    const wakeUntilStarted = (name: string, mac: string): Promise<unknown> =>
      poll(
        `${name} to be started`,
        async () => {
          await wake(mac);
          return hasStarted(name);
        },
        { ...SLOW, intervalMs: 3_000 },
      );
    const untilStarted = (name: string): Promise<unknown> => poll(`${name} to be started`, () => hasStarted(name), SLOW);

    it('is installed with default values, and both replicas of the manager become Ready without KubeVirt', async () => {
      const startedMs = performance.now();
      await installation.install();
      const managers = await installation.untilReady(MANAGERS, 2);

      const seconds = ((performance.now() - startedMs) / 1_000).toFixed(1);
      measured.push(`both managers Ready ${seconds} s after helm install began; each ${managers.map(secondsToReady).join(' and ')} s`);
      expect(new Set(managers.map(({ spec }) => spec.nodeName)).size).to.equal(Math.min(2, stage.nodes.length));
    });

    it('passes helm test before there is anything to wake', async () => {
      const output = await installation.test();

      expect(output).to.match(/Phase: +Succeeded/);
      if (!showsLogs) return;
      expect(output).to.match(/ok {4}deployment +2 of 2 replicas/);
      expect(output).to.match(/ok {4}modules +wol on .*virtualmachines\.kubevirt\.io is not served, waiting for its CRD/i);
      expect(output).to.match(/\d+ ok, 0 warn, 0 fail/);
    });

    it('runs an agent on every node, on the host network, with no right but to open low ports', async () => {
      kubevirt = await stage.installKubeVirt();
      await stage.api.apply(aVm({ name: 'desktop', mac: testMac(1) }));
      configUid = (await stage.api.apply(aWolConfig('all'))).metadata['uid'];
      const agents = await installation.untilReady(AGENTS, stage.nodes.length);

      measured.push(`agents Ready ${agents.map(secondsToReady).join(' and ')} s after their pods began`);
      expect(agents.map(({ spec }) => spec.nodeName).sort()).to.deep.equal(stage.nodes.map(({ name }) => name).sort());
      for (const agent of agents) expectAgent(agent, VERSION);
    });

    it(`runs as the user of the image, and an agent can do nothing but open low ports${STAGE.localNote}`, async function () {
      const { local } = stage;
      if (local === undefined) return this.skip();
      const processes = async (selector: string) =>
        (await installation.pods(selector)).map(({ metadata }) => local.processOf(metadata.uid));

      for (const { uid, capabilities, hasNoNewPrivileges, rssMib } of await processes(MANAGERS)) {
        expect({ uid, capabilities, hasNoNewPrivileges }).to.deep.equal({ uid: IMAGE_USER, capabilities: 0, hasNoNewPrivileges: true });
        measured.push(`manager: ${rssMib.toFixed(0)} MiB resident`);
      }
      for (const { uid, capabilities, rssMib } of await processes(AGENTS)) {
        expect({ uid, capabilities }).to.deep.equal({ uid: IMAGE_USER, capabilities: CAP_NET_BIND_SERVICE });
        measured.push(`agent: ${rssMib.toFixed(0)} MiB resident`);
      }
    });

    it('fits the Pod Security profile restricted, but for the host network of agents, as the API server says', async () => {
      const warnings = await installation.podSecurityWarnings('restricted');

      for (const line of warnings) measured.push(`enforce=restricted: ${line}`);
      const [heading, ...pods] = warnings;
      expect(heading).to.match(/^existing pods in namespace .* violate the new PodSecurity enforce level "restricted/);
      expect(pods).to.have.lengthOf(1);
      expect(pods[0]).to.match(/^wol-agent-all-\w+( \(and \d+ other pods?\))?: host namespaces$/);
    });

    it('gives neither account a right that is forbidden, as the API server tells them themselves', async () => {
      const forbidden = forbiddenActions(stage.namespace);
      for (const account of ['virt-steward-manager', 'virt-steward-wol-agent']) {
        const allowed = await installation.allowedActions(account, forbidden);
        for (const action of forbidden) measured.push(`${account} ${allowed.includes(action) ? 'may' : 'may not'} ${actionText(action)}`);
        expect(allowed.map(actionText), account).to.deep.equal([]);
      }
      expect(await installation.allowedActions('virt-steward-manager', neededActions(stage.namespace))).to.have.lengthOf(4);
    });

    it('starts a virtual machine, once, for a packet that every node hears', async () => {
      await wake(testMac(1));
      await untilStarted('desktop');
      const { desktop } = Object.fromEntries(await untilInstances(['desktop']));

      // A packet to another machine goes the same way behind it: when that one runs, what came of the first packet is known.
      await stage.api.apply(aVm({ name: 'laptop', mac: testMac(2) }));
      await wakeUntilStarted('laptop', testMac(2));
      expect(Object.fromEntries(await untilInstances(['desktop', 'laptop']))).to.include({ desktop });
      expect(kubevirt.journal.calls({ name: 'desktop' }).length).to.be.at.most(Math.min(2, stage.nodes.length));
    });

    it(`starts a virtual machine for a packet of wakeonlan${STAGE.localNote}`, async function () {
      if (!STAGE.isLocal) return this.skip();
      await stage.api.apply(aVm({ name: 'by-wakeonlan', mac: testMac(4) }));
      await sendUntilStarted('by-wakeonlan', [await wakeonlan(), '-i', stage.local!.broadcastAddress, testMac(4)]);
    });

    it('passes helm test with agents', async () => {
      const output = await installation.test();

      expect(output).to.match(/Phase: +Succeeded/);
      if (!showsLogs) return;
      expect(output).to.match(new RegExp(`ok {4}agents +WolConfig all: ${stage.nodes.length} of ${stage.nodes.length} agents are ready`));
      expect(output).to.match(/\d+ ok, 0 warn, 0 fail/);
    });

    it('is upgraded to other images and a definition with one more field, and no packet of that time is lost', async () => {
      const chart = nextChart();
      try {
        const macOf = (number: number): string => testMac(1_000 + number);
        const names = Array.from({ length: UPGRADE_VMS }, (_, number) => `during-${number}`);
        await Promise.all(names.map((name, number) => stage.api.apply(aVm({ name, mac: macOf(number) }))));
        await poll('the machines to be in the wake map', async () => ((await managedMacs()) ?? 0) >= UPGRADE_VMS + 2, SLOW);
        const before = await installation.pods(AGENTS);
        const earlier = await instances();

        // Where one node hears, its agent must not be replaced meanwhile: nobody else would.
        const keepsAgents = stage.nodes.length === 1 || stage.local === undefined;
        const upgrade = installation.upgrade(chart, ...(keepsAgents ? sameAgents() : []));
        let sent = 0;
        do {
          await wake(macOf(sent++));
          await delay(PACKET_MS);
        } while (sent < UPGRADE_VMS && !(await isUpgraded(keepsAgents)));
        await upgrade;
        await poll('the upgrade to be rolled out', () => isUpgraded(keepsAgents), SLOW);

        const during = names.slice(0, sent);
        await poll('every machine that got a packet to be started', () => during.every((name) => hasStarted(name)), {
          ...SLOW,
          onTimeout: () => `never started: ${during.filter((name) => !hasStarted(name)).join(', ')}`,
        });
        const started = await untilInstances(during);
        measured.push(`${sent} packets during the upgrade, each to another machine, all of which started`);
        expect(started.size, 'machines that run').to.equal(sent + earlier.size);
        expect([...started]).to.deep.include.members([...earlier]);
        expect(kubevirt.journal.calls().filter(({ verb }) => verb !== 'start')).to.deep.equal([]);
        const after = await installation.untilReady(AGENTS, stage.nodes.length);
        if (keepsAgents) expect(uids(after)).to.deep.equal(uids(before));
        else for (const agent of after) expectAgent(agent, NEXT_VERSION);
        const stored = await stage.api.apply(aWolConfig('all', { addedLater: 'yes' } as object));
        expect(stored).to.nested.include({ 'spec.addedLater': 'yes', 'metadata.uid': configUid });
      } finally {
        rmSync(chart, { recursive: true });
      }
    });

    it(`starts a virtual machine for a frame of etherwake, when agents listen for frames too${STAGE.localNote}`, async function () {
      if (!STAGE.isLocal) return this.skip();
      await stage.api.apply(aVm({ name: 'by-etherwake', mac: testMac(5) }));
      await stage.api.apply(aWolConfig('all', { agent: { rawEthernet: true } }));
      await sendUntilStarted('by-etherwake', [await etherwake(), '-i', 'eth0', '-b', testMac(5)]);
      await stage.api.apply(aWolConfig('all'));
      await poll('agents without raw Ethernet', () => installation.isRolledOut(), SLOW);
    });

    it('is removed, and leaves nothing but the definition with its objects', async () => {
      const output = await installation.uninstall();

      expect(output).to.contain('wolconfigs.wol.pillon.org');
      expect(await installation.pods(AGENTS), 'agents').to.deep.equal([]);
      await installation.untilNothingIsLeft();
      expect((await stage.api.get(aWolConfig('all')))?.metadata['uid']).to.equal(configUid);
    });

    it('installed anew takes up what stayed: agents come back, and nothing is started or stopped', async () => {
      const startsBefore = kubevirt.journal.calls().length;
      await installation.install();
      await installation.untilReady(AGENTS, stage.nodes.length);
      expect(kubevirt.journal.calls().length).to.equal(startsBefore);

      await stage.api.apply(aVm({ name: 'again', mac: testMac(3) }));
      await wakeUntilStarted('again', testMac(3));
      await installation.uninstall();
    });

    /** Runs a program on a machine beside the nodes, again and again. */
    async function sendUntilStarted(name: string, command: readonly string[]): Promise<void> {
      const isStarted = async (): Promise<boolean> => {
        await stage.local!.sender.run(...command);
        return hasStarted(name);
      };
      await poll(`${name} to be started`, isStarted, { ...SLOW, intervalMs: 3_000 });
    }

    function untilInstances(names: readonly string[]): Promise<Map<string, unknown>> {
      return poll(
        'the instances to be there',
        async () => {
          const found = await instances();
          return names.every((name) => found.has(name)) ? found : undefined;
        },
        SLOW,
      );
    }

    async function managedMacs(): Promise<number | undefined> {
      const config = await stage.api.get(aWolConfig('all'));
      return (config?.['status'] as { managedMACs?: number } | undefined)?.managedMACs;
    }

    /** What makes a later chart keep agents as they are; elsewhere there are no other images, and an annotation replaces managers. */
    function sameAgents(): string[] {
      const image = `--set=agent.image.tag=${VERSION}`;
      return stage.local === undefined ? [image, `--set=image.tag=${VERSION}`, '--set-string=manager.podAnnotations.round=2'] : [image];
    }

    async function isUpgraded(keepsAgents: boolean): Promise<boolean> {
      const managers = await installation.pods(MANAGERS);
      const isNew = ({ metadata, spec }: Pod): boolean =>
        spec.containers[0]!.image.endsWith(`:${NEXT_VERSION}`) ||
        (metadata['annotations'] as { round?: string } | undefined)?.round === '2';
      if (managers.length !== 2 || !managers.every(isNew)) return false;
      const agents = await installation.pods(AGENTS);
      const tag = keepsAgents ? VERSION : NEXT_VERSION;
      return agents.every(({ spec }) => spec.containers[0]!.image.endsWith(`:${tag}`)) && installation.isRolledOut();
    }
  });
}

function uids(pods: readonly Pod[]): string[] {
  return pods.map(({ metadata }) => metadata.uid).sort();
}

function expectAgent({ spec }: Pod, tag: string): void {
  expect(spec).to.include({ hostNetwork: true, automountServiceAccountToken: false });
  expect(spec.containers).to.have.lengthOf(1);
  expect(spec.containers[0]!.image).to.match(new RegExp(`virt-steward/agent:${tag}$`));
  expect(spec.securityContext).to.deep.equal({ runAsNonRoot: true, seccompProfile: { type: 'RuntimeDefault' } });
  expect(spec.containers[0]!.securityContext).to.deep.equal({
    allowPrivilegeEscalation: false,
    readOnlyRootFilesystem: true,
    runAsNonRoot: true,
    capabilities: { drop: ['ALL'], add: ['NET_BIND_SERVICE'] },
  });
  const tokens = spec.volumes?.flatMap(({ projected }) => projected?.sources ?? []).filter((source) => 'serviceAccountToken' in source);
  expect(tokens).to.have.lengthOf(1);
  expect(tokens?.[0]).to.have.nested.property('serviceAccountToken.audience', 'wol-manager');
}
