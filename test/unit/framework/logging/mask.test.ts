import { generateKeyPairSync } from 'node:crypto';
import { expect } from 'chai';
import fc from 'fast-check';
import { isSecretName, MASKED, maskMessage, maskText, maskValue } from '../../../../src/framework/logging/mask';

/** Random strings that no constant part of a message contains. */
const secret = fc.stringMatching(/^[A-Za-z0-9]{12,40}$/).map((text) => `Zq${text}`);

describe('masking', () => {
  describe('of text', () => {
    const planted: readonly (readonly [string, (secret: string) => string])[] = [
      ['a bearer header', (s) => `GET /x failed: Authorization: Bearer ${s}, retry`],
      ['a bearer in lower case', (s) => `bearer ${s}`],
      ['basic authorization', (s) => `Basic ${s}==`],
      ['a URL with credentials', (s) => `dial https://user:${s}@registry.example.org/v2/: refused`],
      ['a URL with a token as user', (s) => `clone git+ssh://${s}@host/x`],
      ['a password with an at sign', (s) => `https://u:p@${s}@host/`],
      ['a JSON field', (s) => `body was {"token":"${s}","other":1}`],
      ['a JSON field in camel case', (s) => `{"bindPassword": "${s}"}`],
      ['a YAML field', (s) => `client-key-data: ${s}\nname: x`],
      ['a flag', (s) => `exec --password=${s} --verbose`],
      ['user data', (s) => `userData: "${s}"`],
      ['a PEM block', (s) => `key -----BEGIN EC PRIVATE KEY-----\n${s}\n-----END EC PRIVATE KEY----- end`],
      ['a cut PEM block', (s) => `-----BEGIN PRIVATE KEY-----\n${s}`],
      ['a JWT', (s) => `sent eyJhbGciOiJIUzI1NiJ9.${s}.${s}`],
    ];
    for (const [what, plant] of planted) {
      it(`hides ${what}`, () => {
        fc.assert(
          fc.property(secret, (value) => {
            const masked = maskText(plant(value));
            expect(masked).not.to.include(value);
            expect(masked).to.include(MASKED);
          }),
        );
      });
    }

    it('keeps what is no secret', () => {
      const text = 'Secret ns/registry-token does not contain key "kubeconfig"; see https://example.org/a@b?c=d';

      expect(maskText(text)).to.equal(text);
    });

    it('hides a real private key', () => {
      const { privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
      const pem = privateKey.export({ type: 'pkcs8', format: 'pem' }).toString();

      expect(maskText(`cannot parse ${pem}`)).to.equal(`cannot parse ${MASKED}\\n`);
    });

    it('escapes control characters, so that nobody can forge a line', () => {
      expect(maskText('a\nb\r\tc\u001b[31m\u0000\u2028\u202e')).to.equal('a\\nb\\r\\tc\\u001b[31m\\u0000\\u2028\\u202e');
    });

    it('cuts at 2 KiB, at once and without leaving half a character or half a secret', () => {
      expect(maskText('x '.repeat(5_000)).length).to.equal(2_048);
      expect(maskText(`${'x'.repeat(2_042)}😀😀😀😀😀`)).not.to.match(/[\ud800-\udbff](?![\udc00-\udfff])/);
      expect(maskText(`${'x '.repeat(4_090)}https://user:${'s'.repeat(500)}@host`)).not.to.include('sss');
      expect(maskText('y'.repeat(100_000))).to.equal('[one word of 100000 characters]');
    });

    it('stays fast on hostile input', () => {
      const before = process.cpuUsage();
      for (const unit of ['a.', 'a-', 'token', 'eyJaaaaaaaa-', '://', 'bearer ', '-----BEGIN ', '"', '@', 'https://a@']) {
        maskText(unit.repeat(100_000 / unit.length));
        maskText(`${unit.repeat(4_000 / unit.length)} `.repeat(3));
      }
      // Time on the processor, which a machine with other work does not stretch; input that gets out of hand takes minutes.
      expect(process.cpuUsage(before).user / 1_000).to.be.lessThan(10_000);
    });

    it('puts a message on one line', () => {
      expect(maskMessage(' a\n\tb  token=x ', 20)).to.equal('a b token=[masked]');
    });
  });

  describe('of fields', () => {
    const names = [
      'token',
      'Password',
      'client-key-data',
      'userData',
      'Authorization',
      'api_key',
      'bindPassword',
      'clientSecret',
      'x.kubeconfig',
      'userDataBase64',
    ];

    it('goes by their names, at any depth', () => {
      fc.assert(
        fc.property(secret, fc.constantFrom(...names), fc.integer({ min: 0, max: 6 }), (value, name, depth) => {
          let object: unknown = { [name]: value, list: [{ [name]: { inner: value } }] };
          for (let level = 0; level < depth; level++) object = { level: object };
          expect(JSON.stringify(maskValue(object))).not.to.include(value);
        }),
      );
    });

    it('leaves alike names alone', () => {
      for (const name of ['tokenReview', 'secretName', 'passwordless', 'key', 'node', 'automountServiceAccountToken']) {
        expect(isSecretName(name), name).to.equal(false);
      }
      expect(maskValue({ secretName: 'pull', token: true, tokens: undefined })).to.deep.equal({
        secretName: 'pull',
        token: true,
        tokens: undefined,
      });
    });

    it('hides the data of Secrets, also of list items that carry no kind', () => {
      fc.assert(
        fc.property(secret, (value) => {
          const objects = [
            { kind: 'Secret', data: { a: value }, stringData: { b: value } },
            { items: [{ metadata: { name: 's' }, type: 'helm.sh/release.v1', data: { a: value } }] },
          ];
          expect(JSON.stringify(maskValue(objects))).not.to.include(value);
        }),
      );
      expect(maskValue({ kind: 'ConfigMap', data: { a: 'shown' } })).to.deep.equal({ kind: 'ConfigMap', data: { a: 'shown' } });
    });

    it('makes JSON of anything without throwing', () => {
      const circular: Record<string, unknown> = { map: new Map([['password', 'x']]), set: new Set([1]), big: 1n, symbol: Symbol('s') };
      circular['self'] = circular;
      circular['bytes'] = Buffer.from('secret bytes');
      circular['date'] = new Date(0);
      Object.defineProperty(circular, 'bad', {
        enumerable: true,
        get: () => {
          throw new Error('no');
        },
      });

      const masked = maskValue(circular) as Record<string, unknown>;

      expect(() => JSON.stringify(masked)).not.to.throw();
      expect(masked).to.deep.include({ self: '[circular]', bytes: '[12 bytes]', big: '1', bad: '[unreadable]' });
      expect(masked['map']).to.deep.equal({ password: MASKED });
      fc.assert(
        fc.property(
          fc.anything({ withBigInt: true, withMap: true, withSet: true, withTypedArray: true }),
          (value) => void JSON.stringify(maskValue(value)),
        ),
      );
    });

    it('bounds depth and length', () => {
      const deep = JSON.parse(`${'{"a":'.repeat(50)}1${'}'.repeat(50)}`) as unknown;

      expect(JSON.stringify(maskValue(deep))).to.include('[deeper]');
      expect(maskValue(Array.from({ length: 500 }, () => 1))).to.have.length(101);
    });
  });

  it('says of a value that cannot be read that it cannot', () => {
    const { proxy, revoke } = Proxy.revocable({}, {});
    revoke();

    expect(maskValue(proxy)).to.equal('[unreadable]');
    expect(maskValue({ inner: proxy })).to.equal('[unreadable]');
  });
});
