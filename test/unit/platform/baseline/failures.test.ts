import { expect } from 'chai';
import { ApiError, type ApiErrorFields, TransportError } from '../../../../src/framework';
import { failureOf, pauseMs } from '../../../../src/platform/baseline/failures';

const refused = (status: number, message: string, change: Partial<ApiErrorFields> = {}): ApiError =>
  new ApiError({ status, reason: '', message, method: 'PATCH', path: '/x', ...change });

describe('a call that failed', () => {
  const TABLE: readonly (readonly [string, unknown, 'read' | 'dry-run' | 'create' | 'apply', string])[] = [
    [
      'a field that is not declared',
      refused(500, 'failed to create typed patch object (ns/a; v1, Kind=A): .spec.x: field not declared in schema'),
      'dry-run',
      'SchemaMismatch',
    ],
    ['the same from another version of the server', refused(400, '.spec.x: field not declared in schema'), 'dry-run', 'SchemaMismatch'],
    ['an invalid value', refused(422, 'A "a" is invalid: spec.size: Invalid value', { reason: 'Invalid' }), 'dry-run', 'SchemaMismatch'],
    ['a value of another type', refused(500, '.spec.size: expected numeric (int or float), got string'), 'create', 'SchemaMismatch'],
    ['a webhook that refuses', refused(403, 'admission webhook "a.example.org" denied the request: no'), 'dry-run', 'Rejected'],
    [
      'a policy that refuses',
      refused(422, "ValidatingAdmissionPolicy 'p' with binding 'b' denied request: no", { reason: 'Invalid' }),
      'dry-run',
      'Rejected',
    ],
    [
      'rights that may not be granted',
      refused(403, 'clusterroles "a" is forbidden: user "u" is attempting to grant RBAC permissions not currently held'),
      'dry-run',
      'Rejected',
    ],
    [
      'a webhook without dry-run',
      refused(400, 'admission webhook "a.example.org" does not support dry run'),
      'dry-run',
      'DryRunUnsupported',
    ],
    [
      'a missing right',
      refused(
        403,
        'gadgets.example.org "a" is forbidden: User "u" cannot patch resource "gadgets" in API group "example.org" in the namespace "ns"',
      ),
      'dry-run',
      'Forbidden',
    ],
    [
      'a namespace that is missing',
      refused(404, 'namespaces "ns" not found', { details: { kind: 'namespaces' } }),
      'create',
      'NamespaceMissing',
    ],
    [
      'a namespace that is terminating',
      refused(403, 'unable to create new content in namespace ns because it is being terminated', {
        reason: 'Forbidden',
        details: { causes: [{ reason: 'NamespaceTerminating' }] },
      }),
      'create',
      'NamespaceMissing',
    ],
    ['a kind that is gone', refused(404, 'the server could not find the requested resource'), 'dry-run', 'CRDMissing'],
    [
      'an object that was deleted meanwhile',
      refused(404, 'configmaps "a" not found', { reason: 'NotFound', details: { name: 'a', kind: 'configmaps' } }),
      'apply',
      'Transient',
    ],
    ['a conflict', refused(409, 'the object has been modified'), 'apply', 'Transient'],
    ['too many requests', refused(429, 'slow down'), 'read', 'Transient'],
    ['a webhook that does not answer', refused(500, 'Internal error occurred: failed calling webhook "a"'), 'dry-run', 'Transient'],
    ['no answer', new TransportError('connect', 'not-sent', 'connect ECONNREFUSED'), 'read', 'Transient'],
    ['a refusal after a good dry-run', refused(403, 'admission webhook "a.example.org" denied the request: no'), 'apply', 'ApplyFailed'],
  ];
  for (const [what, error, call, status] of TABLE) {
    it(`is ${status}: ${what}`, () => expect(failureOf(error, call).status).to.equal(status));
  }

  it('of a kind that is gone says so, and not with the words of an address that nobody serves', () => {
    expect(failureOf(refused(404, '404 page not found'), 'apply').message).to.equal('its kind is not served any more');
  });

  it('for want of a right names verb, resource, name and place', () => {
    const { message } = failureOf(TABLE.find(([, , , status]) => status === 'Forbidden')![1], 'dry-run');
    expect(message).to.equal('not allowed to patch gadgets.example.org named a in ns');
  });

  it('has a message of one line and limited length', () => {
    const { message } = failureOf(refused(500, `a\n${'b'.repeat(2_000)}`), 'apply');
    expect(message).not.to.contain('\n');
    expect(message.length).to.be.at.most(520);
  });

  it('is tried again after growing pauses, when it may pass by itself', () => {
    const pauses = (error: unknown, call: 'dry-run' | 'apply' = 'dry-run'): (number | undefined)[] =>
      [1, 2, 3, 30].map((failures) => pauseMs(failureOf(error, call), failures));

    expect(pauses(refused(503, 'x'))).to.deep.equal([1_000, 2_000, 4_000, 300_000]);
    expect(pauses(refused(400, 'admission webhook "a" does not support dry run'))).to.deep.equal([1_000, 2_000, 4_000, 600_000]);
    expect(pauses(refused(403, 'User "u" cannot patch resource "a" in API group ""'))).to.deep.equal([300_000, 300_000, 300_000, 300_000]);
    expect(pauses(refused(422, 'invalid', { reason: 'Invalid' }))).to.deep.equal([undefined, undefined, undefined, undefined]);
    expect(pauseMs(failureOf(refused(429, 'x', { retryAfterMs: 20_000 }), 'read'), 1)).to.equal(20_000);
  });
});
