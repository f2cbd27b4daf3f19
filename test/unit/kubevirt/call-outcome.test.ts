import { expect } from 'chai';
import { apiErrorOf, TransportError } from '../../../src/framework';
import { classifyAnswer, classifyFailure, quotable } from '../../../src/kubevirt/call-outcome';
import { type CallTransport, SubresourceCalls } from '../../../src/kubevirt/subresource-calls';

const apiError = (status: number, message = 'text', retryAfterMs?: number) =>
  apiErrorOf({ status, reason: 'Reason', message, method: 'PUT', path: '/start', retryAfterMs });

describe('the classification of answers to a start', () => {
  const cases: [number[], string][] = [
    [[200, 202, 204], 'accepted'],
    [[409], 'conflict'],
    [[500, 502, 503, 504, 429, 501], 'transient'],
    [[404], 'missing'],
    [[401], 'unauthorized'],
    [[403], 'forbidden'],
    [[400, 405, 415, 422], 'refused'],
  ];
  for (const [statuses, kind] of cases) {
    for (const status of statuses) {
      it(`takes ${status} for ${kind}`, () => expect(classifyAnswer({ status }).kind).to.equal(kind));
    }
  }

  it('never looks at the wording', () => {
    for (const message of ['VM is already running', 'not found', 'Always does not support manual start requests', '']) {
      expect(classifyAnswer({ status: 500, message }).kind).to.equal('transient');
      expect(classifyFailure(apiError(409, message)).kind).to.equal('conflict');
    }
  });

  it('honours Retry-After of 429 and 503 up to five seconds', () => {
    expect(classifyAnswer({ status: 429, retryAfterMs: 1_500 })).to.have.property('retryAfterMs', 1_500);
    expect(classifyFailure(apiError(503, 'busy', 60_000))).to.have.property('retryAfterMs', 5_000);
    expect(classifyAnswer({ status: 500, retryAfterMs: 1_500 })).not.to.have.property('retryAfterMs');
  });

  it('takes a call without an answer for transient and unreachable', () => {
    const lost = new TransportError('connect', 'not-sent', 'connection refused');
    expect(classifyFailure(lost)).to.deep.equal({ kind: 'transient', message: 'connection refused', unreachable: true });
    expect(classifyFailure('odd')).to.deep.equal({ kind: 'transient', message: 'odd', unreachable: true });
  });

  it('passes on at most 256 characters of a message, with control characters escaped', () => {
    expect(quotable('a\nb\u0007\u2028')).to.equal('a\\u000ab\\u0007\\u2028');
    expect(quotable('x'.repeat(400))).to.have.lengthOf(256);
    expect(classifyAnswer({ status: 422, message: 'no\r\nway' })).to.deep.equal({
      kind: 'refused',
      status: 422,
      message: 'no\\u000d\\u000away',
    });
  });
});

describe('calls to the subresources of KubeVirt', () => {
  it('are PUT requests without a body, each with its own time limit', async () => {
    const seen: unknown[] = [];
    const transport: CallTransport = {
      request: async ({ signal: _signal, ...call }) => {
        seen.push(call);
        return { status: 202 };
      },
    };
    const calls = new SubresourceCalls(transport);
    const { signal } = new AbortController();

    expect(await calls.start('lab', 'web', signal)).to.deep.equal({ kind: 'accepted' });
    expect(await calls.unpause('lab', 'web', signal)).to.deep.equal({ kind: 'accepted' });

    const common = { method: 'PUT', accept: 'application/json', headersTimeoutMs: 10_000, totalTimeoutMs: 10_000 };
    const root = '/apis/subresources.kubevirt.io/v1/namespaces/lab';
    expect(seen).to.deep.equal([
      { ...common, path: `${root}/virtualmachines/web/start` },
      { ...common, path: `${root}/virtualmachineinstances/web/unpause` },
    ]);
  });

  it('turn what the transport throws into an outcome', async () => {
    const calls = new SubresourceCalls({ request: () => Promise.reject(apiError(403)) });
    expect(await calls.start('lab', 'web', new AbortController().signal)).to.have.property('kind', 'forbidden');
  });
});
