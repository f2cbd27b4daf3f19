import { expect } from 'chai';
import { ConfigMap, nullLogger } from '../../../../src/framework';
import { FakeClock } from '../../../../src/framework/testing';
import type { AssetRow } from '../../../../src/platform/observability/asset-rows';
import { type ModuleFacts, moduleConditions } from '../../../../src/platform/observability/module-conditions';
import { dataOf, documentOf, EMPTY, nextDocument } from '../../../../src/platform/observability/status-document';
import { type ModuleStatus, StatusWriter } from '../../../../src/platform/observability/status-writer';

const row = (key: string, status: AssetRow['status'], reason = ''): AssetRow => ({
  key,
  identity: `apps/DaemonSet/ns/${key}`,
  status,
  reason,
});
const ACTIVE = { active: true, reason: 'Active', message: '' };
const FACTS: ModuleFacts = { rows: [row('a', 'INCLUDED')], activation: ACTIVE, invalidExclusions: '', orphans: [] };
const shortOf = (facts: Partial<ModuleFacts>): Record<string, string> =>
  Object.fromEntries(moduleConditions({ ...FACTS, ...facts }).map(({ type, status, reason }) => [type, `${status} ${reason}`]));

describe('conditions of the module', () => {
  const QUIET = {
    ...{ Active: 'True Active', Compliant: 'True InSync', Degraded: 'False AsExpected', RolloutPending: 'False NothingPending' },
    ...{ Paused: 'False NothingPaused', DependenciesMissing: 'False NothingMissing', OrphansPresent: 'False NoOrphans' },
  };
  const TABLE: readonly (readonly [string, Partial<ModuleFacts>, Record<string, string>])[] = [
    ['everything is in sync', {}, {}],
    ['assets are filtered, excluded or unmanaged', { rows: [row('a', 'FILTERED'), row('b', 'EXCLUDED'), row('c', 'UNMANAGED')] }, {}],
    ['one failed', { rows: [row('a', 'ERROR', 'Rejected')] }, { Compliant: 'False NotInSync', Degraded: 'True AssetsFailed' }],
    ['one is held', { rows: [row('a', 'HELD', 'InvalidPatch')] }, { Compliant: 'False NotInSync' }],
    [
      'one waits for a pool',
      { rows: [row('a', 'PENDING', 'PoolPaused')] },
      { Compliant: 'False NotInSync', RolloutPending: 'True PoolPaused' },
    ],
    ['one waits for another', { rows: [row('a', 'PENDING', 'Order')] }, { Compliant: 'False NotInSync' }],
    ['one is paused', { rows: [row('a', 'PAUSED')] }, { Paused: 'True PausedObjects' }],
    ['a kind is missing', { rows: [row('a', 'MISSING', 'CRDMissing')] }, { DependenciesMissing: 'True Missing' }],
    ['objects are left behind', { orphans: ['x'] }, { OrphansPresent: 'True LeftBehind' }],
    ['exclusions cannot be read', { invalidExclusions: 'bad YAML' }, { Degraded: 'True InvalidExclusions' }],
    [
      'the module is off',
      { activation: { active: false, reason: 'Disabled', message: '' } },
      { Active: 'False Disabled', Compliant: 'Unknown Inactive' },
    ],
  ];
  for (const [situation, facts, differences] of TABLE) {
    it(`are right when ${situation}`, () => expect(shortOf(facts)).to.deep.equal({ ...QUIET, ...differences }));
  }

  it('name at most ten', () => {
    const rows = Array.from({ length: 12 }, (_, i) => row(`k${i}`, 'PAUSED'));
    const paused = moduleConditions({ ...FACTS, rows }).find(({ type }) => type === 'Paused')!;

    expect(paused.message).to.match(/^12 paused: k0, k1, .* and 2 more$/);
  });
});

describe('the status document', () => {
  it('moves a time stamp only with what it belongs to', () => {
    const conditions = moduleConditions(FACTS);
    const first = nextDocument(EMPTY, conditions, [row('b', 'INCLUDED'), row('a', 'PENDING', 'PoolPaused')], '2026-01-01T00:00:00Z');

    const second = nextDocument(first, conditions, [row('a', 'INCLUDED'), row('b', 'INCLUDED')], '2026-01-02T00:00:00Z');

    expect(second.rows.map(({ key, since }) => [key, since])).to.deep.equal([
      ['a', '2026-01-02T00:00:00Z'],
      ['b', '2026-01-01T00:00:00Z'],
    ]);
    expect(second.conditions).to.deep.equal(first.conditions);
  });

  it('reads back what it wrote, and nothing from what somebody broke', () => {
    const document = nextDocument(EMPTY, moduleConditions(FACTS), FACTS.rows, '2026-01-01T00:00:00Z');

    expect(documentOf(dataOf(document))).to.deep.equal(document);
    expect(documentOf({ 'conditions.yaml': '{', 'assets.yaml': '- 1' })).to.deep.equal(EMPTY);
    expect(documentOf({ 'conditions.yaml': '- 7\n- {type: x}', 'assets.yaml': 'a: {identity: 7}' })).to.deep.equal(EMPTY);
    expect(documentOf({})).to.deep.equal(EMPTY);
  });
});

