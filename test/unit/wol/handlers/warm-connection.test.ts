import { expect } from 'chai';
import { createContainer } from '../../../../src/framework';
import { FakeApiServer } from '../../../../src/framework/testing/fake-api-server/fake-api-server';
import { FakeClock } from '../../../../src/framework/testing/fake-clock';
import { TestOperator } from '../../../../src/framework/testing/test-operator';
import { WarmConnection } from '../../../../src/wol/handlers/warm-connection';

describe('the connection for starts', () => {
  it('stays open while nothing happens, also after an outage, and closes with the operator', async () => {
    const clock = new FakeClock();
    const server = await FakeApiServer.start({ clock });
    const operator = await TestOperator.start({ handlers: [WarmConnection], server, clock, container: createContainer() });
    try {
      // In steps that sockets keep up with.
      const advance = async (minutes: number): Promise<void> => {
        for (let n = 0; n < minutes * 6; n++) await operator.advance(10_000);
      };
      await advance(5);
      expect(server.openSockets).to.equal(1);

      server.cutConnections();
      await advance(2);

      expect(server.openSockets).to.equal(1);
    } finally {
      expect(await operator.stop()).to.equal(0);
    }
    expect(clock.pendingTimers).to.equal(0);
    await server.stop();
  });
});
