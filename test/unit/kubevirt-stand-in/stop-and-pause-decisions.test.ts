import { expect } from 'chai';
import { decidePause, decideUnpause } from '../../kubevirt/decisions/pause';
import { decideRestart, decideStop } from '../../kubevirt/decisions/stop';
import { aVm, aVmi } from './builders';

const STOPPED = { printableStatus: 'Stopped' };
const NOW = '2026-01-01T00:00:00Z';
const PAUSED = { type: 'Paused', status: 'True' as const };

describe('the stop decision of the KubeVirt stand-in', () => {
  const running = aVmi({ phase: 'Running', spec: { terminationGracePeriodSeconds: 30 } });

  for (const runStrategy of ['Manual', 'RerunOnFailure']) {
    it(`queues a Stop with the instance's UID for ${runStrategy}`, () => {
      const { answer, writes } = decideStop('web', aVm({ runStrategy, status: STOPPED }), running, '');

      expect(answer.code).to.equal(202);
      expect(writes[0]?.operations[1]?.value).to.deep.equal([{ action: 'Stop', uid: 'vmi-1' }]);
    });

    for (const phase of ['Succeeded', 'Failed'] as const) {
      it(`answers 409 for ${runStrategy} when the instance has ${phase}`, () => {
        expect(decideStop('web', aVm({ runStrategy, status: STOPPED }), aVmi({ phase }), '').answer.code).to.equal(409);
      });
    }
  }

  it('replaces requests that are queued already, under a test of the old ones', () => {
    const { writes } = decideStop('web', aVm({ runStrategy: 'Manual', requests: [{ action: 'Start' }] }), running, '');

    expect(writes[0]?.operations).to.deep.equal([
      { op: 'test', path: '/status/stateChangeRequests', value: [{ action: 'Start' }] },
      { op: 'replace', path: '/status/stateChangeRequests', value: [{ action: 'Stop', uid: 'vmi-1' }] },
    ]);
  });

  for (const [title, vm, path, value] of [
    ['Always', aVm({ runStrategy: 'Always' }), '/spec/runStrategy', 'Halted'],
    ['Once', aVm({ runStrategy: 'Once' }), '/spec/runStrategy', 'Halted'],
    ['running: true', aVm({ running: true }), '/spec/running', false],
  ] as const) {
    it(`switches a VM with ${title} off`, () => {
      const { writes } = decideStop('web', vm, undefined, '');
      expect(writes[0]?.operations[1]).to.deep.equal({ op: 'replace', path, value });
    });
  }

  it('stops a Halted VM only with a shorter grace period, which it writes in any case', () => {
    const vm = aVm({ runStrategy: 'Halted', status: STOPPED });

    expect(decideStop('web', vm, undefined, '').answer.code).to.equal(409);
    expect(decideStop('web', vm, running, '').answer.code).to.equal(409);
    const longer = decideStop('web', vm, running, '{"gracePeriod":60}');
    expect([longer.answer.code, longer.writes.map((write) => write.resource)]).to.deep.equal([409, ['virtualmachineinstances']]);
    const shorter = decideStop('web', vm, running, '{"gracePeriod":0}');
    expect([shorter.answer.code, shorter.writes.map((write) => write.resource)]).to.deep.equal([
      202,
      ['virtualmachineinstances', 'virtualmachines'],
    ]);
  });

  it('answers 404, 400 and 500 for a missing VM, a malformed body and two strategies at once', () => {
    expect(decideStop('web', undefined, undefined, '').answer.code).to.equal(404);
    expect(decideStop('web', undefined, undefined, '{"gracePeriod":"x"}').answer.code).to.equal(400);
    expect(decideStop('web', aVm({ running: true, runStrategy: 'Always' }), undefined, '').answer.code).to.equal(500);
  });
});

