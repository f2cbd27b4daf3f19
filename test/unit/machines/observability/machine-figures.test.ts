import { expect } from 'chai';
import type { MachineStatus } from '../../../../src/api/vitistack/v1alpha1';
import type { Machine } from '../../../../src/machines/kinds';
import { machineFigures } from '../../../../src/machines/observability/machine-figures';
import { RestTimes } from '../../../../src/machines/observability/rest-times';
import { aMachine } from '../builders';

const NOW = Date.parse('2026-01-01T01:00:00Z');

function placed(name: string, status: MachineStatus, times: { created?: string; deleted?: string } = {}): Machine {
  const machine = aMachine({ name, uid: `uid-${name}`, status: { kubevirtConfigRef: { name: 'east' }, ...status } });
  const { created = '2026-01-01T00:00:00Z', deleted } = times;
  return {
    ...machine,
    metadata: { ...machine.metadata, creationTimestamp: created, ...(deleted === undefined ? {} : { deletionTimestamp: deleted }) },
  };
}

function ready(status: string, since: string): MachineStatus {
  return { conditions: [{ type: 'Ready', status, reason: 'Any', message: '', lastTransitionTime: since }] };
}

function figuresOf(machines: readonly Machine[], rests = new RestTimes()) {
  const clusterOf = (machine: Machine): string => machine.status?.kubevirtConfigRef?.name ?? '';
  return machineFigures(machines, { clusters: ['east', 'west'], clusterOf, restedUntilMs: (uid) => rests.restedUntilMs(uid), nowMs: NOW });
}

describe('figures about Machines', () => {
  it('count them by cluster and phase, with zero for what there is none of', () => {
    const { objects } = figuresOf([placed('a', { phase: 'Running' }), placed('b', { phase: 'Running' }), placed('c', { phase: 'Failed' })]);

    const of = (cluster: string, phase: string): number | undefined =>
      objects.find(({ labels }) => labels.cluster === cluster && labels.phase === phase)?.value;
    expect(of('east', 'Running')).to.equal(2);
    expect(of('east', 'Failed')).to.equal(1);
    expect(of('east', 'Pending')).to.equal(0);
    expect(of('west', 'Running')).to.equal(0);
  });

  it('count a phase that nobody knows as Unknown and one that was not judged yet as Pending, so that no word of others makes a series', () => {
    const { objects } = figuresOf([placed('a', { phase: 'Whatever' }), placed('b', {})]);
    const present = objects.filter(({ value }) => value > 0).map(({ labels, value }) => `${labels.phase} ${value}`);
    expect(present).to.deep.equal(['Pending 1', 'Unknown 1']);
  });

  it('tell how long the longest is not ready, from the transition of its condition, or from its creation', () => {
    const { notReady } = figuresOf([
      placed('ready', { phase: 'Running', ...ready('True', '2026-01-01T00:00:00Z') }),
      placed('short', { phase: 'Pending', ...ready('False', '2026-01-01T00:50:00Z') }),
      placed('long', { phase: 'Failed', ...ready('Unknown', '2026-01-01T00:30:00Z') }),
    ]);
    expect(notReady).to.deep.equal([
      { labels: { cluster: '' }, value: 0 },
      { labels: { cluster: 'east' }, value: 1_800 },
      { labels: { cluster: 'west' }, value: 0 },
    ]);
    expect(figuresOf([placed('new', {})]).notReady[1]?.value).to.equal(3_600);
  });

  it('do not count the time of a Machine that rests: it was stopped, or its guest has ended', () => {
    const { notReady } = figuresOf([
      placed('stopped', { phase: 'Stopped', ...ready('False', '2026-01-01T00:00:00Z') }),
      placed('ended', { phase: 'Succeeded', ...ready('False', '2026-01-01T00:00:00Z') }),
    ]);
    expect(notReady[1]?.value).to.equal(0);
  });

  it('count from the start of a Machine that rested for long, not from when it stopped', () => {
    const rests = new RestTimes();
    const before = placed('web', { phase: 'Stopped', ...ready('False', '2026-01-01T00:00:00Z') });
    const after = placed('web', { phase: 'Pending', ...ready('False', '2026-01-01T00:00:00Z') });
    rests.see(before, undefined, NOW - 600_000);
    rests.see(after, before, NOW - 60_000);
    expect(figuresOf([after], rests).notReady[1]?.value).to.equal(60);

    rests.see(placed('web', { phase: 'Running', ...ready('True', '2026-01-01T00:59:00Z') }), after, NOW);
    expect(rests.size).to.equal(0);
  });

  it('tell how long the longest deletion takes in each step, and not of it as not ready', () => {
    const deleting = (name: string, reason: string, since: string): Machine =>
      placed(name, { phase: 'Terminating', conditions: [{ type: 'Deleting', status: 'True', reason, message: '' }] }, { deleted: since });
    const { deletion, notReady } = figuresOf([
      deleting('a', 'WaitingForVirtualMachine', '2026-01-01T00:10:00Z'),
      deleting('b', 'WaitingForVirtualMachine', '2026-01-01T00:40:00Z'),
      deleting('c', 'WaitingForCluster', '2026-01-01T00:59:00Z'),
      deleting('d', 'Invented', '2026-01-01T00:59:30Z'),
    ]);
    const lasting = deletion.filter(({ value }) => value > 0).map(({ labels, value }) => `${labels.cluster} ${labels.step} ${value}`);
    expect(lasting).to.deep.equal(['east  30', 'east WaitingForVirtualMachine 3000', 'east WaitingForCluster 60']);
    expect(deletion).to.deep.include({ labels: { cluster: 'west', step: 'WaitingForVirtualMachine' }, value: 0 });
    expect(notReady[1]?.value).to.equal(0);
  });
});