describe('the status writer', () => {
  const statusOf = (
    rows: readonly AssetRow[],
    onRemoval: ModuleStatus['onRemoval'] = 'keep',
    edited: readonly string[] = [],
  ): ModuleStatus => ({
    ...{ rows, onRemoval, edited },
    conditions: moduleConditions({ ...FACTS, rows }),
  });

  async function bench(stored?: ConfigMap) {
    const clock = new FakeClock();
    const writes: ConfigMap[] = [];
    const made = { stored, status: statusOf(FACTS.rows), failing: false };
    const client = {
      find: async () => made.stored,
      apply: async (_kind: unknown, object: ConfigMap) => {
        if (made.failing) throw new Error('no answer');
        writes.push(object);
        made.stored = object;
        return object;
      },
    } as never;
    const life = () => new StatusWriter({ client, clock, log: nullLogger, namespace: 'ns', status: () => made.status });
    const writer = life();
    await writer.begin();
    return { clock, writes, writer, made, life };
  }

  it('writes at once, then at most every five seconds, and nothing that is the same', async () => {
    const { clock, writes, writer, made } = await bench();
    writer.changed();
    await clock.advance(0);
    expect(writes).to.have.length(1);

    for (let i = 0; i < 40; i++) {
      made.status = statusOf([row('a', i % 2 === 0 ? 'ERROR' : 'HELD')]);
      writer.changed();
      await clock.advance(100);
    }
    expect(writes).to.have.length(1);
    await clock.advance(1_000);
    expect(writes).to.have.length(2);
    writer.changed();
    await clock.advance(3_600_000);

    expect(writes).to.have.length(2);
    expect(writes[1]!.data!['assets.yaml']).to.contain('HELD');
  });

  it('writes nothing after a restart without a change, and keeps the times', async () => {
    const { clock, writes, writer, made, life } = await bench();
    writer.changed();
    await clock.advance(0);
    await writer.end();
    await clock.advance(60_000);
    const next = life();
    await next.begin();
    next.changed();
    await clock.advance(60_000);
    expect(writes).to.have.length(1);

    made.status = statusOf([...FACTS.rows, row('b', 'INCLUDED')]);
    next.changed();
    await clock.advance(0);

    const [a, b] = documentOf(writes[1]!.data!).rows;
    expect(a!.since).to.equal('2026-01-01T00:00:00Z');
    expect(b!.since).to.equal('2026-01-01T00:02:00Z');
  });

  it('remembers the policy for removals over a restart', async () => {
    const { clock, writer, made, life } = await bench();
    made.status = statusOf(FACTS.rows, 'delete');
    writer.changed();
    await clock.advance(0);

    const next = life();
    await next.begin();

    expect(next.rememberedPolicy).to.equal('delete');
  });

  it('remembers what was edited over a restart, until nothing is', async () => {
    const { clock, writer, made, life } = await bench();
    made.status = statusOf(FACTS.rows, 'keep', ['a', 'b']);
    writer.changed();
    await clock.advance(0);
    const next = life();
    await next.begin();
    expect(next.rememberedEdits).to.deep.equal(['a', 'b']);
    made.status = statusOf(FACTS.rows, 'keep');
    next.changed();
    await clock.advance(5_000);

    const last = life();
    await last.begin();

    expect(last.rememberedEdits).to.deep.equal([]);
  });

  it('repeats a write that failed', async () => {
    const { clock, writes, writer, made } = await bench();
    made.failing = true;
    writer.changed();
    await clock.advance(0);
    made.failing = false;

    await clock.advance(15_000);

    expect(writes).to.have.length(1);
  });

  it('writes nothing before it leads and after it has led', async () => {
    const { clock, writes, writer, life } = await bench();
    life().changed();
    await writer.end();
    writer.changed();
    await clock.advance(60_000);

    expect(writes).to.deep.equal([]);
  });
});
