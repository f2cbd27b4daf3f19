import { expect } from 'chai';
import {
  AlreadyExistsError,
  ApiError,
  type ApiErrorFields,
  ApplyConflictError,
  apiErrorOf,
  ConflictError,
  ForbiddenError,
  GoneError,
  InvalidError,
  NotFoundError,
  TooManyRequestsError,
  TransportError,
  UnauthorizedError,
  UnavailableError,
} from '../../../../src/framework/errors/api-error';
import { ConfigError } from '../../../../src/framework/errors/config-error';
import {
  NotCachedError,
  NotOursError,
  PermanentError,
  StaleContextError,
  TemporaryError,
} from '../../../../src/framework/errors/handler-errors';
import { isOperatorError, OperatorError } from '../../../../src/framework/errors/operator-error';
import { ClusterUnavailableError, NotLeaderError } from '../../../../src/framework/errors/refusal-errors';

const answer = (status: number, more: Partial<ApiErrorFields> = {}): ApiErrorFields => ({
  status,
  reason: '',
  message: 'no',
  method: 'PATCH',
  path: '/api/v1/pods/p',
  ...more,
});

describe('an operator error', () => {
  it('is recognised by brand and code, also when it comes from another copy of the package', () => {
    const error = new TemporaryError('later');
    const copied: unknown = { [Symbol.for('virt-steward.operator-error')]: true, code: 'TEMPORARY' };

    expect([isOperatorError(error), isOperatorError(error, 'TEMPORARY'), isOperatorError(error, 'PERMANENT')]).to.deep.equal([
      true,
      true,
      false,
    ]);
    expect(isOperatorError(copied, 'TEMPORARY')).to.equal(true);
  });

  for (const other of [new Error('x'), undefined, null, 'TEMPORARY', 5, { code: 'TEMPORARY' }]) {
    it(`is not seen in ${String(other)}`, () => {
      expect(isOperatorError(other)).to.equal(false);
    });
  }

  it('carries its class name, code, reason and cause', () => {
    const cause = new Error('below');
    class PortInUseError extends TemporaryError {}
    const error = new PortInUseError('port 9 is in use', { reason: 'PortInUse', cause, delayMs: 5_000 });

    expect(error).to.be.instanceOf(Error);
    expect(error).to.include({ name: 'PortInUseError', code: 'TEMPORARY', reason: 'PortInUse', delayMs: 5_000 });
    expect(error.cause).to.equal(cause);
  });

  it('has no cause property when there is none', () => {
    expect(new OperatorError('X', 'x')).not.to.have.own.property('cause');
  });
});

describe('the errors handlers throw or meet', () => {
  const cases: [OperatorError, string, string | undefined, string][] = [
    [new TemporaryError('later'), 'TEMPORARY', undefined, 'later'],
    [new PermanentError('never', { reason: 'BadImage' }), 'PERMANENT', 'BadImage', 'never'],
    [
      new NotOursError('DaemonSet', 'ns/agent', 'owner is other'),
      'NOT_OURS',
      'NotOurs',
      'DaemonSet ns/agent exists and is not ours: owner is other',
    ],
    [
      new StaleContextError('ctx.status of A.b'),
      'STALE_CONTEXT',
      undefined,
      'ctx.status of A.b was used after the handler had returned; a context lives as long as one run',
    ],
    [new NotCachedError('Pod', 'name it'), 'NOT_CACHED', undefined, 'no informer keeps Pod: name it'],
    [
      new ClusterUnavailableError('edge', '2026-01-01T00:00:00Z'),
      'CLUSTER_UNAVAILABLE',
      'ClusterUnavailable',
      'cluster edge has not answered since 2026-01-01T00:00:00Z; the call was not made',
    ],
    [
      new ClusterUnavailableError('edge', undefined),
      'CLUSTER_UNAVAILABLE',
      'ClusterUnavailable',
      'cluster edge has not answered yet; the call was not made',
    ],
    [new NotLeaderError(), 'NOT_LEADER', undefined, 'this process does not hold the leader lease, so it must not write'],
    [new TransportError('headers', 'unknown', 'socket hang up'), 'TRANSPORT', undefined, 'socket hang up'],
  ];
  for (const [error, code, reason, message] of cases) {
    it(`include ${error.name} with the code ${code} and one line that says it all`, () => {
      expect(error).to.include({ code, reason, message });
    });
  }
});

