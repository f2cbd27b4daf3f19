import { expect } from 'chai';
import type { WolConfigStatus } from '../../../src/api/wol/v1beta1';
import { WolConfigApi } from './wol-config-api';

const CONDITION = { type: 'Ready', status: 'True', reason: 'MappingUpdated', message: '', lastTransitionTime: '2026-01-02T03:04:05Z' };

/** Objects as people applied them to the older operator, with the fields that it knew. */
const OLDER_SPECS: Readonly<Record<string, object | undefined>> = {
  'without a spec': undefined,
  'with an empty spec': {},
  'in mode All with a cache time': { discoveryMode: 'All', namespaceSelectors: ['default', 'lab'], wolPorts: [9], cacheTTL: 300 },
  'in mode LabelSelector': {
    discoveryMode: 'LabelSelector',
    vmSelector: {
      matchLabels: { 'wol.pillon.org/enabled': 'true' },
      matchExpressions: [{ key: 'tier', operator: 'NotIn', values: ['db'] }],
    },
    wolPorts: [7, 9],
  },
  'in mode Explicit': {
    discoveryMode: 'Explicit',
    explicitMappings: [{ macAddress: '52:54:00:AB:CD:EF', vmName: 'desktop', namespace: 'default' }],
    cacheTTL: 60,
  },
  'with every agent setting': {
    agent: {
      nodeSelector: { 'kubernetes.io/os': 'linux' },
      tolerations: [{ operator: 'Exists', effect: 'NoSchedule' }],
      resources: { requests: { cpu: '50m', memory: '64Mi' }, limits: { cpu: '100m', memory: '128Mi' } },
      image: 'registry.example.org/kubevirt-wol-agent:v1',
      imagePullPolicy: 'Always',
      priorityClassName: 'system-node-critical',
      updateStrategy: { type: 'RollingUpdate', rollingUpdate: { maxUnavailable: 1 } },
    },
  },
};

function aWolConfig(name: string, spec?: object): object {
  return { apiVersion: 'wol.pillon.org/v1beta1', kind: 'WolConfig', metadata: { name }, ...(spec === undefined ? {} : { spec }) };
}

