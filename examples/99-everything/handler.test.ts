import { expect } from 'chai';
import { buildRegistry, createContainer } from 'virt-steward/framework';
import { FakeApiServer, FakeClock, RecordingLogger, TestOperator } from 'virt-steward/framework/testing';
import { Host, handlers, Visitor, Website } from './handler';

const MINUTE_MS = 60_000;
const KEY = 'default/home';
const metadata = { namespace: 'default', name: 'home' };

class RecordingVisitor extends Visitor {
  readonly calls: string[] = [];
  override async open(): Promise<void> {
    this.calls.push('open');
  }
  override async close(): Promise<void> {
    this.calls.push('close');
  }
  override async visit(url: string): Promise<number> {
    this.calls.push(url);
    return 200;
  }
}

describe('99-everything', () => {
  let clock: FakeClock;
  let server: FakeApiServer;
  let operator: TestOperator;
  let visitor: RecordingVisitor;
  let logger: RecordingLogger;

  const logged = (message: string, field: string): unknown[] =>
    logger.lines.filter((line) => line.message === message).map(({ fields }) => fields[field]);
  const notes = (): unknown[] =>
    server.journal.writes({ verb: 'create', resource: 'events' }).map(({ body }) => (body as { reason: string }).reason);

  beforeEach(async () => {
    clock = new FakeClock();
    logger = new RecordingLogger();
    visitor = new RecordingVisitor();
    server = await FakeApiServer.start({ clock, crdFiles: ['examples/crds/websites.yaml'] });
    const container = createContainer();
    container.registerInstance(Visitor, visitor);
    operator = await TestOperator.start({ handlers, container, domain: 'example.org', logger, server, clock });
    server.objects.create(Website, { metadata, spec: { url: 'https://old.example/' } });
    // Daemons start by a timer of their own.
    await operator.advance(1_000);
  });

  afterEach(async () => {
    await operator.kill();
    await server.stop();
  });

  it('has every decorator', () => {
    const { specs, sources } = buildRegistry({ handlers, domain: 'example.org' });
    const used = new Set(specs.map(({ decorator }) => decorator as string));
    const ofObjects = ['OnDelete', 'OnResume', 'OnCreate', 'OnUpdate', 'OnField', 'Reconcile', 'OnTimer', 'Daemon', 'OnEvent', 'Index'];
    expect(used).to.have.all.keys([...ofObjects, 'OnStartup', 'OnShutdown', 'Probe']);
    expect(sources).to.have.length(1);
  });

  it('looks after a website from its creation to its end', async () => {
    expect(notes()).to.deep.equal(['Welcome']);
    expect(server.objects.get(Website, KEY)).to.have.nested.property('status.code', 200);
    expect((await operator.operator.health('readyz')).text).to.include('[+]websites ok: 1 are watched over');

    server.objects.update(Website, KEY, (website) => {
      website.spec.url = 'https://new.example/';
    });
    await operator.settle();
    expect(notes()).to.deep.equal(['Welcome', 'Moved']);
    expect(logged('website changed', 'paths').flat()).to.include('/spec/url');
    expect(operator.key(Host, 'new.example').history).to.have.length.above(0);
    expect(logged('host', 'host')).to.include.members(['old.example', 'new.example']);

    const visits = visitor.calls.length;
    await operator.advance(2.5 * MINUTE_MS);
    expect(visitor.calls.length).to.be.at.least(visits + 2);

    server.objects.delete(Website, KEY);
    await operator.settle();
    expect(logged('website is no longer looked after', 'url')).to.deep.equal(['https://new.example/']);
    expect(server.objects.get(Website, KEY)).to.equal(undefined);
    expect((await operator.operator.health('readyz')).text).to.include('0 are watched over');
  });

  it('knows after a restart what it knew before', async () => {
    await operator.restart();

    expect(logged('website was there before this process', 'url')).to.deep.equal(['https://old.example/']);
    expect(notes()).to.deep.equal(['Welcome']);
  });

  it('opens and closes what it needs', async () => {
    await operator.stop();
    expect(visitor.calls).to.deep.equal(['open', 'https://old.example/', 'close']);
  });
});
