import { expect } from 'chai';
import { Settings } from '../../../src/framework';
import { WOL_FLAGS, WOL_VARIABLES, type WolSettingKey, wolSettings } from '../../../src/wol/settings';

function settingsOf(flags: Partial<Record<WolSettingKey, string>>, env: Record<string, string> = {}) {
  const definitions = [...WOL_FLAGS, ...WOL_VARIABLES];
  return wolSettings(new Settings<WolSettingKey>(definitions, { grpcInsecure: 'true', ...flags }, env), 'virt-steward-system', '1.2.3');
}

describe('settings of Wake-on-LAN', () => {
  it('watch every namespace unless some are named', () => {
    expect(settingsOf({}).watchNamespaces).to.deep.equal([]);
    expect(settingsOf({ watchNamespaces: 'lab, office' }).watchNamespaces).to.deep.equal(['lab', 'office']);
  });

  it('refuse a namespace that can never exist, in one line with flag, value and what is allowed', () => {
    expect(() => settingsOf({ watchNamespaces: 'lab,Bad_X' })).to.throw(
      '--watch-namespaces is "lab,Bad_X"; allowed: namespace names of at most 63 characters, joined by commas',
    );
  });

  it('refuse to take reports in plaintext unless that is asked for', () => {
    expect(() => settingsOf({ grpcInsecure: 'false' })).to.throw('--grpc-insecure is "false"; allowed: true');
  });
});
