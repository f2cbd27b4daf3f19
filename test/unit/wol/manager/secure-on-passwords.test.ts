import { expect } from 'chai';
import { ApiError } from '../../../../src/framework';
import { FakeClock } from '../../../../src/framework/testing/fake-clock';
import { SecureOnPasswords } from '../../../../src/wol/manager/secure-on-passwords';

const REFERENCE = { namespace: undefined, name: 'wake', key: 'password' };
const encoded = (text: string): string => Buffer.from(text).toString('base64');
const apiError = (status: number): ApiError => new ApiError({ status, reason: '', message: 'no', method: 'GET', path: '/secret' });

type Answer = Record<string, string> | undefined | Error;

/** Secrets by `namespace/name`, and who asked for them. */
class Secrets {
  readonly clock = new FakeClock();
  readonly asked: string[] = [];
  readonly told: string[] = [];
  readonly passwords: SecureOnPasswords;

  constructor(readonly content: Record<string, Answer>) {
    this.passwords = new SecureOnPasswords(
      async (namespace, name) => {
        this.asked.push(`${namespace}/${name}`);
        const answer = this.content[`${namespace}/${name}`];
        if (answer instanceof Error) throw answer;
        return answer;
      },
      'steward',
      this.clock,
    );
    this.passwords.onChange((config) => this.told.push(config));
  }

  async follow(
    config = 'lab',
    reference: { namespace: string | undefined; name: string; key: string } | undefined = REFERENCE,
  ): Promise<void> {
    this.passwords.follow(config, reference);
    await this.clock.advance(0);
  }

  text(config = 'lab'): string | undefined {
    const password = this.passwords.passwordOf(config);
    return password && Buffer.from(password).toString('latin1');
  }
}

describe('the SecureOn passwords of configs', () => {
  it('are read by name from the namespace of the operator, or from the one the reference names', async () => {
    const secrets = new Secrets({ 'steward/wake': { password: encoded('secret') }, 'lab/other': { pin: encoded('abcd\n') } });
    await secrets.follow();
    await secrets.follow('b', { namespace: 'lab', name: 'other', key: 'pin' });

    expect(secrets.asked).to.deep.equal(['steward/wake', 'lab/other']);
    expect([secrets.text(), secrets.text('b')]).to.deep.equal(['secret', 'abcd']);
    expect([secrets.passwords.problemOf('lab'), secrets.passwords.problemOf('b')]).to.deep.equal([undefined, undefined]);
  });

  const problems: readonly (readonly [string, Answer, string])[] = [
    ['is missing', undefined, 'Secret steward/wake does not exist'],
    ['lacks the key', { other: encoded('secret') }, 'Secret steward/wake has no key "password"'],
    ['holds something else', { password: encoded('hunter2') }, 'key "password" of Secret steward/wake holds no SecureOn password'],
    ['may not be read', apiError(403), 'Secret steward/wake may not be read'],
    ['cannot be read', new Error('connect ECONNREFUSED'), 'Secret steward/wake cannot be read at the moment'],
  ];
  for (const [what, answer, text] of problems) {
    it(`leave nothing to compare with when the Secret ${what}, and say so without its content`, async () => {
      const secrets = new Secrets({ 'steward/wake': answer });
      await secrets.follow();

      expect(secrets.text()).to.equal(undefined);
      expect(secrets.passwords.problemOf('lab')).to.contain(text).and.to.not.contain('hunter2');
      expect(secrets.told).to.deep.equal(['lab']);
    });
  }

  it('follow a Secret that changes within 60 s, and are gone with it', async () => {
    const secrets = new Secrets({ 'steward/wake': { password: encoded('before') } });
    await secrets.follow();
    secrets.content['steward/wake'] = { password: encoded('after!') };
    await secrets.clock.advance(59_999);
    expect(secrets.text()).to.equal('before');

    await secrets.clock.advance(1);
    expect(secrets.text()).to.equal('after!');
    delete secrets.content['steward/wake'];
    await secrets.clock.advance(60_000);

    expect(secrets.text()).to.equal(undefined);
    expect(secrets.told).to.deep.equal(['lab', 'lab', 'lab']);
  });

  it('are those of the reading that was begun last, whichever answer comes last', async () => {
    const answers: ((answer: Record<string, string> | undefined) => void)[] = [];
    const clock = new FakeClock();
    const passwords = new SecureOnPasswords(() => new Promise((resolve) => answers.push(resolve)), 'steward', clock);
    passwords.follow('lab', REFERENCE);
    answers[0]!(undefined);
    await clock.advance(0);
    for (let reading = 0; reading < 2; reading++) passwords.follow('lab', REFERENCE);

    answers[2]!({ password: encoded('secret') });
    await clock.advance(0);
    answers[1]!(undefined);
    await clock.advance(0);

    expect(Buffer.from(passwords.passwordOf('lab')!).toString()).to.equal('secret');
    expect(passwords.problemOf('lab')).to.equal(undefined);
  });

  it('tell nobody of a reading that brought nothing new', async () => {
    const secrets = new Secrets({ 'steward/wake': undefined });
    await secrets.follow();
    await secrets.clock.advance(600_000);

    expect(secrets.asked).to.have.length(11);
    expect(secrets.told).to.deep.equal(['lab']);
  });

  it('stay in force while the API server does not answer, and are asked for again after 5 s', async () => {
    const secrets = new Secrets({ 'steward/wake': { password: encoded('secret') } });
    await secrets.follow();
    secrets.content['steward/wake'] = apiError(503);
    await secrets.clock.advance(60_000);
    expect(secrets.text()).to.equal('secret');
    secrets.content['steward/wake'] = { password: encoded('newone') };
    await secrets.clock.advance(5_000);

    expect(secrets.text()).to.equal('newone');
  });

  it('are asked for again after 5 s also while the next look at those of other configs is a minute away', async () => {
    const secrets = new Secrets({ 'steward/wake': { password: encoded('secret') }, 'steward/other': apiError(503) });
    await secrets.follow();
    await secrets.follow('b', { ...REFERENCE, name: 'other' });
    secrets.content['steward/other'] = { password: encoded('abcd') };
    await secrets.clock.advance(5_000);

    expect(secrets.text('b')).to.equal('abcd');
    expect(secrets.clock.pendingTimers).to.equal(1);
  });

  it('count no more from the moment on in which the reference changes', async () => {
    const secrets = new Secrets({ 'steward/wake': { password: encoded('secret') }, 'steward/other': { password: encoded('abcd') } });
    await secrets.follow();
    secrets.passwords.follow('lab', { ...REFERENCE, name: 'other' });
    expect(secrets.text()).to.equal(undefined);
    expect(secrets.passwords.settled).to.equal(false);
    await secrets.clock.advance(0);

    expect(secrets.text()).to.equal('abcd');
    expect(secrets.passwords.settled).to.equal(true);
  });

  it('are read at once when somebody touches a config whose Secret had a problem', async () => {
    const secrets = new Secrets({ 'steward/wake': undefined });
    await secrets.follow();
    secrets.content['steward/wake'] = { password: encoded('secret') };
    await secrets.follow();

    expect(secrets.text()).to.equal('secret');
  });

  it('are forgotten with their config, and leave no timer behind', async () => {
    const secrets = new Secrets({ 'steward/wake': { password: encoded('secret') } });
    await secrets.follow();
    secrets.passwords.follow('lab', undefined);
    expect(secrets.text()).to.equal(undefined);
    await secrets.clock.advance(60_000);

    expect(secrets.asked).to.have.length(1);
    expect(secrets.clock.pendingTimers).to.equal(0);
  });
});
