import { expect } from 'chai';
import { agentLabels, daemonSetName, shortConfigName } from '../../../../src/wol/deployment/agent-names';

/** What the API server demands of names, and of label values. */
const SUBDOMAIN = /^[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*$/;
const LABEL_VALUE = /^(([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9])?$/;

describe('names of what is deployed', () => {
  it('hold the name of the config as it is up to 63 characters', () => {
    const name = 'a'.repeat(63);

    expect(shortConfigName(name)).to.equal(name);
    expect(daemonSetName('lab')).to.equal('wol-agent-lab');
    expect(agentLabels('lab')['wol.pillon.org/wolconfig']).to.equal('lab');
  });

  it('hold 54 characters and a hash of longer ones, which tells names apart that begin alike', () => {
    const [one, other] = [`${'a'.repeat(63)}1`, `${'a'.repeat(63)}2`];

    // sha256sum of the name
    expect(shortConfigName(one)).to.equal(`${'a'.repeat(54)}-7359adfa`);
    expect(shortConfigName(one)).not.to.equal(shortConfigName(other));
  });

  it('are accepted by the API server wherever a long name is cut', () => {
    for (let at = 50; at <= 56; at++) {
      const name = `${'a'.repeat(at)}.${'b'.repeat(252 - at)}`;

      expect(daemonSetName(name), name).to.match(SUBDOMAIN);
      expect(shortConfigName(name), name).to.match(LABEL_VALUE);
      expect(shortConfigName(name).length).to.be.at.most(63);
    }
  });
});
