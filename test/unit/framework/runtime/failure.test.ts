import { expect } from 'chai';
import fc from 'fast-check';
import { apiErrorOf, TransportError } from '../../../../src/framework/errors/api-error';
import { NotOursError, PermanentError, TemporaryError } from '../../../../src/framework/errors/handler-errors';
import { ClusterUnavailableError } from '../../../../src/framework/errors/refusal-errors';
import { compileRetryOptions } from '../../../../src/framework/queue/backoff';
import {
  decideRetry,
  type FailureHistory,
  failureMessage,
  failureReason,
  isPermanent,
  isTemporary,
  isWorthReporting,
} from '../../../../src/framework/runtime/failure';

const RETRY = compileRetryOptions();
const FIRST: FailureHistory = { failures: 0, conflicts: 0 };
const middle = (): number => 0.5;
const answered = (status: number, retryAfterMs?: number): Error =>
  apiErrorOf({ status, reason: '', message: 'no', method: 'GET', path: '/x', retryAfterMs });

function delayAfter(error: unknown, history: FailureHistory = FIRST, random = middle): number | undefined {
  const decision = decideRetry(error, RETRY, history, random);
  return decision.kind === 'retry' ? decision.delayMs : undefined;
}

/** An error of another copy of this package: same brand, other classes. */
function foreign(code: string, fields: Record<string, unknown> = {}): Error {
  return Object.assign(new Error('foreign'), { [Symbol.for('virt-steward.operator-error')]: true, code, ...fields });
}

describe('the retry rule', () => {
  it('backs off for errors nobody expected, one attempt after the other', () => {
    const delays = [0, 1, 2, 3].map((failures) => delayAfter(new Error('x'), { failures, conflicts: 0 }));

    expect(delays).to.deep.equal([1_000, 2_000, 4_000, 8_000]);
  });

  for (const thrown of [undefined, null, 'text', 5, {}, Symbol('s')]) {
    it(`backs off for ${String(thrown)}, which is no error at all`, () => {
      expect(delayAfter(thrown)).to.equal(1_000);
    });
  }

  it('waits as long as a temporary error says, plus at most a tenth', () => {
    const error = new TemporaryError('later', { delayMs: 5_000 });

    expect(delayAfter(error, FIRST, () => 0)).to.equal(5_000);
    expect(delayAfter(error, FIRST, () => 1)).to.be.closeTo(5_500, 0.001);
    expect(delayAfter(error, { failures: 7, conflicts: 0 }, () => 0)).to.equal(5_000);
  });

  it('backs off for a temporary error that names no delay', () => {
    expect(delayAfter(new TemporaryError('later'), { failures: 2, conflicts: 0 })).to.equal(4_000);
  });

  for (const error of [new PermanentError('never'), answered(422), new NotOursError('Pod', 'p', 'x')]) {
    it(`gives up on ${error.name} and forgets the failures before it`, () => {
      expect(decideRetry(error, RETRY, { failures: 3, conflicts: 2 }, middle)).to.deep.equal({ kind: 'give-up', history: FIRST });
    });
  }

  it('waits for the larger of backoff and Retry-After', () => {
    expect(delayAfter(answered(503, 7_000))).to.equal(7_000);
    expect(delayAfter(answered(429, 7_000), { failures: 4, conflicts: 0 })).to.equal(16_000);
  });

  it('honours Retry-After and delay of errors from another copy of the package', () => {
    expect(delayAfter(foreign('UNAVAILABLE', { retryAfterMs: 30_000 }))).to.equal(30_000);
    expect(delayAfter(foreign('TEMPORARY', { delayMs: 100 }), FIRST, () => 0)).to.equal(100);
  });

  it('repeats a conflict after 0.1 to 1 second without counting it, five times in a row', () => {
    expect(delayAfter(answered(409), FIRST, () => 0)).to.equal(100);
    expect(delayAfter(answered(409), FIRST, () => 1)).to.equal(1_000);

    const failures: number[] = [];
    let history = FIRST;
    for (let run = 0; run < 8; run++) {
      ({ history } = decideRetry(answered(409), RETRY, history, middle));
      failures.push(history.failures);
    }
    expect(failures).to.deep.equal([0, 0, 0, 0, 0, 1, 2, 3]);
  });

  it('starts a new row of conflicts after another failure, which counts', () => {
    const { history } = decideRetry(new Error('x'), RETRY, { failures: 0, conflicts: 4 }, middle);

    expect(history).to.deep.equal({ failures: 1, conflicts: 0 });
    expect(decideRetry(answered(409), RETRY, history, middle).history).to.deep.equal({ failures: 1, conflicts: 1 });
  });

  it('gives up after as many attempts as are allowed', () => {
    const retry = compileRetryOptions({ maxAttempts: 3 });
    const decisions = [0, 1, 2].map((failures) => decideRetry(new Error('x'), retry, { failures, conflicts: 0 }, middle).kind);

    expect(decisions).to.deep.equal(['retry', 'retry', 'give-up']);
  });

  it('never waits less than nothing nor longer than the longest of its reasons', () => {
    const error = fc.oneof(
      fc.constant(new Error('x')),
      fc.constantFrom(409, 422, 429, 500, 503).map((status) => answered(status)),
      fc.integer({ min: 0, max: 60_000 }).map((retryAfterMs) => answered(503, retryAfterMs)),
      fc.integer({ min: 0, max: 60_000 }).map((delayMs) => new TemporaryError('later', { delayMs })),
    );
    const history = fc.record({ failures: fc.nat(10_000), conflicts: fc.nat(5) });
    fc.assert(
      fc.property(error, history, fc.double({ min: 0, max: 0.999, noNaN: true }), (thrown, before, at) => {
        const decision = decideRetry(thrown, RETRY, before, () => at);
        expect(decision.history.failures).to.be.within(0, before.failures + 1);
        if (decision.kind === 'retry') expect(decision.delayMs).to.be.within(0, 360_000);
      }),
    );
  });
});

