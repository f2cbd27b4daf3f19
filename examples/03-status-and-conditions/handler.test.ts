import { expect } from 'chai';
import { FakeApiServer, FakeClock, runHandler, TestOperator } from 'virt-steward/framework/testing';
import { Greeting, GreetingHandler, handlers } from './handler';

const aGreeting = (language: string): Greeting => ({ metadata: { namespace: 'default', name: 'a' }, spec: { name: 'Ada', language } });

describe('03-status-and-conditions', () => {
  it('tells the text, a condition and an Event', async () => {
    const { status, conditions, events } = await runHandler(GreetingHandler, { object: aGreeting('fr') });

    expect(status).to.include({ text: 'Bonjour, Ada!', lastGreeted: '2026-01-01T00:00:00Z', observedGeneration: 1 });
    expect(conditions).to.have.length(1);
    expect(conditions[0]).to.include({ type: 'Ready', status: 'True', reason: 'Greeted', observedGeneration: 1 });
    expect(events).to.deep.equal([{ type: 'Normal', reason: 'Greeted', note: 'Bonjour, Ada!' }]);
  });

  it('says what is wrong with a language that it does not know', async () => {
    const { status, conditions, events } = await runHandler(GreetingHandler, { object: aGreeting('tlh') });

    expect(status).not.to.have.property('text');
    expect(conditions[0]).to.include({ status: 'False', reason: 'UnknownLanguage' });
    expect(conditions[0]?.message).to.equal('no word for the language tlh; known: de, en, fr');
    expect(events).to.deep.equal([]);
  });

  it('writes the status once and not again while nothing but the time changes', async () => {
    const clock = new FakeClock();
    await using server = await FakeApiServer.start({ clock, crdFiles: ['examples/crds/greetings.yaml'] });
    server.objects.create(Greeting, aGreeting('en'));
    await using operator = await TestOperator.start({ handlers, server, clock });

    await operator.advance(60_000);
    server.objects.update(Greeting, 'default/a', ({ metadata }) => {
      metadata!.labels = { seen: 'yes' };
    });
    await operator.settle();

    expect(operator.key(Greeting, 'default/a').history).to.have.length(2);
    expect(operator.writes().filter(({ resource }) => resource === Greeting.plural)).to.have.length(1);
  });
});
