import { expect } from 'chai';
import type { KubernetesObject } from '../../../../src/framework';
import { FakeClock } from '../../../../src/framework/testing';
import type { JsonMap } from '../../../../src/platform/json';
import { selects } from '../../../../src/platform/rollout/label-selector';
import { poolsOf } from '../../../../src/platform/rollout/pool-state';
import { RolloutGate } from '../../../../src/platform/rollout/rollout-gate';
import { type RolloutMode, rolloutModeOf } from '../../../../src/platform/rollout/rollout-mode';

const ROLE = 'machineconfiguration.openshift.io/role';
const CLEAR = { observedGeneration: 1, machineCount: 3, updatedMachineCount: 3, conditions: [{ type: 'Updated', status: 'True' }] };
const updating = {
  ...CLEAR,
  updatedMachineCount: 1,
  conditions: [
    { type: 'Updating', status: 'True' },
    { type: 'Updated', status: 'False' },
  ],
};

function aPool(name: string, status: object = CLEAR, spec: object = {}): KubernetesObject {
  const labels = { [`pools.operator.machineconfiguration.openshift.io/${name}`]: '' };
  const selector = { machineConfigSelector: { matchLabels: { [ROLE]: name } } };
  return { metadata: { name, labels, generation: 1 }, spec: { ...selector, ...spec }, status } as KubernetesObject;
}

const aMachineConfig = (name: string, role = 'worker'): KubernetesObject => ({
  kind: 'MachineConfig',
  metadata: { name, labels: { [ROLE]: role } },
});
const aKubeletConfig = (name: string, role = 'worker'): KubernetesObject => {
  const machineConfigPoolSelector = { matchLabels: { [`pools.operator.machineconfiguration.openshift.io/${role}`]: '' } };
  return { kind: 'KubeletConfig', metadata: { name }, spec: { machineConfigPoolSelector } } as KubernetesObject;
};

interface Bench {
  readonly clock: FakeClock;
  readonly gate: RolloutGate;
  pools: readonly KubernetesObject[] | undefined;
  mode: RolloutMode;
  decided: boolean;
}

function bench(...pools: KubernetesObject[]): Bench {
  const clock = new FakeClock();
  const made: Omit<Bench, 'gate'> & { gate?: RolloutGate } = { clock, pools, mode: 'serial', decided: true };
  made.gate = new RolloutGate({ clock, pools: () => made.pools, mode: () => made.mode, isDecidedBefore: () => made.decided });
  return made as Bench;
}

const A = aMachineConfig('a');
const B = aMachineConfig('b');
const OPEN = { open: true };
const closed = (reason: string, pool = 'worker'): object => ({ open: false, reason, pool });