describe('the reporting rule', () => {
  const passing: [string, unknown][] = [
    ['TemporaryError', new TemporaryError('x')],
    ['a lost connection', new TransportError('connect', 'not-sent', 'x')],
    ['429', answered(429)],
    ['503', answered(503)],
    ['a conflict', answered(409)],
  ];
  for (const [name, error] of passing) {
    it(`keeps quiet about ${name} until the third failure in a row`, () => {
      const told = [0, 1, 2, 3, 4].map((failures) => isWorthReporting(error, { failures, conflicts: 0 }));
      expect(told).to.deep.equal([false, false, false, true, true]);
      expect(isTemporary(error)).to.equal(true);
    });
  }

  it('tells of everything else at once', () => {
    for (const error of [new Error('x'), new PermanentError('x'), answered(403), 'text']) {
      expect(isWorthReporting(error, { failures: 1, conflicts: 0 })).to.equal(true);
    }
  });

  it('takes wrong input and foreign objects for permanent, nothing else', () => {
    const verdicts = [
      new PermanentError('x'),
      answered(422),
      new NotOursError('Pod', 'p', 'x'),
      answered(409),
      new Error('x'),
      undefined,
    ].map(isPermanent);

    expect(verdicts).to.deep.equal([true, true, true, false, false, false]);
  });

  const reasons: [string, unknown, string][] = [
    ['its own reason', new TemporaryError('x', { reason: 'PortInUse' }), 'PortInUse'],
    ['the reason of an error from another copy of the package', foreign('TEMPORARY', { reason: 'PortInUse' }), 'PortInUse'],
    ['InvalidConfiguration for wrong input', new PermanentError('x'), 'InvalidConfiguration'],
    ['InvalidConfiguration for 422', answered(422), 'InvalidConfiguration'],
    ['ClusterUnavailable', new ClusterUnavailableError('edge', undefined), 'ClusterUnavailable'],
    ['ReconcileError for anything else', new Error('x'), 'ReconcileError'],
    ['ReconcileError for what is no error', 'text', 'ReconcileError'],
  ];
  for (const [name, error, reason] of reasons) {
    it(`gives as reason ${name}`, () => {
      expect(failureReason(error)).to.equal(reason);
    });
  }

  it('puts the message on one line and cuts it at 512 characters', () => {
    expect(failureMessage(new Error('  first\n\tsecond  '))).to.equal('first second');
    expect(failureMessage(new Error('x'.repeat(600)))).to.have.length(512);
    expect(failureMessage('just text')).to.equal('just text');
    expect(failureMessage(undefined)).to.equal('undefined was thrown');
  });

  it('adds what lies at the bottom of an error, when that is news', () => {
    const refused = new Error('connect ECONNREFUSED 10.0.0.1:443');
    const fetchFailed = new TypeError('fetch failed', { cause: refused });

    expect(failureMessage(fetchFailed)).to.equal('fetch failed: connect ECONNREFUSED 10.0.0.1:443');
    expect(failureMessage(new Error('upload', { cause: fetchFailed }))).to.equal('upload: connect ECONNREFUSED 10.0.0.1:443');
    expect(failureMessage(new Error('upload', { cause: 'the disk is full' }))).to.equal('upload: the disk is full');
    expect(failureMessage(new Error('GET /x: connect ECONNREFUSED 10.0.0.1:443', { cause: refused }))).to.equal(
      'GET /x: connect ECONNREFUSED 10.0.0.1:443',
    );
  });

  it('looks into an error that stands for several, and finds its way out of a circle', () => {
    const both = new AggregateError([new Error('connect ECONNREFUSED ::1:443'), new Error('connect ECONNREFUSED 127.0.0.1:443')]);
    const circle = new Error('round');
    circle.cause = new Error('and round', { cause: circle });

    expect(failureMessage(new TypeError('fetch failed', { cause: both }))).to.equal('fetch failed: connect ECONNREFUSED ::1:443');
    expect(failureMessage(circle)).to.equal('round: and round');
  });

  it('says nothing of a cause that says nothing, and cuts message and cause together', () => {
    expect(failureMessage(new Error('upload', { cause: { status: 5 } }))).to.equal('upload');
    expect(failureMessage(new Error('upload', { cause: null }))).to.equal('upload');
    expect(failureMessage(new Error('x'.repeat(500), { cause: new Error('y'.repeat(500)) }))).to.equal(
      `${'x'.repeat(500)}: ${'y'.repeat(10)}`,
    );
  });

  it('masks secrets before it cuts, so that no half of one is left', () => {
    const secret = 'hunter2'.repeat(20);

    for (const length of [10, 400, 480, 500, 505]) {
      const message = failureMessage(new Error('x'.repeat(length), { cause: new Error(`login with password=${secret}`) }));
      expect(message).to.not.include('hunter2');
      expect(message.length).to.be.at.most(512);
    }
  });

  it('does not cut a character in two', () => {
    const message = failureMessage(new Error(`${'x'.repeat(511)}😀😀`));

    expect(message.isWellFormed()).to.equal(true);
    expect([...message]).to.have.length(512);
  });

  it('has a message for everything that can be thrown', () => {
    const thrown = [undefined, null, 5, Symbol('s'), {}, Object.create(null), Object.assign(new Error('x'), { message: undefined })];

    for (const value of thrown) expect(failureMessage(value)).to.be.a('string').and.not.equal('');
    fc.assert(
      fc.property(fc.anything({ withNullPrototype: true, withBigInt: true }), (value) => typeof failureMessage(value) === 'string'),
    );
  });
});
