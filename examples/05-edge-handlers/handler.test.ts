import { expect } from 'chai';
import { FakeApiServer, FakeClock, RecordingLogger, TestOperator } from 'virt-steward/framework/testing';
import { Greeting, handlers } from './handler';

interface World extends AsyncDisposable {
  readonly server: FakeApiServer;
  readonly operator: TestOperator;
  /** Notes of Kubernetes Events, oldest first. */
  notes(): Promise<string[]>;
  readonly logger: RecordingLogger;
}

async function aWorld(): Promise<World> {
  const clock = new FakeClock();
  const server = await FakeApiServer.start({ clock, crdFiles: ['examples/crds/greetings.yaml'] });
  const logger = new RecordingLogger();
  const operator = await TestOperator.start({ handlers, server, clock, logger });
  const notes = async (): Promise<string[]> => {
    await operator.settle();
    return server.journal.writes({ resource: 'events' }).map(({ body }) => (body as { note: string }).note);
  };
  const end = async (): Promise<void> => {
    await operator.stop();
    await server.stop();
  };
  return { server, operator, logger, notes, [Symbol.asyncDispose]: end };
}

const ada: Greeting = { metadata: { namespace: 'default', name: 'ada' }, spec: { name: 'Ada' } };

describe('05-edge-handlers', () => {
  it('welcomes a Greeting once, whatever happens to it and to the process', async () => {
    await using world = await aWorld();
    world.server.objects.create(Greeting, ada);
    await world.operator.settle();
    await world.operator.restart();

    expect(await world.notes()).to.deep.equal(['nice to meet you, Ada']);
    expect(world.logger.lines.filter(({ message }) => message === 'seen before')).to.have.length(1);
  });

  it('welcomes a Greeting that came while the operator was away', async () => {
    await using world = await aWorld();
    await world.operator.kill();
    world.server.objects.create(Greeting, ada);
    await world.operator.restart();

    expect(await world.notes()).to.deep.equal(['nice to meet you, Ada']);
    expect(world.logger.lines.filter(({ message }) => message === 'seen before')).to.have.length(0);
  });

  it('tells what has changed, and the new name only when it is the name', async () => {
    await using world = await aWorld();
    world.server.objects.create(Greeting, ada);
    await world.operator.settle();
    world.server.objects.update(Greeting, 'default/ada', ({ spec }) => {
      spec.language = 'fr';
    });
    await world.operator.settle();
    world.server.objects.update(Greeting, 'default/ada', ({ spec }) => {
      spec.name = 'Grace';
    });

    expect(await world.notes()).to.deep.equal(['nice to meet you, Ada', 'Ada is Grace now']);
    const changes = world.logger.lines
      .filter(({ message }) => message === 'changed')
      .map(({ fields }) => [fields['op'], fields['path'], fields['value']]);
    expect(changes).to.deep.equal([
      ['add', '/spec/language', 'fr'],
      ['replace', '/spec/name', 'Grace'],
    ]);
  });
});
