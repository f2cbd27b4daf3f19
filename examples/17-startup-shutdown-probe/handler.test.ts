import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { expect } from 'chai';
import { createContainer, type DependencyContainer, Namespace } from 'virt-steward/framework';
import { FakeApiServer, FakeClock, TestOperator } from 'virt-steward/framework/testing';
import { handlers, PORT } from './handler';

function containerWith(port: number): DependencyContainer {
  const container = createContainer();
  container.registerInstance(PORT, port);
  return container;
}

/** What the probe says, and the port it names. */
async function probeOf({ operator }: TestOperator): Promise<{ line: string; url: string }> {
  const { text } = await operator.health('readyz');
  const line = text.split('\n').find((candidate) => candidate.includes('directory')) ?? '';
  return { line, url: `http://127.0.0.1:${/port (\d+)/.exec(line)?.[1]}/` };
}

describe('17-startup-shutdown-probe', () => {
  it('serves from start to shutdown, on a standby as well, and says so in its probe', async () => {
    const clock = new FakeClock();
    await using server = await FakeApiServer.start({ clock });
    server.objects.create(Namespace, { metadata: { name: 'shop' } });
    await using operator = await TestOperator.start({ handlers, container: containerWith(0), server, clock, election: 'standby' });

    const { line, url } = await probeOf(operator);
    expect(line).to.match(/^\[\+]directory ok: port \d+, standby$/);
    const answer = await fetch(url);
    expect(await answer.json()).to.deep.equal(['shop']);

    await operator.stop();
    const refused = await fetch(url).catch((error: Error) => error);
    expect(refused).to.be.instanceOf(TypeError);
  });

  it('knows when this replica leads and when it does not any more', async () => {
    const clock = new FakeClock();
    await using server = await FakeApiServer.start({ clock });
    await using operator = await TestOperator.start({ handlers, container: containerWith(0), server, clock, election: 'standby' });
    const { url } = await probeOf(operator);
    const role = async (): Promise<string | null> => (await fetch(url)).headers.get('x-role');

    await operator.becomeLeader();
    expect(await role()).to.equal('leader');
    await operator.loseLeadership();
    expect(await role()).to.equal('standby');
  });

  it('ends the start with the error when its port is taken', async () => {
    const clock = new FakeClock();
    await using server = await FakeApiServer.start({ clock });
    const other = createServer().listen(0, '127.0.0.1');
    await once(other, 'listening');
    const { port } = other.address() as AddressInfo;

    const started = TestOperator.start({ handlers, container: containerWith(port), server, clock });
    expect(await started.catch((error: Error) => error.message)).to.include('EADDRINUSE');
    other.close();
  });
});
