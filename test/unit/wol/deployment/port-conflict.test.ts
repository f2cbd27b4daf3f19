import { expect } from 'chai';
import type { WolConfigStatusAgentProblem } from '../../../../src/api/wol/v1beta1';
import { portCondition } from '../../../../src/wol/deployment/port-conflict';

const own = { name: 'lab', ports: [9, 7] };
const failed = (node: string, overrides: Partial<WolConfigStatusAgentProblem> = {}): WolConfigStatusAgentProblem => ({
  ...{ node, reason: 'BindFailed', ports: [9], message: 'EADDRINUSE' },
  ...overrides,
});

describe('the condition PortConflict', () => {
  it('is False while each port is one config alone', () => {
    expect(portCondition(own, [{ name: 'other', ports: [8] }], [])).to.deep.equal({
      ...{ type: 'PortConflict', status: 'False', reason: 'NoConflict', message: '' },
    });
  });

  it('names who shares a port, which does no harm', () => {
    const others = [
      { name: 'all', ports: [9, 40_000] },
      { name: 'apart', ports: [8] },
      { name: 'both', ports: [7, 9] },
    ];

    expect(portCondition(own, others, [])).to.deep.equal({
      ...{ type: 'PortConflict', status: 'False', reason: 'PortShared', message: 'shared with all (9); both (7, 9)' },
    });
  });

  it('is True when an agent cannot open a port, and names nodes, ports and the error', () => {
    const { status, reason, message } = portCondition(
      own,
      [{ name: 'all', ports: [9] }],
      [failed('n1', { ports: [9, 7] }), failed('n2', { reason: 'HealthPortBusy', ports: [8_080] })],
    );

    expect({ status, reason }).to.deep.equal({ status: 'True', reason: 'BindFailed' });
    expect(message).to.equal('port 9, 7 on node n1: EADDRINUSE; health port 8080 on node n2: EADDRINUSE');
  });

  it('counts nodes beyond the third', () => {
    const problems = ['n1', 'n2', 'n3', 'n4', 'n5'].map((node) => failed(node));

    expect(portCondition(own, [], problems).message).to.match(/node n3: EADDRINUSE; and 2 more$/);
  });

  it('has nothing to say of Ethernet frames', () => {
    expect(portCondition(own, [], [failed('n1', { reason: 'RawFailed' })]).reason).to.equal('NoConflict');
  });
});
