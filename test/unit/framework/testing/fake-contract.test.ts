import { expect } from 'chai';
import { FakeApiServer } from '../../../../src/framework/testing';
import { SystemClock, type Timer } from '../../../../src/framework/time/clock';
import { CONTRACT, recordedAnswers, runScenario } from './contract/contract';
import { installContractKinds } from './contract/kinds';
import type { ServerUnderTest } from './http-client';

/** Timers of this clock run ten times as fast: watch timeouts of the contract are seconds. */
class HastyClock extends SystemClock {
  override setTimer(delayMs: number, callback: () => void): Timer {
    return super.setTimer(delayMs / 10, callback);
  }
}

describe('fake API server: the contract of kube-apiserver', () => {
  let fake: FakeApiServer;
  let server: ServerUnderTest;

  before(async () => {
    fake = await FakeApiServer.start({ clock: new HastyClock() });
    fake.auth.addUser({ token: 'admin-token', name: 'admin' });
    server = { baseUrl: fake.url, token: 'admin-token' };
    await installContractKinds(server);
  });

  after(() => fake.stop());

  for (const scenario of CONTRACT) {
    it(scenario.title, async () => {
      const answers = await runScenario(server, scenario);
      expect(answers).to.deep.equal(recordedAnswers()[scenario.title]);
    });
  }
});
