import { expect } from 'chai';
import { type ControlPlane, startControlPlane } from '../../../hack/control-plane';
import { FakeApiServer } from '../../../src/framework/testing';
import {
  type Answers,
  CONTRACT,
  HISTORY_STEPS,
  recordAnswers,
  recordedAnswers,
  runScenario,
} from '../../unit/framework/testing/contract/contract';
import { installContractKinds } from '../../unit/framework/testing/contract/kinds';
import { randomScenario } from '../../unit/framework/testing/contract/random-scenario';
import type { ServerUnderTest } from '../../unit/framework/testing/http-client';

/** `RECORD_CONTRACT=1` replaces the recorded answers by those of this run, for a new Kubernetes version or a new scenario. */
const isRecording = process.env['RECORD_CONTRACT'] === '1';

describe('kube-apiserver: the contract the fake is held to', () => {
  let controlPlane: ControlPlane;
  let server: ServerUnderTest;
  const answers: Answers = {};

  before(async function () {
    this.timeout(600_000);
    controlPlane = await startControlPlane({ controllerManager: false });
    server = { baseUrl: controlPlane.server, token: controlPlane.adminToken, ca: controlPlane.ca };
    await installContractKinds(server);
  });

  it('agrees with the fake on random histories', async () => {
    const fake = await FakeApiServer.start();
    try {
      await installContractKinds({ baseUrl: fake.url });
      for (let seed = 100; seed < 130; seed++) {
        const scenario = randomScenario(seed, HISTORY_STEPS);
        const [real, faked] = [await runScenario(server, scenario), await runScenario({ baseUrl: fake.url }, scenario)];
        expect(faked, scenario.title).to.deep.equal(real);
      }
    } finally {
      await fake.stop();
    }
  });

  after(async () => {
    await controlPlane?.stop();
    if (isRecording) recordAnswers(answers);
  });

  for (const scenario of CONTRACT) {
    it(scenario.title, async () => {
      answers[scenario.title] = await runScenario(server, scenario);
      if (!isRecording) expect(answers[scenario.title]).to.deep.equal(recordedAnswers()[scenario.title]);
    });
  }
});
