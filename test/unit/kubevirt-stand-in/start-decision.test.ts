import { expect } from 'chai';
import fc from 'fast-check';
import type { Decision, PatchOperation } from '../../kubevirt/decisions/answer';
import { decideStart } from '../../kubevirt/decisions/start';
import { type VirtualMachine, type VirtualMachineInstance, VMI_PHASES, type VmiPhase } from '../../kubevirt/objects';
import { aVm, aVmi } from './builders';

const STOPPED = { printableStatus: 'Stopped' };
const MANUAL_RECOVERY = { conditions: [{ type: 'ManualRecoveryRequired', status: 'True' as const }] };

function specPatch(path: string, old: unknown, value: unknown, op: 'add' | 'replace' = 'replace'): PatchOperation[] {
  return [
    { op: 'test', path, value: old },
    { op, path, value },
  ];
}

function queuePatch(requests: unknown[]): PatchOperation[] {
  return [
    { op: 'test', path: '/status/stateChangeRequests', value: null },
    { op: 'add', path: '/status/stateChangeRequests', value: requests },
  ];
}

function operationsOf(decision: Decision): readonly PatchOperation[] {
  return decision.writes.flatMap((write) => write.operations);
}

interface Row {
  readonly id: string;
  readonly vm: VirtualMachine;
  readonly phases: readonly (VmiPhase | 'none')[];
  readonly body?: string;
  readonly code: number;
  readonly text?: RegExp;
  readonly operations?: PatchOperation[];
}

const STOP = { action: 'Stop', uid: 'vmi-1' };
const START = { action: 'Start' };

