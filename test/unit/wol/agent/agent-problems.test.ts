import { expect } from 'chai';
import { AgentProblemBoard } from '../../../../src/wol/agent/agent-problems';
import type { AgentStatus } from '../../../../src/wol/protocol/generated/wol-descriptor';
import type { Outgoing } from '../../../../src/wol/protocol/wire';

describe('problems of an agent', () => {
  let status: Outgoing<AgentStatus>;
  let board: AgentProblemBoard;
  let told: string[];

  beforeEach(() => {
    status = { ports: [{ port: 9, ipv4: true, ipv6: true, error: '' }], rawInterfaces: [], rawError: '', healthError: '', queueLength: 0 };
    board = new AgentProblemBoard(() => status);
    told = [];
  });

  it('are told when one appears, changes and ends, and not in between', async () => {
    board.onChange(() => void told.push(board.status().rawError ?? ''));
    for (const rawError of ['', 'eth0: EPERM', 'eth0: EPERM', 'no interface', '']) {
      status = { ...status, rawError };
      await board.check();
    }
    expect(told).to.deep.equal(['eth0: EPERM', 'no interface', '']);
  });

  it('are no matter of counters', async () => {
    board.onChange(() => void told.push('news'));
    status = { ...status, queueLength: 7, kernelDrops: 3, eventsDropped: 1 };
    await board.check();
    expect(told).to.deep.equal([]);
  });

  it('wait for listeners that report them, also when one of them fails', async () => {
    board.onChange(() => Promise.reject(new Error('no manager')));
    board.onChange(async () => {
      await new Promise(setImmediate);
      told.push('reported');
    });
    status = { ...status, healthError: 'EADDRINUSE' };
    await board.check();
    expect(told).to.deep.equal(['reported']);
  });

  it('are told to nobody who has left', async () => {
    const leave = board.onChange(() => void told.push('news'));
    leave();
    status = { ...status, ports: [{ port: 9, ipv4: false, ipv6: true, error: 'EADDRINUSE' }] };
    await board.check();
    expect(told).to.deep.equal([]);
  });
});
