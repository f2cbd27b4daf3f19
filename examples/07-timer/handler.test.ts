import { expect } from 'chai';
import { conditionOf, createContainer } from 'virt-steward/framework';
import { FakeApiServer, FakeClock, TestOperator } from 'virt-steward/framework/testing';
import { handlers, Website } from './handler';
import { Visitor } from './visitor';

const MINUTE_MS = 60_000;
const KEY = 'default/site';

describe('07-timer', () => {
  /** What the website answers with; undefined when it does not. */
  let code: number | undefined;
  let visits: number;
  let server: FakeApiServer;
  let operator: TestOperator;

  beforeEach(async () => {
    [code, visits] = [200, 0];
    const visitor: Visitor = {
      visit: async () => {
        visits++;
        if (code === undefined) throw new Error('connection refused');
        return code;
      },
    };
    const clock = new FakeClock();
    server = await FakeApiServer.start({ clock, crdFiles: ['examples/crds/websites.yaml'] });
    server.objects.create(Website, { metadata: { namespace: 'default', name: 'site' }, spec: { url: 'https://example.org' } });
    operator = await TestOperator.start({ handlers, server, clock, container: createContainer().registerInstance(Visitor, visitor) });
  });

  afterEach(async () => {
    await operator.stop();
    await server.stop();
  });

  const ready = () => conditionOf(server.objects.get(Website, KEY) ?? {}, 'Ready');

  it('visits once a minute and writes only what has changed', async () => {
    await operator.advance(60 * MINUTE_MS);
    expect(visits).to.be.within(59, 61);
    expect(ready()).to.include({ status: 'True', reason: 'Answers' });
    expect(operator.writes().filter(({ resource }) => resource === Website.plural)).to.have.length(1);

    code = 503;
    await operator.advance(MINUTE_MS);
    expect(ready()).to.include({ status: 'False', reason: 'AnswersWithError', message: 'answered with 503' });
  });

  it('shows that nobody answers, and recovers by itself', async () => {
    code = undefined;
    await operator.advance(2 * MINUTE_MS);
    expect(ready()).to.include({ status: 'False', message: 'connection refused' });

    code = 200;
    await operator.advance(2 * MINUTE_MS);
    expect(ready()).to.include({ status: 'True', reason: 'Answers' });
  });

  it('ends with the Website', async () => {
    await operator.advance(MINUTE_MS);
    server.objects.delete(Website, KEY);
    await operator.settle();
    const before = visits;

    await operator.advance(10 * MINUTE_MS);
    expect(visits).to.equal(before);
  });
});