const TABLE: readonly Row[] = [
  ...['Always', 'Halted', 'Manual', 'RerunOnFailure', 'Once', 'WaitAsReceiver'].map((runStrategy) => ({
    id: `active-${runStrategy}`,
    vm: aVm({ runStrategy, status: STOPPED }),
    phases: ['Pending', 'Scheduling', 'Scheduled', 'Running', 'WaitingForSync'] as const,
    code: 409,
    text: /"web": VM is already running$/,
  })),
  {
    id: 'recovery',
    vm: aVm({ runStrategy: 'Manual', status: MANUAL_RECOVERY }),
    phases: ['none', 'Succeeded', 'Failed', 'Unknown', ''],
    code: 409,
    text: /recovery required/i,
  },
  {
    id: 'halted',
    vm: aVm({ runStrategy: 'Halted', status: STOPPED }),
    phases: ['none', 'Succeeded', 'Failed', 'Unknown', ''],
    code: 202,
    operations: specPatch('/spec/runStrategy', 'Halted', 'Always'),
  },
  {
    id: 'running-false',
    vm: aVm({ running: false, status: STOPPED }),
    phases: ['none', 'Succeeded', 'Failed', 'Unknown', ''],
    code: 202,
    operations: specPatch('/spec/running', false, true),
  },
  {
    id: 'neither',
    vm: aVm({ status: STOPPED }),
    phases: ['none', 'Succeeded', 'Failed', 'Unknown', ''],
    code: 202,
    operations: specPatch('/spec/running', null, true, 'add'),
  },
  {
    id: 'halted-paused',
    vm: aVm({ runStrategy: 'Halted', status: STOPPED }),
    phases: ['none'],
    body: '{"paused":true}',
    code: 202,
    operations: queuePatch([{ action: 'Start', data: { paused: 'true' } }]),
  },
  {
    id: 'manual',
    vm: aVm({ runStrategy: 'Manual', status: STOPPED }),
    phases: ['none', 'Unknown', ''],
    code: 202,
    operations: queuePatch([START]),
  },
  {
    id: 'rerun',
    vm: aVm({ runStrategy: 'RerunOnFailure', status: STOPPED }),
    phases: ['none', 'Unknown', ''],
    code: 202,
    operations: queuePatch([START]),
  },
  {
    id: 'manual-final',
    vm: aVm({ runStrategy: 'Manual', status: STOPPED }),
    phases: ['Succeeded', 'Failed'],
    code: 202,
    operations: queuePatch([STOP, START]),
  },
  {
    id: 'rerun-succeeded',
    vm: aVm({ runStrategy: 'RerunOnFailure', status: STOPPED }),
    phases: ['Succeeded'],
    code: 202,
    operations: queuePatch([STOP, START]),
  },
  {
    id: 'manual-underway',
    vm: aVm({ runStrategy: 'Manual', requests: [{ action: 'Start' }] }),
    phases: ['none'],
    code: 500,
    text: /stop\/start already underway/,
  },
  {
    id: 'rerun-underway',
    vm: aVm({ runStrategy: 'RerunOnFailure', requests: [{ action: 'Stop', uid: 'x' }] }),
    phases: ['none'],
    code: 500,
    text: /already underway/,
  },
  { id: 'rerun-failed', vm: aVm({ runStrategy: 'RerunOnFailure', status: STOPPED }), phases: ['Failed'], code: 409, text: /failed state/ },
  {
    id: 'always',
    vm: aVm({ runStrategy: 'Always', status: STOPPED }),
    phases: ['none', 'Succeeded', 'Failed'],
    code: 409,
    text: /Always does not support manual start/,
  },
  {
    id: 'running-true',
    vm: aVm({ running: true, status: STOPPED }),
    phases: ['none', 'Succeeded', 'Failed'],
    code: 409,
    text: /Always does not support manual start/,
  },
  {
    id: 'once',
    vm: aVm({ runStrategy: 'Once', status: STOPPED }),
    phases: ['none', 'Succeeded', 'Failed'],
    code: 409,
    text: /Once does not support manual start/,
  },
  {
    id: 'receiver',
    vm: aVm({ runStrategy: 'WaitAsReceiver', status: STOPPED }),
    phases: ['none', 'Succeeded', 'Failed'],
    code: 202,
    operations: [],
  },
  { id: 'unknown-strategy', vm: aVm({ runStrategy: 'Sometimes', status: STOPPED }), phases: ['none'], code: 202, operations: [] },
  {
    id: 'both',
    vm: aVm({ running: false, runStrategy: 'Manual', status: STOPPED }),
    phases: ['none', 'Failed', ''],
    code: 500,
    text: /mutually exclusive/,
  },
  ...['not json', '[1]', '"text"', '{"paused"', '{"paused":"yes"}', '{"dryRun":"All"}'].map((body) => ({
    id: `body ${body}`,
    vm: aVm({ runStrategy: 'Manual', status: STOPPED }),
    phases: ['none'] as const,
    body,
    code: 400,
    text: /^Can not unmarshal Request body/,
  })),
];

