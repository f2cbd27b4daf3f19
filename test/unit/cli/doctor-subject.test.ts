import { expect } from 'chai';
import { parseModuleSubject } from '../../../src/cli/doctor-subject';
import { UsageError } from '../../../src/framework/basics';

describe('what doctor is asked about', () => {
  it('is an asset or a Machine by its kind', () => {
    expect(parseModuleSubject('asset/kubelet-perf-settings')).to.deep.equal({ kind: 'asset', name: 'kubelet-perf-settings' });
    expect(parseModuleSubject('machine/team-a/web.prod')).to.deep.equal({ kind: 'machine', namespace: 'team-a', name: 'web.prod' });
  });

  it('is a virtual machine or an address otherwise, also one of a namespace called machine', () => {
    for (const text of ['lab/desktop', '02:00:00:00:00:01', 'machine/desktop']) expect(parseModuleSubject(text)).to.equal(undefined);
  });

  for (const text of ['asset/', 'asset/UPPER', 'asset/a/b', 'machine/a/b/c', 'machine/team_a/web', 'machine//']) {
    it(`is refused when it is ${text}`, () => {
      expect(() => parseModuleSubject(text)).to.throw(UsageError, `what to look at is "${text}"; allowed: ${text.split('/')[0]}/`);
    });
  }
});
