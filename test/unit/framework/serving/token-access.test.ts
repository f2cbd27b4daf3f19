import { expect } from 'chai';
import type { ApiRequest, ApiResponse } from '../../../../src/framework/client';
import { nullLogger } from '../../../../src/framework/logging/logger';
import type { AccessCacheOptions } from '../../../../src/framework/serving/access/access-cache';
import { TokenAccess } from '../../../../src/framework/serving/access/token-access';
import { FakeClock } from '../../../../src/framework/testing/fake-clock';

const USER = { username: 'system:serviceaccount:monitoring:prometheus', uid: 'u', groups: ['g'], extra: { a: ['b'] } };

type Answer = (request: ApiRequest) => unknown;

interface Scene {
  review?: Answer;
  access?: Answer;
  cache?: AccessCacheOptions;
}

/** An API server that knows every token and allows everything, unless told otherwise. */
function aScene({ review = () => ({ authenticated: true, user: USER }), access = () => ({ allowed: true }), cache = {} }: Scene = {}) {
  const clock = new FakeClock();
  const requests: ApiRequest[] = [];
  const lines: string[] = [];
  const raw = async (request: ApiRequest): Promise<ApiResponse> => {
    requests.push(request);
    const status = await (request.path.endsWith('tokenreviews') ? review : access)(request);
    return { status: 201, headers: {}, body: { status } };
  };
  const log = {
    ...nullLogger,
    warn: (text: string) => void lines.push(`warn ${text}`),
    info: (text: string) => void lines.push(`info ${text}`),
  };
  const tokens = new TokenAccess({ client: { raw }, clock, log, path: '/metrics', cache });
  return { clock, requests, lines, tokens };
}

async function codeOf(promise: Promise<unknown>): Promise<unknown> {
  return promise.then(
    (value) => value,
    (error: { code: string }) => error.code,
  );
}

describe('access by bearer token', () => {
  it('asks who the bearer is, and then whether that user may get the path', async () => {
    const { tokens, requests } = aScene();

    expect(await tokens.check('secret')).to.equal('allowed');
    expect(requests.map(({ method, path }) => `${method} ${path}`)).to.deep.equal([
      'POST /apis/authentication.k8s.io/v1/tokenreviews',
      'POST /apis/authorization.k8s.io/v1/subjectaccessreviews',
    ]);
    expect((requests[0]!.body as { spec: unknown }).spec).to.deep.equal({ token: 'secret' });
    expect((requests[1]!.body as { spec: unknown }).spec).to.deep.equal({
      user: USER.username,
      uid: 'u',
      groups: ['g'],
      extra: { a: ['b'] },
      nonResourceAttributes: { path: '/metrics', verb: 'get' },
    });
  });

  it('tells a token of nobody from one of somebody who may not', async () => {
    expect(await aScene({ review: () => ({ authenticated: false, error: 'expired' }) }).tokens.check('t')).to.equal('unauthenticated');
    expect(await aScene({ access: () => ({ allowed: false }) }).tokens.check('t')).to.equal('forbidden');
    expect(await aScene({ access: () => ({ allowed: true, denied: true }) }).tokens.check('t')).to.equal('forbidden');
  });

  for (const status of [
    {},
    { authenticated: 'true', user: USER },
    { authenticated: true },
    { authenticated: true, user: { username: '' } },
  ]) {
    it(`lets nobody in for the odd answer ${JSON.stringify(status)}`, async () => {
      expect(await aScene({ review: () => status }).tokens.check('t')).to.equal('unauthenticated');
    });
  }

  it('refuses for now, and remembers nothing, while the API server does not answer', async () => {
    let isDown = true;
    const { tokens } = aScene({
      access: () => {
        if (isDown) throw new Error('connection refused');
        return { allowed: true };
      },
    });
    expect(await codeOf(tokens.check('t'))).to.equal('ACCESS_UNKNOWN');

    isDown = false;
    expect(await tokens.check('t')).to.equal('allowed');
  });

  it('refuses for now when the answer has no status', async () => {
    expect(await codeOf(aScene({ review: () => undefined }).tokens.check('t'))).to.equal('ACCESS_UNKNOWN');
  });

  it('says once that callers cannot be checked, and once that they can again', async () => {
    let isDown = true;
    const { tokens, lines } = aScene({
      review: () => {
        if (isDown) throw new Error('connection refused');
        return { authenticated: true, user: USER };
      },
    });
    for (const token of ['a', 'b', 'c']) await codeOf(tokens.check(token));
    isDown = false;
    for (const token of ['a', 'b']) await tokens.check(token);

    expect(lines).to.deep.equal(['warn callers cannot be checked and are refused', 'info callers can be checked again']);
  });

  it('remembers every answer for sixty seconds and then asks again', async () => {
    for (const access of [{ allowed: true }, { allowed: false }]) {
      const { tokens, clock, requests } = aScene({ access: () => access });
      await tokens.check('t');
      await clock.advance(59_999);
      await tokens.check('t');
      expect(requests).to.have.length(2);

      await clock.advance(1);
      await tokens.check('t');
      expect(requests).to.have.length(4);
    }
  });

  it('asks once for a token that many requests carry at the same time', async () => {
    const { tokens, requests } = aScene();
    const answers = await Promise.all(Array.from({ length: 50 }, () => tokens.check('t')));

    expect(new Set(answers)).to.deep.equal(new Set(['allowed']));
    expect(requests).to.have.length(2);
  });

  it('asks about at most eight tokens at a time and refuses further ones for now', async () => {
    const open: (() => void)[] = [];
    const { tokens, requests } = aScene({
      review: () => new Promise((resolve) => open.push(() => resolve({ authenticated: false }))),
    });
    const answers = Array.from({ length: 10 }, (_, i) => codeOf(tokens.check(`token-${i}`)));
    for (const answer of open) answer();

    const results = await Promise.all(answers);
    expect(results.filter((result) => result === 'unauthenticated')).to.have.length(8);
    expect(results.slice(8)).to.deep.equal(['ACCESS_UNKNOWN', 'ACCESS_UNKNOWN']);
    expect(requests).to.have.length(8);

    const later = tokens.check('token-9');
    open.at(-1)!();
    expect(await later).to.equal('unauthenticated');
  });

  it('keeps an allowed caller remembered through a flood of made-up tokens', async () => {
    const { tokens, requests } = aScene({
      review: ({ body }) => ({ authenticated: (body as { spec: { token: string } }).spec.token === 'good', user: USER }),
      cache: { maxEntries: 16 },
    });
    await tokens.check('good');
    for (let i = 0; i < 100; i++) await tokens.check(`made-up-${i}`);
    const before = requests.length;

    expect(await tokens.check('good')).to.equal('allowed');
    expect(requests).to.have.length(before);
  });
});