describe('the start decision of the KubeVirt stand-in', () => {
  for (const { id, vm, phases, body = '', code, text, operations = [] } of TABLE) {
    for (const phase of phases) {
      it(`row ${id}: answers ${code} with instance phase ${phase === '' ? '(empty)' : phase}`, () => {
        const decision = decideStart('web', vm, phase === 'none' ? undefined : aVmi({ phase }), body);

        expect(decision.answer.code).to.equal(code);
        expect(operationsOf(decision)).to.deep.equal(operations);
        if (text === undefined) expect(decision.answer.body).to.equal(undefined);
        else expect(decision.answer.body?.message).to.match(text);
      });
    }
  }

  it('row missing: answers 404 with the Status KubeVirt sends', () => {
    const decision = decideStart('gone', undefined, undefined, '');

    expect(decision).to.deep.equal({
      writes: [],
      answer: {
        code: 404,
        body: {
          kind: 'Status',
          apiVersion: 'v1',
          metadata: {},
          status: 'Failure',
          message: 'virtualmachine.kubevirt.io "gone" not found',
          reason: 'NotFound',
          details: { name: 'gone', group: 'kubevirt.io', kind: 'virtualmachine' },
          code: 404,
        },
      },
    });
  });

  it('writes change requests to the status subresource and the switch to the object itself', () => {
    const queued = decideStart('web', aVm({ runStrategy: 'Manual', status: STOPPED }), undefined, '');
    const switched = decideStart('web', aVm({ runStrategy: 'Halted', status: STOPPED }), undefined, '');

    expect(queued.writes[0]?.subresource).to.equal('status');
    expect(switched.writes[0]?.subresource).to.equal(undefined);
  });

  it('gives a VM without any status the whole status object', () => {
    for (const status of [undefined, {}, { printableStatus: '', created: false, conditions: [] }]) {
      const vm = aVm({ runStrategy: 'Manual', ...(status === undefined ? {} : { status }) });
      expect(operationsOf(decideStart('web', vm, undefined, ''))).to.deep.equal([
        { op: 'add', path: '/status', value: { stateChangeRequests: [START] } },
      ]);
    }
  });

  it('removes startFailure together with queueing the request', () => {
    const startFailure = { consecutiveFailCount: 1, lastFailedVMIUID: 'x', retryAfterTimestamp: '2026-01-01T00:00:10Z' };

    const operations = operationsOf(decideStart('web', aVm({ runStrategy: 'Manual', status: { startFailure } }), undefined, ''));

    expect(operations).to.deep.equal([...queuePatch([START]), { op: 'remove', path: '/status/startFailure' }]);
  });

  it('passes dryRun on to the patch and answers 202 all the same', () => {
    for (const runStrategy of ['Halted', 'Manual']) {
      const decision = decideStart('web', aVm({ runStrategy, status: STOPPED }), undefined, '{"dryRun":["All"]}');
      expect(decision.answer.code).to.equal(202);
      expect(decision.writes.map((write) => write.dryRun)).to.deep.equal([true]);
    }
  });

  it('checks in order: missing, active, recovery, body, strategy', () => {
    const worst = aVm({ running: true, runStrategy: 'Manual', status: MANUAL_RECOVERY });
    const noRecovery = aVm({ running: true, runStrategy: 'Manual' });

    expect(decideStart('web', undefined, aVmi({ phase: 'Running' }), 'junk').answer.code).to.equal(404);
    expect(decideStart('web', worst, aVmi({ phase: 'Running' }), 'junk').answer.body?.message).to.match(/already running/);
    expect(decideStart('web', worst, undefined, 'junk').answer.body?.message).to.match(/recovery/);
    expect(decideStart('web', noRecovery, undefined, 'junk').answer.code).to.equal(400);
    expect(decideStart('web', noRecovery, undefined, '').answer.code).to.equal(500);
  });

  it('never changes the run strategy of a Manual, RerunOnFailure, Once or WaitAsReceiver VM', () => {
    const vmis = fc
      .option(fc.constantFrom(...VMI_PHASES), { nil: undefined })
      .map((phase): VirtualMachineInstance | undefined => (phase === undefined ? undefined : aVmi({ phase })));
    const strategies = fc.constantFrom('Manual', 'RerunOnFailure', 'Once', 'WaitAsReceiver');
    const requests = fc.option(fc.array(fc.constantFrom({ action: 'Start' as const }, { action: 'Stop' as const, uid: 'vmi-1' })), {
      nil: undefined,
    });
    const bodies = fc.constantFrom('', '{"paused":true}', '{"dryRun":["All"]}', 'junk');
    fc.assert(
      fc.property(strategies, vmis, requests, bodies, (runStrategy, vmi, queued, body) => {
        const vm = aVm({ runStrategy, ...(queued === undefined ? {} : { requests: queued }) });
        const touched = operationsOf(decideStart('web', vm, vmi, body)).map((operation) => operation.path);
        return touched.every((path) => path === '/status' || path.startsWith('/status/'));
      }),
    );
  });

  it('tests the old value before every change of an existing field', () => {
    fc.assert(
      fc.property(fc.constantFrom('Halted', 'Manual', 'RerunOnFailure'), fc.constantFrom('none', ...VMI_PHASES), (runStrategy, phase) => {
        const vmi = phase === 'none' ? undefined : aVmi({ phase });
        const [first, second] = operationsOf(decideStart('web', aVm({ runStrategy, status: STOPPED }), vmi, ''));
        return first === undefined || (first.op === 'test' && first.path === second?.path);
      }),
    );
  });
});
