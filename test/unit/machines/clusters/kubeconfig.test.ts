import { expect } from 'chai';
import fc from 'fast-check';
import { stringify } from 'yaml';
import type { Secret } from '../../../../src/framework';
import { TestCertificateAuthority } from '../../../../src/framework/testing';
import type { KubevirtConfig } from '../../../../src/machines';
import type { ConfigPlace } from '../../../../src/machines/clusters/config-error';
import {
  engageOptionsOf,
  expiryMsOf,
  kubeconfigIn,
  secretPlaceOf,
  serverOf,
  vettedKubeconfig,
} from '../../../../src/machines/clusters/kubeconfig';
import { theSettings } from '../the-settings';

const FIRST: ConfigPlace = { profile: 'first', key: 'east', name: 'east', namespace: 'cfg' };
const SECOND: ConfigPlace = { profile: 'second', key: 'east', name: 'east', namespace: '' };
const SECRET = { namespace: 'cfg', name: 'creds' };
const NO_CA = 'has no certificate in certificate-authority-data: PEM, encoded in base64, is needed';
const REFUSED = 'failed to create REST config from kubeconfig: kubeconfig of cluster east: ';

type Fields = Record<string, unknown>;

function aConfig(spec: Partial<KubevirtConfig['spec']> = {}, annotations: Record<string, string> = {}): KubevirtConfig {
  return { metadata: { name: 'east', namespace: 'cfg', annotations }, spec: { name: 'east', kubeconfigSecretRef: 'creds', ...spec } };
}

function aKubeconfig({ cluster = {}, user = {}, top = {} }: { cluster?: Fields; user?: Fields; top?: Fields } = {}): string {
  return stringify({
    clusters: [{ name: 'c', cluster: { server: 'https://10.0.0.1:6443', ...cluster } }],
    users: [{ name: 'u', user: { token: 'top-secret', ...user } }],
    contexts: [{ name: 'x', context: { cluster: 'c', user: 'u' } }],
    'current-context': 'x',
    ...top,
  });
}

function messageOf(action: () => unknown): string {
  try {
    action();
  } catch (error) {
    return (error as Error).message;
  }
  return 'accepted';
}

const vet = (text: string, config = aConfig(), settings = theSettings()): string =>
  messageOf(() => vettedKubeconfig(Buffer.from(text), FIRST, engageOptionsOf(config, settings)));

describe('where the kubeconfig of a config is', () => {
  it('is the Secret that it names, in its own namespace, or in the one it names in the second profile', () => {
    expect(secretPlaceOf(aConfig(), FIRST)).to.deep.equal(SECRET);
    expect(secretPlaceOf(aConfig({ secretNamespace: 'cfg' }), FIRST)).to.deep.equal(SECRET);
    expect(secretPlaceOf(aConfig({ secretNamespace: 'vault' }), SECOND)).to.deep.equal({ namespace: 'vault', name: 'creds' });
  });

  it('is refused with the texts of the older operator', () => {
    expect(messageOf(() => secretPlaceOf(aConfig({ kubeconfigSecretRef: '' }), FIRST))).to.equal(
      'KubevirtConfig east has no kubeconfigSecretRef',
    );
    expect(messageOf(() => secretPlaceOf(aConfig(), SECOND))).to.equal('KubevirtConfig east has no secretNamespace');
    expect(messageOf(() => secretPlaceOf(aConfig({ secretNamespace: 'vault' }), FIRST))).to.equal(
      'KubevirtConfig east names secretNamespace vault, but only its own namespace cfg is allowed',
    );
  });

  it('is the key kubeconfig, whatever the type of the Secret', () => {
    const secret: Secret = { data: { kubeconfig: Buffer.from('text').toString('base64') }, type: 'example.org/any' };

    expect(kubeconfigIn(secret, FIRST, SECRET).toString()).to.equal('text');
    expect(messageOf(() => kubeconfigIn({}, FIRST, SECRET))).to.equal("secret creds does not contain 'kubeconfig' key");
    expect(messageOf(() => kubeconfigIn({ data: { kubeconfig: '' } }, SECOND, SECRET))).to.equal(
      "secret cfg/creds does not contain 'kubeconfig' key",
    );
  });
});

