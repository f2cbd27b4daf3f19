import { expect } from 'chai';
import { nodeVersionProblem } from '../../../src/cli/node-version';

describe('the Node.js version', () => {
  for (const version of ['24.0.0', '24.21.0', '26.1.0', '100.0.0']) {
    it(`may be ${version}`, () => {
      expect(nodeVersionProblem(version)).to.equal(undefined);
    });
  }

  for (const version of ['20.20.2', '23.9.0', '4.0.0']) {
    it(`is refused in one line when it is ${version}`, () => {
      expect(nodeVersionProblem(version)).to.equal(`virt-steward needs Node.js 24 or newer; this is ${version}`);
    });
  }
});
