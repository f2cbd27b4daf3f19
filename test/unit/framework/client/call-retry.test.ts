import { expect } from 'chai';
import { APPLY_PATCH, type ApiRequest, JSON_PATCH, MERGE_PATCH, RetryingTransport } from '../../../../src/framework/client';
import { ApiError, apiErrorOf, TransportError } from '../../../../src/framework/errors/api-error';
import { FakeClock } from '../../../../src/framework/testing/fake-clock';
import { errorOf } from './test-server';

const answer = { status: 200, headers: {}, body: 'done' };
const unknown = (): Error => new TransportError('headers', 'unknown', 'reset');
const notSent = (): Error => new TransportError('connect', 'not-sent', 'refused');
const status = (code: number, retryAfterMs?: number): Error =>
  apiErrorOf({ status: code, reason: '', message: 'm', method: 'GET', path: '/x', retryAfterMs });

const SAFE: readonly [string, ApiRequest][] = [
  ['GET', { method: 'GET', path: '/x' }],
  ['HEAD', { method: 'HEAD', path: '/x' }],
  ['apply', { method: 'PATCH', path: '/x', contentType: APPLY_PATCH, body: {} }],
  ['JSON Patch with a test', { method: 'PATCH', path: '/x', contentType: JSON_PATCH, body: [{ op: 'test', path: '/a', value: 1 }] }],
  ['DELETE with UID', { method: 'DELETE', path: '/x', body: { preconditions: { uid: 'u' } } }],
  ['PUT with resourceVersion', { method: 'PUT', path: '/x', body: { metadata: { resourceVersion: '1' } } }],
];
const UNSAFE: readonly [string, ApiRequest][] = [
  ['POST', { method: 'POST', path: '/x', body: {} }],
  ['merge patch', { method: 'PATCH', path: '/x', contentType: MERGE_PATCH, body: {} }],
  ['JSON Patch without a test', { method: 'PATCH', path: '/x', contentType: JSON_PATCH, body: [{ op: 'add', path: '/a', value: 1 }] }],
  ['DELETE without UID', { method: 'DELETE', path: '/x' }],
  ['PUT without resourceVersion', { method: 'PUT', path: '/x', body: {} }],
];

describe('retries inside the client', () => {
  /** Plays the outcomes in order, then succeeds; tells when each try was made. */
  const play = (outcomes: readonly Error[], random = 0.5) => {
    const clock = new FakeClock();
    const triesAtMs: number[] = [];
    const requests: ApiRequest[] = [];
    const transport = new RetryingTransport(
      {
        request: async (request) => {
          requests.push(request);
          const outcome = outcomes[triesAtMs.length];
          triesAtMs.push(clock.monotonicMs());
          if (outcome !== undefined) throw outcome;
          return answer;
        },
        stream: () => Promise.reject(new Error('not used')),
      },
      clock,
      () => random,
    );
    const run = async (request: ApiRequest): Promise<unknown> => {
      const call = transport.request(request).then(
        ({ body }) => body,
        (error: unknown) => error,
      );
      await clock.advance(60_000);
      return call;
    };
    return { run, triesAtMs, requests, transport, clock };
  };

  for (const [name, request] of SAFE) {
    for (const outcome of [unknown(), status(429), status(502), status(503), status(504)]) {
      it(`repeats ${name} after ${(outcome as ApiError).status ?? 'a lost answer'}, 0.25 s and 1 s later`, async () => {
        const { run, triesAtMs } = play([outcome, outcome]);

        expect(await run(request)).to.equal('done');
        expect(triesAtMs).to.deep.equal([0, 250, 1_250]);
      });
    }
  }

  for (const [name, request] of UNSAFE) {
    it(`does not repeat ${name} whose outcome is unknown`, async () => {
      const outcome = unknown();
      const { run, triesAtMs } = play([outcome]);

      expect(await run(request)).to.equal(outcome);
      expect(triesAtMs).to.deep.equal([0]);
    });

    it(`does not repeat ${name} after 503 without Retry-After`, async () => {
      const { run, triesAtMs } = play([status(503)]);

      expect(await run(request)).to.include({ status: 503 });
      expect(triesAtMs).to.deep.equal([0]);
    });

    it(`repeats ${name} that was not sent`, async () => {
      const { run, triesAtMs } = play([notSent()]);

      expect(await run(request)).to.equal('done');
      expect(triesAtMs).to.deep.equal([0, 250]);
    });

    it(`repeats ${name} that the server asks to repeat`, async () => {
      const { run, triesAtMs } = play([status(503, 2_000)]);

      expect(await run(request)).to.equal('done');
      expect(triesAtMs).to.deep.equal([0, 2_000]);
    });
  }

  for (const code of [400, 401, 403, 404, 409, 410, 422, 500]) {
    it(`does not repeat after ${code}`, async () => {
      const { run, triesAtMs } = play([status(code)]);

      expect(await run({ method: 'GET', path: '/x' })).to.include({ status: code });
      expect(triesAtMs).to.deep.equal([0]);
    });
  }

  it('gives up after the third try with its error', async () => {
    const last = status(503);
    const { run, triesAtMs } = play([status(502), status(504), last, status(500)]);

    expect(await run({ method: 'GET', path: '/x' })).to.equal(last);
    expect(triesAtMs).to.have.length(3);
  });

  it('spreads the waits by half in both directions', async () => {
    const early = play([unknown(), unknown()], 0);
    const late = play([unknown(), unknown()], 0.9999);
    await early.run({ method: 'GET', path: '/x' });
    await late.run({ method: 'GET', path: '/x' });

    expect(early.triesAtMs).to.deep.equal([0, 125, 625]);
    expect(late.triesAtMs[1]).to.be.closeTo(375, 1);
    expect(late.triesAtMs[2]).to.be.closeTo(1_875, 2);
  });

  it('waits a Retry-After of 7 s inside and throws one of 30 s', async () => {
    const short = play([status(429, 7_000)]);
    const long = play([status(429, 30_000)]);

    expect(await short.run({ method: 'GET', path: '/x' })).to.equal('done');
    expect(short.triesAtMs).to.deep.equal([0, 7_000]);
    expect(await long.run({ method: 'GET', path: '/x' })).to.include({ retryAfterMs: 30_000 });
    expect(long.triesAtMs).to.deep.equal([0]);
  });

  it('begins no try later than 15 s after the first', async () => {
    const { run, triesAtMs } = play([status(429, 8_000), status(429, 8_000)]);

    expect(await run({ method: 'GET', path: '/x' })).to.include({ status: 429 });
    expect(triesAtMs).to.deep.equal([0, 8_000]);
  });

  it('leaves the second try what the first has left of the time allowed', async () => {
    const { run, requests } = play([status(429, 7_000)]);

    await run({ method: 'GET', path: '/x', totalTimeoutMs: 20_000 });

    expect(requests.map(({ totalTimeoutMs }) => totalTimeoutMs)).to.deep.equal([20_000, 13_000]);
  });

  it('stops waiting when the signal aborts', async () => {
    const { transport, clock } = play([unknown()]);
    const controller = new AbortController();
    const call = errorOf(transport.request({ method: 'GET', path: '/x', signal: controller.signal }));
    await clock.advance(100);

    controller.abort(new Error('enough'));

    expect((await call).message).to.equal('enough');
    expect(clock.pendingTimers).to.equal(0);
  });
});