describe('WolConfig objects', () => {
  let api: WolConfigApi;

  before(async function () {
    this.timeout(600_000); // the first run on a machine builds the control plane
    api = await WolConfigApi.start();
  });

  after(() => api?.[Symbol.asyncDispose]());

  it('are of a kind whose names, structure and rules the API server has accepted', async () => {
    const { status } = await api.crd();

    expect(status.acceptedNames).to.deep.equal({
      kind: 'WolConfig',
      listKind: 'WolConfigList',
      plural: 'wolconfigs',
      singular: 'wolconfig',
      shortNames: ['wolcfg'],
    });
    expect(status.conditions.filter(({ type }) => type === 'NonStructuralSchema')).to.deep.equal([]);
  });

  describe('of the older operator', () => {
    for (const [what, spec] of Object.entries(OLDER_SPECS)) {
      it(`are applied unchanged ${what}`, async () => {
        const { spec: stored } = await api.accepted(spec);

        if (spec === undefined) expect(stored).to.equal(undefined);
        else expect(stored).to.containSubset(spec);
      });
    }
  });

  describe('in the table of kubectl get', () => {
    it('show the documented columns in order, three of them only in wide output', async () => {
      const { columnDefinitions } = await api.table();

      expect(columnDefinitions.map(({ name, type, priority }) => `${name} ${type} ${priority}`)).to.deep.equal([
        'Name string 0',
        'Discovery Mode string 0',
        'WOL Ports string 0',
        'Managed VMs integer 0',
        'Ready string 0',
        'Managed MACs integer 1',
        'Unwakeable integer 1',
        'Last Wake date 1',
        'Age date 0',
      ]);
    });

    it('fill the columns from spec and status', async () => {
      const name = 'printed';
      const stored = await api.create(aWolConfig(name, { discoveryMode: 'LabelSelector', vmSelector: {} }));
      try {
        const status: WolConfigStatus = {
          wolPorts: [9, 7],
          managedVMs: 2,
          managedMACs: 3,
          unwakeableVMs: 0,
          lastWake: { time: '2026-01-02T03:04:05Z', macAddress: '02:00:00:00:00:01', vm: 'lab/web', result: 'Started', node: 'node-1' },
          conditions: [{ ...CONDITION, status: 'True' }],
        };
        expect((await api.replace({ ...stored, status }, '/status')).status).to.equal(200);

        const { rows } = await api.table();

        expect(rows).to.have.lengthOf(1);
        const [printedName, mode, ports, vms, ready, macs, unwakeable, lastWake] = rows[0]?.cells ?? [];
        expect([printedName, mode, ports, vms, ready, macs, unwakeable]).to.deep.equal([name, 'LabelSelector', '[9,7]', 2, 'True', 3, 0]);
        expect(lastWake).to.match(/^\d+[smhdy]/);
      } finally {
        await api.delete(name);
      }
    });
  });

  describe('with a status', () => {
    const name = 'with-status';

    beforeEach(() => api.create(aWolConfig(name)));
    afterEach(() => api.delete(name));

    it('change it through the status subresource only', async () => {
      const stored = await api.read(name);

      await api.replace({ ...stored, status: { managedVMs: 7 } });

      expect(await api.read(name)).not.to.have.property('status');
    });

    it('keep every documented status field', async () => {
      const status: WolConfigStatus = {
        observedGeneration: 3,
        managedVMs: 1,
        managedMACs: 2,
        unwakeableVMs: 1,
        wolPorts: [9],
        conflicts: [{ macAddress: '02:00:00:00:00:01', winner: 'lab/a', losers: ['lab/b'], precedence: 'All' }],
        lastWake: { time: '2026-01-02T03:04:05Z', macAddress: '02:00:00:00:00:01', vm: 'lab/a', result: 'AlreadyRunning', node: 'n' },
        lastSync: '2026-01-02T03:04:05Z',
        agentStatus: {
          daemonSetName: 'wol-agent-x',
          desiredNumberScheduled: 3,
          numberReady: 2,
          numberAvailable: 2,
          updatedNumberScheduled: 3,
          healthPort: 8080,
        },
        agentProblems: [{ node: 'n', reason: 'BindFailed', ports: [9], message: 'in use', since: '2026-01-02T03:04:05Z' }],
        conditions: [{ ...CONDITION, status: 'False', observedGeneration: 3 }],
      };

      const answer = await api.applyStatus(name, 'virt-steward', status);

      expect(answer.status, JSON.stringify(answer.body)).to.equal(200);
      expect((await api.read(name)).status).to.deep.equal(status);
    });

    it('let every replica and node write its own part without a conflict', async () => {
      const writes = [
        ['virt-steward', { managedVMs: 1, conditions: [CONDITION] }],
        [
          'virt-steward-wake',
          { lastWake: { time: '2026-01-02T03:04:05Z', macAddress: '02:00:00:00:00:01', vm: 'lab/a', result: 'Started' } },
        ],
        ['wol-agent-1', { agentProblems: [{ node: 'node-1', reason: 'BindFailed' }] }],
        ['wol-agent-2', { agentProblems: [{ node: 'node-2', reason: 'RawFailed' }] }],
        ['other', { conditions: [{ ...CONDITION, type: 'Other' }] }],
      ] as const;

      for (const [fieldManager, status] of writes) {
        expect((await api.applyStatus(name, fieldManager, status)).status).to.equal(200);
      }

      const { status } = await api.read(name);
      expect(status?.agentProblems?.map(({ node }) => node)).to.have.members(['node-1', 'node-2']);
      expect(status?.conditions?.map(({ type }) => type)).to.have.members(['Ready', 'Other']);
      expect(status).to.include({ managedVMs: 1 }).and.to.have.property('lastWake');
    });

    it('lose an entry of one node when that node applies without it, and no other', async () => {
      await api.applyStatus(name, 'wol-agent-1', { agentProblems: [{ node: 'node-1', reason: 'BindFailed' }] });
      await api.applyStatus(name, 'wol-agent-2', { agentProblems: [{ node: 'node-2', reason: 'BindFailed' }] });

      await api.applyStatus(name, 'wol-agent-1', {});

      expect((await api.read(name)).status?.agentProblems?.map(({ node }) => node)).to.deep.equal(['node-2']);
    });

    const conflict = { macAddress: '02:00:00:00:00:01', winner: 'a/b', losers: [], precedence: 'All' };
    const lastWake = { time: '2026-01-02T03:04:05Z', macAddress: '02:00:00:00:00:01', vm: 'a/b', result: 'Started' };
    const refused: [string, object, string][] = [
      ['a result of a wake that is not documented', { lastWake: { ...lastWake, result: 'Slept' } }, 'status.lastWake.result'],
      ['a wake without a time', { lastWake: { ...lastWake, time: undefined } }, 'status.lastWake.time'],
      ['a time that is none', { lastSync: 'yesterday' }, 'status.lastSync'],
      ['an unknown agent problem', { agentProblems: [{ node: 'n', reason: 'Bored' }] }, 'status.agentProblems[0].reason'],
      ['an unknown precedence', { conflicts: [{ ...conflict, precedence: 'None' }] }, 'status.conflicts[0].precedence'],
      ['21 conflicts', { conflicts: Array<object>(21).fill(conflict) }, 'status.conflicts: Too many'],
      ['6 losers', { conflicts: [{ ...conflict, losers: Array<string>(6).fill('a/c') }] }, 'status.conflicts[0].losers: Too many'],
      [
        '21 agent problems',
        { agentProblems: Array.from({ length: 21 }, (_, n) => ({ node: `${n}`, reason: 'RawFailed' })) },
        'status.agentProblems: Too many',
      ],
      ['a condition without a reason', { conditions: [{ ...CONDITION, reason: '' }] }, 'status.conditions[0].reason'],
      ['a condition status of Maybe', { conditions: [{ ...CONDITION, status: 'Maybe' }] }, 'status.conditions[0].status'],
    ];
    for (const [what, status, field] of refused) {
      it(`refuse ${what}`, async () => {
        const answer = await api.applyStatus(name, 'virt-steward', status);

        expect(answer.status, JSON.stringify(answer.body)).to.be.oneOf([400, 422]);
        expect((answer.body as { message: string }).message).to.contain(field);
      });
    }
  });
});