describe('the restart decision of the KubeVirt stand-in', () => {
  it('queues a Stop and a Start for the strategies that allow it', () => {
    for (const runStrategy of ['Always', 'Manual', 'RerunOnFailure']) {
      const { writes } = decideRestart('web', aVm({ runStrategy, status: STOPPED }), aVmi({ phase: 'Running' }), '');
      expect(writes[0]?.operations[1]?.value).to.deep.equal([{ action: 'Stop', uid: 'vmi-1' }, { action: 'Start' }]);
    }
  });

  it('refuses Halted, Once, a missing instance and any grace period but 0', () => {
    expect(decideRestart('web', aVm({ runStrategy: 'Halted' }), aVmi(), '').answer.code).to.equal(409);
    expect(decideRestart('web', aVm({ runStrategy: 'Once' }), aVmi(), '').answer.code).to.equal(409);
    expect(decideRestart('web', aVm({ runStrategy: 'Always' }), undefined, '').answer.code).to.equal(409);
    expect(decideRestart('web', aVm({ runStrategy: 'Always' }), aVmi(), '{"gracePeriodSeconds":5}').answer.code).to.equal(400);
    expect(decideRestart('web', aVm({ runStrategy: 'Always' }), aVmi(), '{"gracePeriodSeconds":-1}').answer.code).to.equal(400);
  });
});

describe('the pause and unpause decisions of the KubeVirt stand-in', () => {
  it('pauses a Running instance by the Paused condition and answers 200', () => {
    const { answer, writes } = decidePause('web', aVmi({ phase: 'Running' }), '', NOW);

    expect(answer).to.deep.equal({ code: 200 });
    expect(writes[0]?.operations.at(-1)?.value).to.deep.include.members([
      {
        type: 'Paused',
        status: 'True',
        reason: 'PausedByUser',
        message: 'VMI was paused by user',
        lastTransitionTime: NOW,
        lastProbeTime: NOW,
      },
    ]);
  });

  it('takes the Paused condition away and keeps the others', () => {
    const ready = { type: 'Ready', status: 'False' as const };

    const { answer, writes } = decideUnpause('web', aVm(), aVmi({ phase: 'Running', status: { conditions: [ready, PAUSED] } }), '');

    expect(answer.code).to.equal(200);
    expect(writes[0]?.operations).to.deep.equal([
      { op: 'test', path: '/status/conditions', value: [ready, PAUSED] },
      { op: 'add', path: '/status/conditions', value: [ready] },
    ]);
  });

  for (const [row, vm, vmi, code, text] of [
    ['no instance', aVm(), undefined, 404, /virtualmachineinstance.kubevirt.io "web" not found/],
    ['not running', aVm(), aVmi({ phase: 'Scheduled' }), 409, /VMI is not running/],
    ['not paused', aVm(), aVmi({ phase: 'Running' }), 409, /VMI is not paused/],
    [
      'snapshot',
      aVm({ status: { snapshotInProgress: 's' } }),
      aVmi({ phase: 'Running', status: { conditions: [PAUSED] } }),
      409,
      /snapshot/,
    ],
  ] as const) {
    it(`unpause row ${row}: answers ${code}`, () => {
      const { answer, writes } = decideUnpause('web', vm, vmi, '');
      expect([answer.code, writes.length]).to.deep.equal([code, 0]);
      expect(answer.body?.message).to.match(text);
    });
  }

  it('unpauses an instance that has no VM', () => {
    expect(decideUnpause('web', undefined, aVmi({ phase: 'Running', status: { conditions: [PAUSED] } }), '').answer.code).to.equal(200);
  });

  it('refuses to pause what is not running, paused already, migrating or probed', () => {
    const codeOf = (vmi: Parameters<typeof decidePause>[1]): number => decidePause('web', vmi, '', NOW).answer.code;

    expect(codeOf(undefined)).to.equal(404);
    expect(codeOf(aVmi({ phase: 'Scheduled' }))).to.equal(409);
    expect(codeOf(aVmi({ phase: 'Running', status: { conditions: [PAUSED] } }))).to.equal(409);
    expect(codeOf(aVmi({ phase: 'Running', status: { migrationState: {} } }))).to.equal(409);
    expect(codeOf(aVmi({ phase: 'Running', spec: { livenessProbe: {} } }))).to.equal(403);
  });

  it('writes nothing on a dry run', () => {
    expect(decidePause('web', aVmi({ phase: 'Running' }), '{"dryRun":["All"]}', NOW)).to.deep.equal({ writes: [], answer: { code: 200 } });
    expect(
      decideUnpause('web', aVm(), aVmi({ phase: 'Running', status: { conditions: [PAUSED] } }), '{"dryRun":["All"]}').writes,
    ).to.deep.equal([]);
  });
});
