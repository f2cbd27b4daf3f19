import { expect } from 'chai';
import { Daemon, type DaemonContext, Handler, PermanentError, TemporaryError } from '../../../../src/framework';
import type { FakeApiServer } from '../../../../src/framework/testing';
import { aPart, aWorld, endWorlds, Part } from '../faults/world';

let fail: (ctx: DaemonContext<Part>) => Promise<void> | void = () => undefined;

@Handler()
class Listeners {
  @Daemon(Part)
  async listen(_part: Part, ctx: DaemonContext<Part>): Promise<void> {
    await fail(ctx);
  }
}

interface EventBody {
  readonly type: string;
  readonly reason: string;
  readonly note: string;
  readonly action: string;
  readonly regarding: { readonly kind: string; readonly name: string; readonly namespace: string };
  readonly series?: { readonly count: number };
}

const eventsOf = (server: FakeApiServer): EventBody[] =>
  server.journal.writes({ verb: 'create', resource: 'events' }).map(({ body }) => body as EventBody);

describe('a daemon that fails', () => {
  afterEach(endWorlds);

  it('is reported by a Warning Event on its object, and repeats of it are one series', async () => {
    const { server, start } = await aWorld();
    server.objects.create(Part, aPart('p'));
    fail = () => {
      throw new Error('port 9 is taken');
    };
    const operator = await start({ handlers: [Listeners] });
    await operator.advance(20_000);

    const events = eventsOf(server);
    expect(events).to.have.length(1);
    expect(events[0]).to.include({ type: 'Warning', reason: 'ReconcileError', note: 'port 9 is taken', action: 'Listeners.listen' });
    expect(events[0]!.regarding).to.include({ kind: 'Part', namespace: 'default', name: 'p' });
    const repeats = server.journal.writes({ verb: 'patch', resource: 'events' });
    expect(repeats, 'repeats are counted on the same Event').not.to.have.length(0);
    expect(
      operator.writes().every(({ resource }) => resource === 'events'),
      'no condition is written',
    ).to.equal(true);
  });

  it('gives as reason what the error says', async () => {
    const { server, start } = await aWorld();
    server.objects.create(Part, aPart('p'));
    fail = () => {
      throw new PermanentError('spec.size is 0; allowed: above 0', { reason: 'SizeOutOfRange' });
    };
    const operator = await start({ handlers: [Listeners] });
    await operator.advance(1);

    expect(eventsOf(server).map(({ reason }) => reason)).to.deep.equal(['SizeOutOfRange']);
  });

  it('is not reported for a passing error before its third failure in a row', async () => {
    const { server, start } = await aWorld();
    server.objects.create(Part, aPart('p'));
    fail = () => {
      throw new TemporaryError('not yet', { delayMs: 1_000 });
    };
    const operator = await start({ handlers: [Listeners] });
    await operator.advance(1_500);
    expect(eventsOf(server)).to.have.length(0);

    await operator.advance(1_500);
    expect(eventsOf(server).map(({ note }) => note)).to.deep.equal(['not yet']);
  });

  it('is not reported when it throws because it was told to end', async () => {
    const { server, start } = await aWorld();
    server.objects.create(Part, aPart('p'));
    fail = ({ signal }) =>
      new Promise((_resolve, reject) => {
        signal.addEventListener('abort', () => reject(new Error('aborted')), { once: true });
      });
    const operator = await start({ handlers: [Listeners] });
    await operator.advance(1);
    server.objects.delete(Part, 'default/p');
    await operator.settle();

    expect(eventsOf(server)).to.have.length(0);
  });

  it('is named in the log with kind, namespace, name and UID of its object', async () => {
    const { server, start, log } = await aWorld();
    const { uid } = server.objects.create(Part, aPart('p')).metadata ?? {};
    fail = ({ log: own }) => {
      own.info('about to fail');
      throw new Error('no');
    };
    const operator = await start({ handlers: [Listeners] });
    await operator.advance(1);

    const lines = log.lines.filter(({ message }) => message === 'about to fail' || message.startsWith('daemon ended'));
    expect(lines).to.have.length(2);
    for (const { fields } of lines) {
      expect(fields).to.include({ controller: 'Listeners.listen', kind: 'Part', namespace: 'default', name: 'p', uid });
    }
  });
});