describe('a kubeconfig out of a Secret', () => {
  const rows: readonly (readonly [string, string, string])[] = [
    ['exec', aKubeconfig({ user: { exec: { command: '/bin/sh' } } }), 'uses exec; only a token or client certificate data is allowed'],
    [
      'auth-provider',
      aKubeconfig({ user: { 'auth-provider': { name: 'gcp' } } }),
      'uses auth-provider; only a token or client certificate data is allowed',
    ],
    [
      'a CA file',
      aKubeconfig({ cluster: { 'certificate-authority': '/etc/ca' } }),
      'refers to a file (certificate-authority); embed the data instead',
    ],
    [
      'a certificate file',
      aKubeconfig({ user: { 'client-certificate': '/x' } }),
      'refers to a file (client-certificate); embed the data instead',
    ],
    ['a key file', aKubeconfig({ user: { 'client-key': '/x' } }), 'refers to a file (client-key); embed the data instead'],
    ['a token file', aKubeconfig({ user: { tokenFile: '/x' } }), 'refers to a file (tokenFile); embed the data instead'],
    [
      'a proxy',
      aKubeconfig({ cluster: { 'proxy-url': 'http://p' } }),
      'uses proxy-url; set allowProxy (annotation vitistack.io/allow-proxy-url: "true")',
    ],
    [
      'no verification',
      aKubeconfig({ cluster: { 'insecure-skip-tls-verify': true } }),
      'does not verify the server; set allowInsecure for this cluster to accept that (annotation vitistack.io/allow-insecure: "true")',
    ],
    [
      'plain HTTP',
      aKubeconfig({ cluster: { server: 'http://10.0.0.1' } }),
      'does not verify the server; set allowInsecure for this cluster to accept that (annotation vitistack.io/allow-insecure: "true")',
    ],
    [
      'a metadata service',
      aKubeconfig({ cluster: { server: 'https://169.254.169.254' } }),
      'server 169.254.169.254 is not allowed; set allowedServers',
    ],
    ['a password', aKubeconfig({ user: { username: 'root' } }), 'uses username, which is not supported'],
    ['impersonation', aKubeconfig({ user: { as: 'root' } }), 'uses as, which is not supported'],
    ['no credential', aKubeconfig({ user: { token: '' } }), 'has neither a token nor client certificate data'],
    ['a CA that is none', aKubeconfig({ cluster: { 'certificate-authority-data': 'QUJD' } }), NO_CA],
    [
      'a certificate that is none',
      aKubeconfig({ user: { 'client-certificate-data': 'QUJD', 'client-key-data': 'QUJD' } }),
      'has no certificate in client-certificate-data: PEM, encoded in base64, is needed',
    ],
    [
      'a key that is none',
      aKubeconfig({ user: { 'client-key-data': 'QUJD' } }),
      'has no private key in client-key-data: PEM without a passphrase, encoded in base64, is needed',
    ],
    [
      'a token of two lines',
      aKubeconfig({ user: { token: 'top\nsecret' } }),
      'has a token with characters that are not allowed in one; look for line breaks',
    ],
    ['another context', aKubeconfig({ top: { 'current-context': 'y' } }), 'has no usable current context'],
    ['no YAML', 'a: [', 'is not valid YAML (line 1)'],
    ['too much', 'x'.repeat(1_048_577), 'is larger than 1 MiB'],
  ];

  for (const [title, text, expected] of rows) {
    it(`with ${title} is refused: ${expected}`, () => {
      expect(vet(text)).to.equal(REFUSED + expected);
    });
  }

  it('is accepted with a token, on ordinary and, for tunnels, on loopback addresses', () => {
    expect(vet(aKubeconfig())).to.equal('accepted');
    expect(vet(aKubeconfig({ cluster: { server: 'https://127.0.0.1:6443' } }))).to.equal('accepted');
    const none = { ...theSettings(), allowedServers: ['10.0.0.0/8'] };
    expect(vet(aKubeconfig({ cluster: { server: 'https://127.0.0.1:6443' } }), aConfig(), none)).to.contain('is not allowed');
  });

  it('is accepted with a proxy or without verification where an annotation says true and nothing else', () => {
    const proxy = aKubeconfig({ cluster: { 'proxy-url': 'http://p' } });
    const plain = aKubeconfig({ cluster: { server: 'http://10.0.0.1' } });

    expect(vet(proxy, aConfig({}, { 'vitistack.io/allow-proxy-url': 'true' }))).to.equal('accepted');
    expect(vet(plain, aConfig({}, { 'vitistack.io/allow-insecure': 'true' }))).to.equal('accepted');
    expect(vet(plain, aConfig({}, { 'vitistack.io/allow-insecure': 'yes' }))).to.contain('does not verify');
    expect(vet(aKubeconfig({ user: { exec: { command: 'x' } } }), aConfig({}, { 'vitistack.io/allow-insecure': 'true' }))).to.contain(
      'exec',
    );
  });

  it('is never quoted in an error, whatever it holds', () => {
    const marker = 'S3CR3T-MARKER';
    const value = fc.oneof(
      fc.constant(marker),
      fc.constant(`https://${marker}@10.0.0.1`),
      fc.constant({ command: marker }),
      fc.constant([marker]),
    );
    const field = fc.constantFrom(
      'token',
      'exec',
      'tokenFile',
      'client-key-data',
      'client-certificate-data',
      'password',
      'auth-provider',
      'as',
    );
    fc.assert(
      fc.property(
        fc.dictionary(field, value),
        fc.dictionary(fc.constantFrom('certificate-authority', 'proxy-url', 'tls-server-name'), value),
        (user, cluster) => {
          expect(vet(aKubeconfig({ user, cluster }))).to.not.contain(marker);
        },
      ),
    );
  });

  it('is judged without a throw that is none of ours, whatever bytes it is', () => {
    fc.assert(
      fc.property(fc.oneof(fc.string(), fc.json(), fc.string({ unit: 'binary' })), (text) => {
        expect(vet(text)).to.match(/^(accepted|failed to create REST config from kubeconfig: kubeconfig of cluster east: )/);
      }),
    );
  });
});

