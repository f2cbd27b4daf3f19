import { expect } from 'chai';
import type { ConditionInput } from '../../../../src/framework';
import { configEvents } from '../../../../src/wol/handlers/wol-config-events';
import type { MacConflict } from '../../../../src/wol/manager/config-ledger';
import type { WolConfig } from '../../../../src/wol/wol-config';

const READY: ConditionInput = { type: 'Ready', status: 'True', reason: 'MappingUpdated', message: 'fine' };
const invalid = (message: string): ConditionInput => ({ type: 'Ready', status: 'False', reason: 'InvalidConfig', message });
const conflict = (mac: string, losers: readonly string[]): MacConflict => ({ mac, winner: 'ns/winner', losers, precedence: 'All' });

/** A config whose stored status tells of this condition and these conflicts. */
function told(ready: ConditionInput, conflicts: readonly MacConflict[] = []): WolConfig {
  const listed = conflicts.map(({ mac, ...rest }) => ({ ...rest, macAddress: mac, losers: rest.losers.slice(0, 5) }));
  const condition = { ...ready, lastTransitionTime: '2026-01-01T00:00:00Z' };
  return { status: { conditions: [condition], conflicts: listed } } as unknown as WolConfig;
}

const summary = (config: WolConfig, ready: ConditionInput, conflicts: readonly MacConflict[] = []): string[] =>
  configEvents(config, ready, conflicts).map(({ reason, vm }) => (vm === undefined ? reason : `${reason} ${vm}`));

describe('Events of a WolConfig', () => {
  it('tell of an invalid spec once, and again when other fields are wrong', () => {
    expect(summary({}, invalid('a'))).to.deep.equal(['InvalidConfig']);
    expect(summary(told(READY), invalid('a'))).to.deep.equal(['InvalidConfig']);
    expect(summary(told(invalid('a')), invalid('a'))).to.deep.equal([]);
    expect(summary(told(invalid('a')), invalid('b'))).to.deep.equal(['InvalidConfig']);
  });

  it('tell config and losers of a new conflict, and nobody of one that was told', () => {
    const conflicts = [conflict('02:00:00:00:00:01', ['ns/a', 'ns/b'])];

    expect(summary(told(READY), READY, conflicts)).to.deep.equal(['MACConflict', 'MACConflict ns/a', 'MACConflict ns/b']);
    expect(summary(told(READY, conflicts), READY, conflicts)).to.deep.equal([]);
  });

  it('tell only the machine that joins a known conflict', () => {
    const before = [conflict('02:00:00:00:00:01', ['ns/a'])];

    expect(summary(told(READY, before), READY, [conflict('02:00:00:00:00:01', ['ns/a', 'ns/b'])])).to.deep.equal(['MACConflict ns/b']);
  });

  it('stay silent about losers beyond those that a status can list', () => {
    const conflicts = [conflict('02:00:00:00:00:01', ['ns/a', 'ns/b', 'ns/c', 'ns/d', 'ns/e', 'ns/f'])];

    expect(summary(told(READY, conflicts), READY, conflicts)).to.deep.equal([]);
  });

  it('tell the config that a conflict has ended', () => {
    expect(summary(told(READY, [conflict('02:00:00:00:00:01', ['ns/a'])]), READY)).to.deep.equal(['MACConflictResolved']);
  });

  it('do not take an address for resolved because others pushed it off a full list', () => {
    const macOf = (n: number): string => `02:00:00:00:00:${n.toString(16).padStart(2, '0')}`;
    const full = Array.from({ length: 20 }, (_, n) => conflict(macOf(n + 1), ['ns/a']));
    const pushed = [conflict(macOf(0), ['ns/a']), ...full.slice(0, 19)];

    expect(summary(told(READY, full), READY, pushed)).to.deep.equal(['MACConflict', 'MACConflict ns/a']);
  });
});