describe('the rollout gate', () => {
  const STATES: readonly (readonly [string, KubernetesObject, object])[] = [
    ['a clear pool', aPool('worker'), OPEN],
    ['a pool that says nothing of machines', aPool('worker', {}, {}), closed('PoolUpdating')],
    ['a paused pool', aPool('worker', CLEAR, { paused: true }), closed('PoolPaused')],
    ['a paused pool that is updating', aPool('worker', updating, { paused: true }), closed('PoolPaused')],
    ...['Degraded', 'NodeDegraded', 'RenderDegraded'].map(
      (type) =>
        [`a pool that is ${type}`, aPool('worker', { ...CLEAR, conditions: [{ type, status: 'True' }] }), closed('PoolDegraded')] as const,
    ),
    ['a pool that was degraded', aPool('worker', { ...CLEAR, conditions: [{ type: 'Degraded', status: 'False' }] }), OPEN],
    ['a pool that is updating', aPool('worker', updating), closed('PoolUpdating')],
    [
      'a pool that is not updated',
      aPool('worker', { ...CLEAR, conditions: [{ type: 'Updated', status: 'False' }] }),
      closed('PoolUpdating'),
    ],
    ['a pool that has not seen its newest spec', aPool('worker', { ...CLEAR, observedGeneration: 0 }), closed('PoolUpdating')],
    ['a pool with machines to be updated', aPool('worker', { ...CLEAR, updatedMachineCount: 2 }), closed('PoolUpdating')],
    ['another pool that is degraded', aPool('infra', { ...CLEAR, conditions: [{ type: 'Degraded', status: 'True' }] }), OPEN],
  ];
  for (const [what, pool, serial] of STATES) {
    for (const mode of ['serial', 'batch', 'immediate', 'manual'] satisfies RolloutMode[]) {
      const expected =
        mode === 'immediate' ? OPEN : mode === 'manual' ? closed('Manual', pool.metadata!.name === 'worker' ? 'worker' : '') : serial;
      it(`${expected === OPEN ? 'is open' : 'is closed'} in mode ${mode} for ${what}`, () => {
        const made = bench(pool);
        made.mode = mode;

        expect(made.gate.admit(A, undefined, 1)).to.deep.equal(expected);
      });
    }
  }

  it('is open where there are no pools, and closed while it is not known', () => {
    const made = bench();
    expect(made.gate.admit(A, undefined, 1)).to.deep.equal(OPEN);

    made.pools = undefined;

    expect(made.gate.admit(A, undefined, 1)).to.deep.equal(closed('PoolsUnknown', ''));
  });

  it('looks at the pools of the object as it is and as it is to be', () => {
    const made = bench(aPool('worker', updating), aPool('infra'));

    expect(made.gate.admit(aMachineConfig('x', 'infra'), undefined, 1)).to.deep.equal(OPEN);
    expect(made.gate.admit(aMachineConfig('x', 'infra'), aMachineConfig('x', 'worker'), 1)).to.deep.equal(closed('PoolUpdating'));
  });

  it('looks at all pools that a KubeletConfig selects', () => {
    const made = bench(aPool('worker', updating), aPool('infra'));

    expect(made.gate.admit(aKubeletConfig('k', 'infra'), undefined, 1)).to.deep.equal(OPEN);
    expect(made.gate.admit(aKubeletConfig('k'), undefined, 1)).to.deep.equal(closed('PoolUpdating'));
  });

  it('lets the second object wait until the pool has updated for the first', () => {
    const made = bench(aPool('worker'));
    made.gate.wrote(A);
    expect(made.gate.admit(B, undefined, 2)).to.deep.equal(closed('PoolSettling'));

    made.pools = [aPool('worker', updating)];
    made.gate.observe(made.pools[0]!);
    expect(made.gate.admit(B, undefined, 2)).to.deep.equal(closed('PoolUpdating'));
    made.pools = [aPool('worker')];

    expect(made.gate.admit(B, undefined, 2)).to.deep.equal(OPEN);
  });

  it('notices an update that nobody asked about', () => {
    const made = bench(aPool('worker'));
    made.gate.wrote(A);

    made.gate.observe(aPool('worker', updating));
    made.gate.observe(aPool('worker'));

    expect(made.gate.admit(B, undefined, 2)).to.deep.equal(OPEN);
  });

  it('lets a pool settle that did not have to update, after a minute', async () => {
    const made = bench(aPool('worker'));
    made.gate.wrote(A);
    expect(made.gate.settledInMs).to.equal(60_000);
    await made.clock.advance(59_999);
    expect(made.gate.admit(B, undefined, 2)).to.deep.equal(closed('PoolSettling'));

    await made.clock.advance(1);

    expect(made.gate.admit(B, undefined, 2)).to.deep.equal(OPEN);
    expect(made.gate.settledInMs).to.equal(undefined);
  });

  it('does not take a minute of updating for settled', async () => {
    const made = bench(aPool('worker'));
    made.gate.wrote(A);
    made.pools = [aPool('worker', updating)];
    made.gate.observe(made.pools[0]!);

    await made.clock.advance(3_600_000);

    expect(made.gate.admit(B, undefined, 2)).to.deep.equal(closed('PoolUpdating'));
  });

  it('lets the object that was written be corrected at once', () => {
    const made = bench(aPool('worker'));
    made.gate.wrote(A);

    expect(made.gate.admit(A, A, 1)).to.deep.equal(OPEN);
  });

  it('does not hold up another pool', () => {
    const made = bench(aPool('worker'), aPool('master'));
    made.gate.wrote(A);

    expect(made.gate.admit(aMachineConfig('a-master', 'master'), undefined, 3)).to.deep.equal(OPEN);
  });

  it('keeps the order of the catalog among those that wait', () => {
    const made = bench(aPool('worker', updating));
    made.gate.admit(B, undefined, 2);
    made.gate.admit(A, undefined, 1);
    made.pools = [aPool('worker')];

    expect(made.gate.admit(B, undefined, 2)).to.deep.equal(closed('PoolSettling'));
    expect(made.gate.admit(A, undefined, 1)).to.deep.equal(OPEN);
  });

  it('lets the next go when the one before it does not want to be written any more', () => {
    const made = bench(aPool('worker', updating));
    made.gate.admit(A, undefined, 1);
    made.pools = [aPool('worker')];
    expect(made.gate.admit(B, undefined, 2)).to.deep.equal(closed('PoolSettling'));

    made.gate.ended(A);

    expect(made.gate.admit(B, undefined, 2)).to.deep.equal(OPEN);
  });

  it('lets nobody else go between an admission and the write', () => {
    const made = bench(aPool('worker'), aPool('master'));
    expect(made.gate.admit(A, undefined, 1)).to.deep.equal(OPEN);
    expect(made.gate.admit(B, undefined, 2)).to.deep.equal(closed('PoolSettling'));
    expect(made.gate.admit(aMachineConfig('m', 'master'), undefined, 3)).to.deep.equal(OPEN);
    expect(made.gate.admit(A, undefined, 1)).to.deep.equal(OPEN);

    expect(made.gate.ended(A)).to.equal(true);

    expect(made.gate.admit(B, undefined, 2)).to.deep.equal(OPEN);
    expect(made.gate.ended(A)).to.equal(false);
  });

  it('does not wait for ever for a write of which it hears nothing', async () => {
    const made = bench(aPool('worker'));
    made.gate.admit(A, undefined, 1);

    await made.clock.advance(60_000);

    expect(made.gate.admit(B, undefined, 2)).to.deep.equal(OPEN);
  });

  it('waits for a decision on everything before it after a start', () => {
    const made = bench(aPool('worker'));
    made.decided = false;
    expect(made.gate.admit(B, undefined, 2)).to.deep.equal(closed('PoolSettling'));

    made.decided = true;

    expect(made.gate.admit(B, undefined, 2)).to.deep.equal(OPEN);
  });

  it('writes in mode batch everything that is pending for a clear pool, and nothing later', async () => {
    const made = bench(aPool('worker'));
    made.mode = 'batch';
    expect(made.gate.admit(A, undefined, 1)).to.deep.equal(OPEN);
    made.gate.wrote(A);
    made.pools = [aPool('worker', updating)];
    await made.clock.advance(4_000);
    expect(made.gate.admit(B, undefined, 2)).to.deep.equal(OPEN);
    made.gate.wrote(B);

    await made.clock.advance(1_000);

    expect(made.gate.admit(aMachineConfig('c'), undefined, 3)).to.deep.equal(closed('PoolUpdating'));
  });

  it('does not take an update of the pool for that of its batch once that one is over, however soon', () => {
    const made = bench(aPool('worker'));
    made.mode = 'batch';
    made.gate.wrote(A);
    for (const status of [updating, CLEAR, updating]) {
      made.pools = [aPool('worker', status)];
      made.gate.observe(made.pools[0]!);
    }

    expect(made.gate.admit(B, undefined, 2)).to.deep.equal(closed('PoolUpdating'));
  });

  it('does not let a batch through to a pool that became degraded by it', () => {
    const made = bench(aPool('worker'));
    made.mode = 'batch';
    made.gate.wrote(A);
    made.pools = [aPool('worker', { ...CLEAR, conditions: [{ type: 'RenderDegraded', status: 'True' }] })];

    expect(made.gate.admit(B, undefined, 2)).to.deep.equal(closed('PoolDegraded'));
  });

  it('knows after a restart that a pool is in the middle of an update', () => {
    const made = bench(aPool('worker', updating));

    expect(made.gate.admit(B, undefined, 2)).to.deep.equal(closed('PoolUpdating'));
  });
});