describe('what a kubeconfig tells of itself', () => {
  const vetted = (text: string, annotations: Record<string, string> = {}): ReturnType<typeof vettedKubeconfig> =>
    vettedKubeconfig(Buffer.from(text), FIRST, engageOptionsOf(aConfig({}, annotations), theSettings()));

  it('is its server, without what stands before the host or in a query', () => {
    const server = 'https://user:pass@10.0.0.1:6443/?token=pass#pass';
    expect(serverOf(vetted(aKubeconfig({ cluster: { server } })))).to.equal('https://10.0.0.1:6443');
  });

  it('is when its token ends, if that is a JWT that tells', () => {
    const jwt = (payload: object): string => `e30.${Buffer.from(JSON.stringify(payload)).toString('base64url')}.c2ln`;

    expect(expiryMsOf(vetted(aKubeconfig({ user: { token: jwt({ exp: 1_800_000_000 }) } })))).to.equal(1_800_000_000_000);
    expect(expiryMsOf(vetted(aKubeconfig({ user: { token: jwt({}) } })))).to.equal(undefined);
    expect(expiryMsOf(vetted(aKubeconfig()))).to.equal(undefined);
  });

  it('is when its certificate ends', () => {
    const { cert, key } = new TestCertificateAuthority().issue({ commonName: 'steward' });
    const data = (pem: string): string => Buffer.from(pem).toString('base64');
    const config = vetted(aKubeconfig({ user: { token: '', 'client-certificate-data': data(cert), 'client-key-data': data(key) } }));

    expect(expiryMsOf(config)).to.be.above(Date.now());
  });
});
