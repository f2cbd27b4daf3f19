import { expect } from 'chai';
import { Settings } from '../../../src/framework';
import { WOL_FLAGS, wolSettings } from '../../../src/wol/settings';

function settingsOf(flags: Partial<Record<(typeof WOL_FLAGS)[number]['key'], string>>) {
  return wolSettings(new Settings(WOL_FLAGS, flags, {}), 'virt-steward-system');
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

  it('serve TLS with certificates of our own unless told otherwise', () => {
    expect(settingsOf({ grpcInsecure: 'false' }).grpc).to.deep.equal({
      insecure: false,
      tlsMode: 'self',
      serverPair: 'virt-steward-grpc-tls',
      extraHosts: [],
      mtls: false,
    });
  });

  it('take the Secret of an administrator by its name', () => {
    const { grpc } = settingsOf({ grpcTlsMode: 'existingSecret', grpcTlsSecret: 'my-tls' });

    expect(grpc).to.include({ tlsMode: 'existingSecret', serverPair: 'my-tls' });
  });

  for (const [flags, refusal] of [
    [{ grpcTlsMode: 'none' }, '--grpc-tls-mode is "none"; allowed: self, cert-manager, service-ca, existingSecret'],
    [{ grpcTlsSecret: 'my-tls' }, '--grpc-tls-secret is "my-tls"; allowed: nothing, unless --grpc-tls-mode is existingSecret'],
    [{ grpcTlsMode: 'existingSecret', grpcTlsSecret: 'My_TLS' }, '--grpc-tls-secret is "My_TLS"; allowed: the name of a Secret'],
    [{ grpcTlsSan: 'a host' }, '--grpc-tls-san is "a host"; allowed: at most 32 host names and IP addresses'],
    [{ grpcInsecure: 'true', grpcMtls: 'true' }, '--grpc-mtls is "true"; allowed: false, because --grpc-insecure is given'],
  ] as const) {
    it(`refuse ${JSON.stringify(flags)}`, () => expect(() => settingsOf(flags)).to.throw(refusal));
  }
});