describe('the mode of rollouts', () => {
  for (const [value, mode] of [
    [undefined, 'serial'],
    ['', 'serial'],
    [' batch ', 'batch'],
    ['immediate', 'immediate'],
    ['manual', 'manual'],
  ] as const) {
    it(`is ${mode} for ${JSON.stringify(value)}`, () => expect(rolloutModeOf(value)).to.deep.equal({ mode }));
  }

  it('is serial for a value that nobody knows, and says so', () => {
    expect(rolloutModeOf('Manual')).to.deep.include({ mode: 'serial' });
    expect(rolloutModeOf('Manual').problem).to.contain('"Manual"; allowed: serial, batch, immediate, manual');
  });
});

describe('label selectors of pools', () => {
  const LABELS = { role: 'worker', empty: '' };
  const expressions = (...matchExpressions: JsonMap[]): JsonMap => ({ matchExpressions });
  const TABLE: readonly (readonly [string, JsonMap | undefined, boolean])[] = [
    ['no selector', undefined, false],
    ['an empty selector', {}, false],
    ['empty terms', { matchLabels: {}, matchExpressions: [] }, false],
    ['an equal label', { matchLabels: { role: 'worker' } }, true],
    ['an empty label', { matchLabels: { empty: '' } }, true],
    ['a missing label', { matchLabels: { other: '' } }, false],
    ['In', expressions({ key: 'role', operator: 'In', values: ['master', 'worker'] }), true],
    ['In without a match', expressions({ key: 'role', operator: 'In', values: ['master'] }), false],
    ['NotIn', expressions({ key: 'role', operator: 'NotIn', values: ['master'] }), true],
    ['NotIn of a missing label', expressions({ key: 'other', operator: 'NotIn', values: ['x'] }), true],
    ['Exists', expressions({ key: 'empty', operator: 'Exists' }), true],
    ['DoesNotExist', expressions({ key: 'role', operator: 'DoesNotExist' }), false],
    ['an operator nobody knows', expressions({ key: 'role', operator: 'Like', values: ['worker'] }), false],
    ['two terms of which one fails', { matchLabels: { role: 'worker' }, ...expressions({ key: 'other', operator: 'Exists' }) }, false],
  ];
  for (const [what, selector, expected] of TABLE) {
    it(`${expected ? 'select' : 'do not select'} by ${what}`, () => expect(selects(selector, LABELS)).to.equal(expected));
  }

  it('find the pools that inherit the configuration of workers', () => {
    const infra = aPool('infra', CLEAR, { machineConfigSelector: expressions({ key: ROLE, operator: 'In', values: ['worker', 'infra'] }) });

    expect(poolsOf(A, [aPool('worker'), infra, aPool('master')])).to.deep.equal(['worker', 'infra']);
  });
});
