import { expect } from 'chai';
import type { WolConfigSpec } from '../../../../src/api/wol/v1beta1';
import { runDoctor } from '../../../../src/wol/doctor/run-doctor';
import { aVm, aWolConfig, type VmOptions } from '../../../harness/virtual-machines';
import { type FakeClusterOptions, type FakeObject, fakeClient, NAMESPACE } from './fake-cluster';

const MAC = '02:00:00:00:00:01';
const SECRET = 'de:ad:be:ef:ca:fe';

interface Report {
  checks: { check: string; outcome: string; found: string; remedy?: string }[];
  firstFailure: string | null;
}

/** Everything there that a wake needs, agents and manager included. */
const agents = (config: string): FakeObject => ({
  apiVersion: 'apps/v1',
  kind: 'DaemonSet',
  metadata: { name: `wol-agent-${config}`, namespace: NAMESPACE, labels: { app: 'wol-agent' } },
  spec: { template: { spec: { containers: [{ env: [{ name: 'GRPC_INSECURE', value: 'true' }] }] } } },
  status: { desiredNumberScheduled: 1, numberReady: 1 },
});
const vm = (fields: Partial<VmOptions> = {}, more: object = {}): FakeObject => {
  const object = aVm({ name: 'desktop', mac: MAC, ...fields }) as FakeObject;
  return { ...object, ...more, metadata: { ...object.metadata, ...((more as { metadata?: object }).metadata ?? {}) } };
};
const config = (name: string, spec: WolConfigSpec = {}): FakeObject[] => [aWolConfig(name, spec) as FakeObject, agents(name)];

async function doctor(
  options: FakeClusterOptions,
  what: { mac: string } | { namespace: string; name: string },
  { watchNamespaces = [], ...flags }: { port?: number; source?: string; watchNamespaces?: readonly string[] } = {},
): Promise<{ code: number; report: Report; text: string }> {
  const printed: string[] = [];
  const { client } = fakeClient(options);
  const code = await runDoctor(
    {
      subject: what,
      port: flags.port,
      source: flags.source,
      output: 'json',
      serviceAccount: undefined,
      deployment: undefined,
      install: undefined,
    },
    {
      ...{ client, operatorNamespace: NAMESPACE, watchNamespaces, rules: [], optionalRules: [], nowMs: Date.now() },
      print: (line) => printed.push(line),
    },
  );
  return { code, report: JSON.parse(printed.join('\n')) as Report, text: printed.join('\n') };
}

const DESKTOP = { namespace: 'default', name: 'desktop' };

