import { expect } from 'chai';
import { Handler, Reconcile } from '../../../../src/framework';
import { closeAtOnce, status } from '../../../../src/framework/testing';
import { aPart, aWorld, endWorlds, Part, type World } from './world';

const AWAY = 'API server cannot be reached, working from the last known state';
const BACK = 'API server is back';

@Handler()
class OfParts {
  @Reconcile(Part)
  async reconcile(): Promise<void> {}
}

const told = ({ log }: World): string[] =>
  log.lines.map(({ message }) => message).filter((message) => message === AWAY || message === BACK);

describe('what the log says of the API server', () => {
  afterEach(endWorlds);

  it('is once that it is away and once that it is back, when connections are refused', async () => {
    const world = await aWorld();
    const operator = await world.start({ handlers: [OfParts] });
    await world.server.pause();
    await operator.advance(120_000);
    expect(told(world)).to.deep.equal([AWAY]);
    await world.server.resume();
    await operator.advance(60_000);

    expect(told(world)).to.deep.equal([AWAY, BACK]);
  });

  it('is the same when it answers, but with errors of its own', async () => {
    const world = await aWorld();
    const operator = await world.start({ handlers: [OfParts] });
    await operator.advance(10_000);
    const errors = world.server.faults.add({ on: { kind: Part }, do: status(503), times: Number.POSITIVE_INFINITY });
    world.server.faults.strike({ kind: Part }, closeAtOnce());
    await operator.advance(60_000);
    expect(told(world)).to.deep.equal([AWAY]);
    errors.remove();
    await operator.advance(60_000);

    expect(told(world)).to.deep.equal([AWAY, BACK]);
  });

  it('is nothing when the only kind that is watched is not served any more, and comes back', async () => {
    const world = await aWorld();
    world.server.objects.create(Part, aPart('a'));
    const operator = await world.start({ handlers: [OfParts] });
    await operator.advance(10_000);
    world.server.unserve(Part);
    await operator.advance(120_000);
    expect(operator.cluster.serves(Part)).to.equal(false);
    world.server.serve(Part);
    await operator.advance(120_000);

    expect(operator.cluster.serves(Part)).to.equal(true);
    expect(told(world)).to.deep.equal([]);
  });

  it('is nothing when it refuses the credential', async () => {
    const world = await aWorld();
    const operator = await world.start({ handlers: [OfParts] });
    await operator.advance(10_000);
    world.server.faults.add({ on: { kind: Part }, do: status(401), times: Number.POSITIVE_INFINITY });
    world.server.faults.strike({ kind: Part }, closeAtOnce());
    await operator.advance(60_000);

    expect(told(world)).to.deep.equal([]);
    expect(world.log.lines.some(({ message, fields }) => message === 'informer changed its state' && fields['to'] === 'Backoff')).to.equal(
      true,
    );
  });

  it('is nothing when it refuses the request, which is logged with what it said', async () => {
    const world = await aWorld();
    const operator = await world.start({ handlers: [OfParts] });
    await operator.advance(10_000);
    world.server.faults.add({ on: { kind: Part }, do: status(400), times: Number.POSITIVE_INFINITY });
    world.server.faults.strike({ kind: Part }, closeAtOnce());
    await operator.advance(60_000);

    expect(told(world)).to.deep.equal([]);
    const line = world.log.lines.find(({ message, fields }) => message === 'informer changed its state' && fields['to'] === 'Backoff');
    expect(line?.level).to.equal('warn');
    expect(line?.fields['detail']).to.match(/: 400 /);
  });
});
