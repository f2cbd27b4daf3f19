import { expect } from 'chai';
import { FakeClock } from '../../../../src/framework/testing';
import { RecordingLogger } from '../../../../src/framework/testing/recording-logger';
import { TokenReviewer } from '../../../../src/wol/identity/token-reviewer';
import { poll } from '../../../harness/poll';

const USER = {
  authenticated: true,
  audiences: ['wol-manager'],
  user: { username: 'agent', extra: { 'authentication.kubernetes.io/node-name': ['node-a'] } },
};

describe('token reviewer', () => {
  let clock: FakeClock;
  let logger: RecordingLogger;
  let asked: string[];
  let answer: (token: string) => Promise<unknown>;
  let reviewer: TokenReviewer;

  beforeEach(() => {
    clock = new FakeClock();
    logger = new RecordingLogger();
    asked = [];
    answer = async () => USER;
    const raw = async ({ body }: { body?: unknown }): Promise<never> => {
      const { spec } = body as { spec: { token: string; audiences: string[] } };
      expect(spec.audiences).to.deep.equal(['wol-manager']);
      asked.push(spec.token);
      return { body: { status: await answer(spec.token) } } as never;
    };
    reviewer = new TokenReviewer({ client: { raw }, clock, log: logger });
  });

  it('tells user, audiences and node', async () => {
    expect(await reviewer.review('t')).to.deep.equal({ kind: 'user', username: 'agent', audiences: ['wol-manager'], nodeName: 'node-a' });
  });

  for (const status of [{}, { authenticated: false }, { authenticated: true, user: {} }, { authenticated: true, user: { username: '' } }]) {
    it(`takes ${JSON.stringify(status)} for nobody`, async () => {
      answer = async () => status;
      expect(await reviewer.review('t')).to.deep.equal({ kind: 'nobody' });
    });
  }

  it('remembers who a token belongs to for 60 s', async () => {
    await reviewer.review('t');
    await clock.advance(59_999);
    await reviewer.review('t');
    expect(asked).to.deep.equal(['t']);
    await clock.advance(1);
    await reviewer.review('t');

    expect(asked).to.deep.equal(['t', 't']);
  });

  it('remembers a refusal for 10 s', async () => {
    answer = async () => ({});
    await reviewer.review('t');
    await clock.advance(9_999);
    await reviewer.review('t');
    expect(asked).to.deep.equal(['t']);
    await clock.advance(1);
    await reviewer.review('t');

    expect(asked).to.deep.equal(['t', 't']);
  });

  it('asks once for a token that many calls carry at the same time', async () => {
    const { promise, resolve } = Promise.withResolvers<unknown>();
    answer = () => promise;
    const reviews = Array.from({ length: 50 }, () => reviewer.review('t'));
    resolve(USER);
    await Promise.all(reviews);

    expect(asked).to.deep.equal(['t']);
  });

  it('asks about at most eight tokens at a time, and about the others in their turn', async () => {
    const turns: (() => void)[] = [];
    answer = () => new Promise((resolve) => turns.push(() => resolve(USER)));
    const reviews = Array.from({ length: 20 }, (_, n) => reviewer.review(`t${n}`));
    await poll('eight questions', () => asked.length === 8);
    for (let n = 0; n < 20; n++) {
      expect(asked.length - n).to.be.at.most(8);
      turns[n]?.();
      await poll('the next question', () => turns.length === Math.min(20, 9 + n));
    }
    await Promise.all(reviews);

    expect(asked).to.deep.equal(Array.from({ length: 20 }, (_, n) => `t${n}`));
  });

  it('refuses to let more than 1,024 callers wait', async () => {
    answer = () => new Promise(() => undefined);
    const late = Array.from({ length: 8 + 1_024 }, (_, n) => reviewer.review(`t${n}`));
    for (const review of late) review.catch(() => undefined);
    const error = (await reviewer.review('one too many').catch((caught: unknown) => caught)) as Error;

    expect(error.message).to.equal('too many tokens are being reviewed');
  });

  it('does not let a flood of made-up tokens push out one that is accepted', async () => {
    await reviewer.review('mine');
    answer = async () => ({});
    for (let n = 0; n < 2_000; n++) await reviewer.review(`made-up-${n}`);
    asked = [];
    await reviewer.review('mine');

    expect(asked).to.deep.equal([]);
  });

  it('says when it cannot ask, once until it can again, without the token, and remembers nothing', async () => {
    answer = async () => {
      throw new Error('no route');
    };
    for (const token of ['secret-1', 'secret-2']) {
      const error = (await reviewer.review(token).catch((caught: unknown) => caught)) as Error;
      expect(error.message).to.equal('the API server could not be asked who the caller is');
    }
    answer = async () => USER;
    expect((await reviewer.review('secret-1')).kind).to.equal('user');

    expect(logger.messages('warn')).to.deep.equal(['agents cannot be identified and have to wait']);
    expect(logger.messages('info')).to.deep.equal(['agents can be identified again']);
    expect(JSON.stringify(logger.lines)).to.not.include('secret-');
  });

  it('does not ask about what is too long for a token', async () => {
    expect(await reviewer.review('x'.repeat(20_000))).to.deep.equal({ kind: 'nobody' });
    expect(asked).to.deep.equal([]);
  });
});
