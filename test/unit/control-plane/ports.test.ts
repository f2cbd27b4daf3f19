import { createServer } from 'node:net';
import { expect } from 'chai';
import { freePort } from '../../../hack/control-plane/ports';

describe('a free port', () => {
  it('can be listened on, and lies below those of outgoing connections and node ports', async () => {
    const port = await freePort('127.0.0.1');

    expect(port).to.be.within(20_000, 29_999);
    const server = createServer();
    await new Promise<void>((resolve, reject) => server.once('error', reject).listen(port, '127.0.0.1', () => resolve()));
    await new Promise((resolve) => server.close(resolve));
  });

  it('differs from one call to the next', async () => {
    const ports = await Promise.all(Array.from({ length: 10 }, () => freePort('127.0.0.1')));

    expect(new Set(ports).size).to.be.greaterThan(1);
  });

  it('is an error when there is none', async () => {
    const failure = await freePort('203.0.113.1').catch((error: Error) => error.message);

    expect(failure).to.equal('no free TCP port on 203.0.113.1: tried 100 between 20000 and 29999');
  });
});