describe('every step from a packet to a start', () => {
  it('is ok, in the order of the way, for a machine that a packet starts', async () => {
    const { code, report } = await doctor({ objects: [vm(), ...config('lab')] }, DESKTOP);

    expect(code).to.equal(0);
    expect(report.firstFailure).to.equal(null);
    expect(report.checks.map(({ check, outcome }) => `${check} ${outcome}`)).to.deep.equal(
      ['machine', 'config', 'port', 'owner', 'agents', 'manager', 'source', 'password', 'state', 'right', 'kubevirt'].map(
        (check) => `${check} ok`,
      ),
    );
  });

  it('is the same for its address on the port that the config listens on', async () => {
    const { code, report } = await doctor({ objects: [vm(), ...config('lab')] }, { mac: MAC });
    expect(code).to.equal(0);
    expect(report.checks[0]).to.include({ check: 'address', outcome: 'ok' });
  });

  const failing: readonly [string, FakeObject[], Parameters<typeof doctor>[1], { port?: number; source?: string }, string, RegExp][] = [
    ['a machine that is not there', config('lab'), DESKTOP, {}, 'machine', /VirtualMachine default\/desktop is not there/],
    ['an address that nobody has', config('lab'), { mac: MAC }, {}, 'address', /no virtual machine declares 02:00:00:00:00:01/],
    ['an address that can be no machine’s', config('lab'), { mac: 'ff:ff:ff:ff:ff:ff' }, {}, 'address', /broadcast or multicast/],
    ['a machine without an address', [vm({ mac: '' }), ...config('lab')], DESKTOP, {}, 'address', /declares no usable MAC address/],
    ['no WolConfig', [vm()], DESKTOP, {}, 'config', /there is no WolConfig/],
    [
      'a WolConfig of other namespaces',
      [vm(), ...config('lab', { namespaceSelectors: ['lab'] })],
      DESKTOP,
      {},
      'config',
      /lab: namespace default is not in spec\.namespaceSelectors/,
    ],
    [
      'labels that do not match',
      [vm(), ...config('lab', { discoveryMode: 'LabelSelector', vmSelector: { matchLabels: { a: 'b' } } })],
      { mac: MAC },
      {},
      'config',
      /lab: its labels do not match spec\.vmSelector/,
    ],
    [
      'an invalid WolConfig',
      [vm(), ...config('lab', { discoveryMode: 'LabelSelector' })],
      DESKTOP,
      {},
      'config',
      /lab: is invalid, so it covers nothing: spec\.vmSelector is not set/,
    ],
    [
      'the annotation that keeps it out',
      [vm({}, { metadata: { annotations: { 'wol.pillon.org/ignore': 'True' } } }), ...config('lab')],
      DESKTOP,
      {},
      'config',
      /wol\.pillon\.org\/ignore/,
    ],
    [
      'another port',
      [vm(), ...config('lab', { wolPorts: [7] })],
      { mac: MAC },
      { port: 9 },
      'port',
      /listens on port 9; packets for it are heard on 7 \(WolConfig lab\)/,
    ],
    [
      'an address lost to an older machine',
      [
        vm({}, { metadata: { creationTimestamp: '2026-01-02T00:00:00Z' } }),
        vm({ name: 'older' }, { metadata: { creationTimestamp: '2026-01-01T00:00:00Z' } }),
        ...config('lab'),
      ],
      DESKTOP,
      {},
      'owner',
      /02:00:00:00:00:01 wakes default\/older/,
    ],
    ['no agents', [vm(), aWolConfig('lab') as FakeObject], DESKTOP, {}, 'agents', /there is no DaemonSet/],
    [
      'a sender from elsewhere',
      [vm(), ...config('lab', { allowedSources: ['192.0.2.0/24'] })],
      DESKTOP,
      { source: '198.51.100.1' },
      'source',
      /SourceNotAllowed: 198\.51\.100\.1 is not in 192\.0\.2\.0\/24/,
    ],
    [
      'a password that cannot be had',
      [vm(), ...config('lab', { secureOn: { passwordSecretRef: { name: 'wake' } } })],
      DESKTOP,
      {},
      'password',
      /SecretUnavailable: Secret virt-steward-system\/wake does not exist/,
    ],
    [
      'a halted machine and the policy Skip',
      [vm({ runStrategy: 'Halted' }), ...config('lab', { startPolicy: 'Skip' })],
      DESKTOP,
      {},
      'state',
      /^SkippedByPolicy: .*row 11/,
    ],
    [
      'a machine that can not be started',
      [vm({ runStrategy: 'WaitAsReceiver' }), ...config('lab')],
      DESKTOP,
      {},
      'state',
      /^NotStartable: .*row 3/,
    ],
  ];
  for (const [title, objects, what, flags, step, found] of failing) {
    it(`fails first at "${step}" for ${title}, with what to do`, async () => {
      const { code, report } = await doctor({ objects }, what, flags);
      const failure = report.checks.find(({ outcome }) => outcome === 'fail');

      expect(code).to.equal(1);
      expect(report.firstFailure).to.equal(step);
      expect(failure?.found).to.match(found);
      expect(failure?.remedy ?? '').to.not.equal('');
    });
  }

  const explicit: WolConfigSpec = {
    discoveryMode: 'Explicit',
    explicitMappings: [{ macAddress: MAC, vmName: 'desktop', namespace: 'default' }],
  };
  const unwatched: readonly [string, FakeObject[]][] = [
    ['a WolConfig for all', [vm(), ...config('lab')]],
    ['a WolConfig that names it', [vm(), ...config('lab', explicit)]],
    ['no WolConfig', [vm()]],
  ];
  for (const [title, objects] of unwatched) {
    it(`fails at "machine" alone when the manager does not watch its namespace, with ${title}`, async () => {
      for (const subject of [DESKTOP, { mac: MAC }]) {
        const { code, report } = await doctor({ objects }, subject, { watchNamespaces: ['lab', 'office'] });
        const failures = report.checks.filter(({ outcome }) => outcome === 'fail');

        expect(code).to.equal(1);
        expect(failures).to.deep.equal([
          {
            check: 'machine',
            outcome: 'fail',
            found: 'no packet wakes default/desktop: the manager does not watch namespace default (--watch-namespaces=lab,office)',
            remedy: 'add default to --watch-namespaces of the manager; with the chart, to watchNamespaces',
          },
        ]);
        expect(report.checks.at(-1)).to.deep.equal(failures[0]);
      }
      const watched = await doctor({ objects }, DESKTOP, { watchNamespaces: ['lab', 'default'] });
      expect(watched.report.firstFailure).to.not.equal('machine');
    });
  }

  it('fails at "machine" for an address that is mapped into a namespace that is not watched, whether the machine is there or not', async () => {
    const { report } = await doctor({ objects: config('lab', explicit) }, { mac: MAC }, { watchNamespaces: ['lab'] });
    expect(report.firstFailure).to.equal('machine');
    expect(report.checks.at(-1)?.found).to.contain('does not watch namespace default');
  });

  it('fails first at "right" when the manager may not start machines, and at "kubevirt" when virt-api does not answer', async () => {
    const objects = [vm(), ...config('lab')];
    expect((await doctor({ objects, refused: ['update virtualmachines/start'] }, DESKTOP)).report.firstFailure).to.equal('right');
    const served = {
      'kubevirt.io/v1': ['virtualmachines', 'virtualmachineinstances'],
      'subresources.kubevirt.io/v1': 'unavailable' as const,
    };
    expect((await doctor({ objects, served }, DESKTOP)).report.firstFailure).to.equal('kubevirt');
  });

  it('warns that KubeVirt keeps a halted machine on, and is ok for one that runs', async () => {
    const halted = await doctor({ objects: [vm({ runStrategy: 'Halted' }), ...config('lab')] }, DESKTOP);
    expect(halted.report.checks.find(({ check }) => check === 'state')).to.include({ outcome: 'warn' });
    const vmi: FakeObject = {
      apiVersion: 'kubevirt.io/v1',
      kind: 'VirtualMachineInstance',
      metadata: { name: 'desktop', namespace: 'default' },
      status: { phase: 'Running' },
    };
    const { code, report } = await doctor({ objects: [vm(), vmi, ...config('lab')] }, DESKTOP);
    expect(code).to.equal(0);
    expect(report.checks.at(-1)?.found).to.contain('a packet does nothing');
  });

  it('reads a password to tell that it can be used, and never shows it', async () => {
    const secret: FakeObject = {
      apiVersion: 'v1',
      kind: 'Secret',
      metadata: { name: 'wake', namespace: NAMESPACE },
      data: { password: Buffer.from(SECRET).toString('base64') },
    };
    const objects = [vm(), secret, ...config('lab', { secureOn: { passwordSecretRef: { name: 'wake' } } })];
    const { code, report, text } = await doctor({ objects }, DESKTOP);

    expect(code).to.equal(0);
    expect(report.checks.find(({ check }) => check === 'password')?.found).to.contain(
      'Secret virt-steward-system/wake, key "password", which is usable',
    );
    expect(text).to.not.match(/de:ad|ZGU6/);
    const denied = await doctor({ objects, denied: ['get secrets'] }, DESKTOP);
    expect(denied.report.checks.find(({ check }) => check === 'password')).to.include({
      outcome: 'warn',
      remedy: `ask for the right to get secrets in namespace ${NAMESPACE}`,
    });
  });

  it('ends with why the last wake was refused, in the words of the Event, or with where to look', async () => {
    const [lab, ...rest] = config('lab');
    const told = {
      ...lab!,
      status: { lastWake: { time: '2026-01-01T00:00:00Z', macAddress: MAC, vm: 'default/desktop', result: 'Refused' } },
    };
    const event: FakeObject = {
      ...{ apiVersion: 'v1', kind: 'Event', metadata: { name: 'e', namespace: 'default' } },
      ...{ reason: 'WakeRefused', message: 'PasswordMismatch: no password (default/desktop)', lastTimestamp: '2026-01-01T00:00:00Z' },
    };
    const objects = [vm(), told, ...rest, event];
    const { report } = await doctor({ objects }, DESKTOP);
    expect(report.checks.at(-1)).to.include({ check: 'last-wake', outcome: 'warn' });
    expect(report.checks.at(-1)?.found).to.match(/was refused: PasswordMismatch: no password/);
    const unseen = await doctor({ objects, denied: ['list events'] }, DESKTOP);
    expect(unseen.report.checks.at(-1)?.remedy).to.contain('kubectl describe wolcfg lab');
  });

  it('takes a packet that was heard a moment ago for a proof that agents hear, ready or not', async () => {
    const heard = (time: string): FakeObject[] => {
      const lastWake = { time, macAddress: '02:00:00:00:00:99', vm: 'default/other', result: 'Started', node: 'n1' };
      const notReady = { ...agents('lab'), status: { desiredNumberScheduled: 1, numberReady: 0 } };
      return [vm(), { ...(aWolConfig('lab') as FakeObject), status: { lastWake } }, notReady];
    };
    const now = await doctor({ objects: heard(new Date().toISOString()) }, DESKTOP);
    expect(now.report.checks.find(({ check }) => check === 'agents')).to.include({ outcome: 'warn' });
    expect(now.report.firstFailure).to.equal(null);
    expect((await doctor({ objects: heard('2026-01-01T00:00:00Z') }, DESKTOP)).report.firstFailure).to.equal('agents');
  });

  it('fails at "manager" when the manager may not have the tokens of agents checked, unless agents bring none', async () => {
    const refused = ['create tokenreviews'];
    const withTokens = { ...agents('lab'), spec: { template: { spec: { containers: [{ env: [] }] } } } };
    const { code, report } = await doctor({ objects: [vm(), aWolConfig('lab') as FakeObject, withTokens], refused }, DESKTOP);
    const found = report.checks.filter(({ check, outcome }) => check === 'manager' && outcome === 'fail').map((finding) => finding.found);
    expect(code).to.equal(1);
    expect(found.join()).to.match(/^Forbidden: .* may not create tokenreviews\.authentication\.k8s\.io, so no agent can connect anew$/);

    expect((await doctor({ objects: [vm(), ...config('lab')], refused }, DESKTOP)).code).to.equal(0);
  });

  it('is content with agents of one config that covers the machine, and warns of another that has none', async () => {
    const objects = [vm(), ...config('a'), aWolConfig('b') as FakeObject];
    const { code, report } = await doctor({ objects }, DESKTOP);
    expect(code).to.equal(0);
    expect(report.checks.filter(({ check }) => check === 'agents').map(({ outcome }) => outcome)).to.deep.equal(['ok', 'warn']);
  });

  it('takes the port that a config listens on when nobody says one, and warns when it is not the usual one', async () => {
    const { code, report } = await doctor({ objects: [vm(), ...config('lab', { wolPorts: [7] })] }, { mac: MAC });
    expect(code).to.equal(0);
    expect(report.checks.find(({ check }) => check === 'port')).to.include({ outcome: 'warn', remedy: 'send to that port' });
  });

  it('takes a source that one of several configs allows', async () => {
    const objects = [vm(), ...config('a', { allowedSources: ['192.0.2.0/24'] }), ...config('b', { allowedSources: ['2001:db8::/32'] })];
    expect((await doctor({ objects }, DESKTOP, { source: '2001:db8::5' })).code).to.equal(0);
  });
});
