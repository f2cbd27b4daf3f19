import { expect } from 'chai';
import { type AgentReport, problemFieldManager, problemOf, sameProblem } from '../../../../src/wol/deployment/agent-problem';

const report = (overrides: Partial<AgentReport> = {}): AgentReport => ({
  ...{ nodeName: 'n1', configName: 'lab', ports: [{ port: 9, error: '' }], rawError: '', healthError: '' },
  ...overrides,
});

describe('the problem of an agent', () => {
  it('is none when everything works', () => {
    expect(problemOf(report(), 8_080)).to.equal(undefined);
  });

  it('names the ports that cannot be bound', () => {
    const ports = [
      { port: 9, error: 'EACCES' },
      { port: 7, error: '' },
      { port: 8, error: 'EADDRINUSE' },
    ];

    expect(problemOf(report({ ports }), 8_080)).to.deep.equal({ node: 'n1', reason: 'BindFailed', ports: [9, 8], message: 'EACCES' });
  });

  it('names the health port that is busy, and frames that cannot be received, the worst first', () => {
    const busy = report({ healthError: 'in use', rawError: 'EPERM' });

    expect(problemOf(busy, 8_080)).to.deep.equal({ node: 'n1', reason: 'HealthPortBusy', ports: [8_080], message: 'in use' });
    expect(problemOf(report({ rawError: 'EPERM' }), 8_080)).to.deep.equal({ node: 'n1', reason: 'RawFailed', message: 'EPERM' });
    expect(problemOf({ ...busy, ports: [{ port: 9, error: 'x' }] }, 8_080)?.reason).to.equal('BindFailed');
  });

  it('lets no text of the network break a line or fill a status', () => {
    const message = problemOf(report({ rawError: `a\n\u001b[31mb\u202ec${'x'.repeat(10_000)}` }), undefined)!.message!;

    expect(message).to.match(/^a \[31mb cx+$/);
    expect(message).to.have.length(256);
  });

  it('is the same when reason, ports and message are', () => {
    const problem = problemOf(report({ healthError: 'x' }), 8_080)!;

    expect(sameProblem(problem, { ...problem })).to.equal(true);
    expect(sameProblem(problem, { ...problem, message: 'y' })).to.equal(false);
    expect(sameProblem(problem, undefined)).to.equal(false);
    expect(sameProblem(undefined, undefined)).to.equal(true);
  });

  it('has an owner of its own for each node', () => {
    // sha256sum of the name
    expect(problemFieldManager('n1')).to.equal('wol-agent-676b8bb84ce7267d');
    expect(problemFieldManager('n2')).not.to.equal(problemFieldManager('n1'));
  });
});
