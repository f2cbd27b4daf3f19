import { expect } from 'chai';
import { Handler, type HandlerContext, OnCreate, Reconcile, type ReconcileContext } from '../../../../src/framework';
import { status } from '../../../../src/framework/testing';
import type { LogLine } from '../../../../src/framework/testing/recording-logger';
import { aPart, aWorld, endWorlds, Part } from '../faults/world';

@Handler()
class Talkers {
  @OnCreate(Part)
  async greet(_part: Part, { log }: HandlerContext<Part>): Promise<void> {
    log.info('created');
  }

  @Reconcile(Part)
  async reconcile(_part: Part, { log }: ReconcileContext<Part>): Promise<void> {
    log.info('reconciled');
    throw new Error('no');
  }
}

describe('the log lines of a pass', () => {
  afterEach(endWorlds);

  it('carry its id, eight hexadecimal digits: the same in all of them and another one in every pass', async () => {
    const { server, start, log } = await aWorld();
    server.objects.create(Part, aPart('p'));
    const operator = await start({ handlers: [Talkers] });
    await operator.advance(1_500);

    const passOf = ({ fields }: LogLine): unknown => fields['pass'];
    const told = (message: string): LogLine[] => log.lines.filter((line) => line.message === message);
    const [first, second] = told('reconciled').map(passOf);
    expect(first).to.match(/^[0-9a-f]{8}$/);
    expect(second)
      .to.match(/^[0-9a-f]{8}$/)
      .and.not.equal(first);
    expect(told('created').map(passOf)).to.deep.equal([first]);
    expect(told('handler failed').map(passOf)).to.deep.equal([first, second]);
  });

  it('name the object also when it is the framework that failed to write', async () => {
    const { server, start, log } = await aWorld();
    server.objects.create(Part, aPart('p'));
    server.faults.add({ on: { verb: 'patch', kind: Part }, do: status(500) });
    await start({ handlers: [Talkers] });

    const line = log.lines.find(({ message }) => message === 'writing finalizer or status failed');
    expect(line?.fields).to.include({ kind: 'Part', namespace: 'default', name: 'p' });
    expect(line?.fields['pass']).to.match(/^[0-9a-f]{8}$/);
  });
});
