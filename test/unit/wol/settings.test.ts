import { expect } from 'chai';
import { Settings } from '../../../src/framework';
import { WOL_FLAGS, WOL_VARIABLES, type WolSettingKey, wolSettings } from '../../../src/wol/settings';

function settingsOf(flags: Partial<Record<WolSettingKey, string>>, env: Record<string, string> = {}) {
  const definitions = [...WOL_FLAGS, ...WOL_VARIABLES];
  return wolSettings(new Settings<WolSettingKey>(definitions, flags, env), 'virt-steward-system', '1.2.3');
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

  describe('for the agents it deploys', () => {
    it('run the image of this release unless AGENT_IMAGE names another', () => {
      expect(settingsOf({}).agents).to.deep.equal({
        ...{ defaultImage: 'virt-steward/agent:1.2.3', imagePullPolicy: 'Always', allowedImages: [] },
        ...{ operatorAddress: undefined, serviceAccount: undefined },
      });
      const env = { AGENT_IMAGE: 'registry.example.org/agent:9', AGENT_IMAGE_PULL_POLICY: 'Never', ALLOWED_AGENT_IMAGES: 'a/*, b' };
      expect(settingsOf({}, env).agents).to.include({ defaultImage: env.AGENT_IMAGE, imagePullPolicy: 'Never' });
      expect(settingsOf({}, env).agents.allowedImages).to.deep.equal(['a/*', 'b']);
    });

    it('take an address with a name, an IPv4 or an IPv6 host', () => {
      for (const address of ['manager.example.org:9090', '192.0.2.1:1', '[2001:db8::1]:65535']) {
        expect(settingsOf({ agentOperatorAddress: address }).agents.operatorAddress).to.equal(address);
      }
    });

    const refused: readonly (readonly [WolSettingKey, string, string])[] = [
      ['agentOperatorAddress', 'manager', '--agent-operator-address is "manager"; allowed: host:port, IPv6 hosts in brackets'],
      ['agentOperatorAddress', '2001:db8::1:9090', '--agent-operator-address is "2001:db8::1:9090"; allowed: host:port'],
      ['agentOperatorAddress', 'manager:0', '--agent-operator-address is "manager:0"; allowed: host:port'],
      ['agentServiceAccount', 'Bad_X', '--agent-service-account is "Bad_X"; allowed: the name of a ServiceAccount'],
      ['allowedAgentImages', 'a,b:1', '--allowed-agent-images is "a,b:1"; allowed: repositories without tag or digest'],
    ];
    for (const [key, value, message] of refused) {
      it(`refuse ${JSON.stringify(value)}, naming the flag`, () => expect(() => settingsOf({ [key]: value })).to.throw(message));
    }

    it('name the variable where there is no flag', () => {
      expect(() => settingsOf({}, { AGENT_IMAGE: 'a b' })).to.throw(
        'AGENT_IMAGE is "a b"; allowed: an image reference without white space',
      );
      expect(() => settingsOf({}, { AGENT_IMAGE_PULL_POLICY: 'never' })).to.throw(
        'AGENT_IMAGE_PULL_POLICY is "never"; allowed: Always, IfNotPresent, Never',
      );
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