describe('a configuration error', () => {
  it('lists every problem, one line each', () => {
    const error = new ConfigError([
      { code: 'A', text: 'first' },
      { code: 'B', text: 'second' },
    ]);

    expect(error.message).to.equal('A: first\nB: second');
    expect(error.problems).to.have.length(2);
  });
});

describe('an answer of the API server', () => {
  const classes: [number, new (...args: never[]) => ApiError, string][] = [
    [400, ApiError, 'API'],
    [401, UnauthorizedError, 'UNAUTHORIZED'],
    [403, ForbiddenError, 'FORBIDDEN'],
    [404, NotFoundError, 'NOT_FOUND'],
    [409, ConflictError, 'CONFLICT'],
    [410, GoneError, 'GONE'],
    [422, InvalidError, 'INVALID'],
    [429, TooManyRequestsError, 'TOO_MANY_REQUESTS'],
    [500, ApiError, 'API'],
    [502, UnavailableError, 'UNAVAILABLE'],
    [503, UnavailableError, 'UNAVAILABLE'],
    [504, UnavailableError, 'UNAVAILABLE'],
  ];
  for (const [status, Class, code] of classes) {
    it(`with status ${status} becomes ${Class.name}`, () => {
      const error = apiErrorOf(answer(status));
      expect(error.constructor).to.equal(Class);
      expect(error).to.include({ status, code, name: Class.name });
    });
  }

  it('tells 409 for a name that is taken from 409 for a version that has moved on', () => {
    expect(apiErrorOf(answer(409, { reason: 'AlreadyExists' }))).to.be.instanceOf(AlreadyExistsError);
    expect(apiErrorOf(answer(409, { reason: 'Conflict' }))).to.be.instanceOf(ConflictError);
  });

  it('names the owners and fields of a refused apply', () => {
    const causes = [{ reason: 'FieldManagerConflict', message: 'conflict with "kubectl" using apps/v1', field: '.spec.replicas' }];
    const error = apiErrorOf(answer(409, { reason: 'Conflict', details: { causes } }));

    expect(error).to.be.instanceOf(ApplyConflictError);
    expect((error as ApplyConflictError).conflicts).to.deep.equal([{ manager: 'kubectl', field: '.spec.replicas' }]);
  });

  it('takes an apply that met another UID for a conflict, not for wrong input', () => {
    const causes = [{ reason: 'FieldValueInvalid', field: 'metadata.uid', message: 'field is immutable' }];

    expect(apiErrorOf(answer(422, { details: { causes } }))).to.be.instanceOf(ConflictError);
    expect(apiErrorOf(answer(422, { details: { causes: [{ field: 'spec.x' }] } }))).to.be.instanceOf(InvalidError);
  });

  for (const details of [undefined, null, 'text', 5, { causes: 'text' }, { causes: [null, 5] }]) {
    it(`survives details of ${JSON.stringify(details) ?? 'nothing'}`, () => {
      expect(apiErrorOf(answer(409, { details }))).to.be.instanceOf(ConflictError);
    });
  }

  it('says what was asked, what came back, and leaves out what is missing', () => {
    expect(apiErrorOf(answer(404, { reason: 'NotFound', message: 'pods "p" not found' })).message).to.equal(
      'PATCH /api/v1/pods/p: 404 NotFound: pods "p" not found',
    );
    expect(apiErrorOf(answer(502)).message).to.equal('PATCH /api/v1/pods/p: 502: no');
  });

  it('keeps what a caller needs to react', () => {
    const fields = { verb: 'patch', kind: 'pods', key: 'ns/p', retryAfterMs: 7_000, requestId: 'audit-1', details: { a: 1 } };

    expect(apiErrorOf(answer(429, { reason: 'TooManyRequests', ...fields }))).to.deep.include({
      ...fields,
      statusReason: 'TooManyRequests',
    });
  });
});
