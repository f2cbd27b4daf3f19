import { expect } from 'chai';
import { type ApiRequest, type ApiTransport, KubeClient } from '../../../../src/framework/client';
import { apiErrorOf } from '../../../../src/framework/errors/api-error';
import { leaseCheck, renewalCheck } from '../../../../src/framework/leader';
import { compileLeaderElectionOptions } from '../../../../src/framework/leader/leader-options';
import type { LeaderStatus } from '../../../../src/framework/leader/lease-elector';
import { ApiLeaseStore, denialOf } from '../../../../src/framework/leader/lease-store';
import { FakeClock } from '../../../../src/framework/testing/fake-clock';
import { aLease } from './fake-leases';

const { signal } = new AbortController();

/** A server that answers every call alike. */
function storeOn(answer: { status: number; reason?: string; body?: unknown }): { store: ApiLeaseStore; sent: ApiRequest[] } {
  const sent: ApiRequest[] = [];
  const transport: ApiTransport = {
    request: async (request) => {
      sent.push(request);
      const { method, path } = request;
      const { status, reason = '' } = answer;
      if (status >= 300) throw apiErrorOf({ status, reason, message: 'refused', method, path });
      return { status, headers: {}, body: answer.body };
    },
    stream: () => Promise.reject(new Error('not asked for')),
  };
  const client = new KubeClient({ cluster: 'local', transport, clock: new FakeClock(), retry: false });
  return { store: new ApiLeaseStore(client, 'n', 'test'), sent };
}

const lease = aLease({ holderIdentity: 'a' });
const known = { ...lease, metadata: { ...lease.metadata, resourceVersion: '7' } };

describe('the Lease on the API server', () => {
  it('is created when it has no version, and replaced at exactly its version otherwise', async () => {
    const { store, sent } = storeOn({ status: 200, body: known });
    await store.write(lease, signal);
    await store.write(known, signal);

    expect(sent.map(({ method, path }) => `${method} ${path}`)).to.deep.equal([
      'POST /apis/coordination.k8s.io/v1/namespaces/n/leases',
      'PUT /apis/coordination.k8s.io/v1/namespaces/n/leases/test',
    ]);
    expect(sent[1]!.body).to.have.nested.property('metadata.resourceVersion', '7');
  });

  it('does not exist when the server says so', async () => {
    expect(await storeOn({ status: 404 }).store.read(signal)).to.equal(undefined);
  });

  for (const [title, answer, written] of [
    ['another version', { status: 409 }, known],
    ['one that was created meanwhile', { status: 409, reason: 'AlreadyExists' }, lease],
    ['one that was deleted meanwhile', { status: 404 }, known],
  ] as const) {
    it(`takes ${title} for a conflict`, async () => {
      expect(await storeOn(answer).store.write(written, signal)).to.deep.equal({ kind: 'conflict' });
    });
  }

  for (const status of [403, 404]) {
    it(`is denied when creating it answers ${status}`, async () => {
      const error = await storeOn({ status })
        .store.write(lease, signal)
        .catch((caught: unknown) => caught);

      expect(denialOf(error)).to.contain(`${status}: refused`);
    });
  }

  it('is not denied by an outage', () => {
    const error = apiErrorOf({ status: 503, reason: '', message: 'later', method: 'GET', path: '/' });

    expect(denialOf(error)).to.equal(undefined);
  });
});

describe('options of leader election', () => {
  it('fill in the usual numbers', () => {
    expect(compileLeaderElectionOptions({ lease: 'l' })).to.deep.equal({
      lease: 'l',
      leaseDurationMs: 15_000,
      renewDeadlineMs: 10_000,
      retryMs: 2_000,
      requestTimeoutMs: 5_000,
    });
  });

  for (const [options, text] of [
    [{ lease: 'A' }, 'leaderElection.lease is "A"; allowed: a lower-case object name of at most 253 characters'],
    [{ lease: 'l', leaseDurationMs: 15_500 }, 'leaderElection.leaseDurationMs is 15500; allowed: whole seconds, in milliseconds'],
    [
      { lease: 'l', renewDeadlineMs: 15_000 },
      'leaderElection.renewDeadlineMs is 15000; allowed: above 0 and below leaseDurationMs (15000)',
    ],
    [{ lease: 'l', retryMs: 9_000 }, 'leaderElection.retryMs is 9000; allowed: above 0 and, times 1.2, below renewDeadlineMs (10000)'],
  ] as const) {
    it(`refuse ${JSON.stringify(options)}`, () => {
      expect(() => compileLeaderElectionOptions(options)).to.throw(RangeError, text);
    });
  }
});

describe('health of leader election', () => {
  const status = (over: Partial<LeaderStatus>): LeaderStatus => ({
    phase: 'standby',
    holder: undefined,
    denied: undefined,
    sinceRenewalMs: undefined,
    ...over,
  });
  const options = compileLeaderElectionOptions({ lease: 'l' });

  it('is ready while leading, standing by and handing over, and says which', async () => {
    const texts = [status({}), status({ holder: 'b' }), status({ phase: 'leading' }), status({ phase: 'ending' })].map((now) =>
      leaseCheck(() => now).run(),
    );

    expect(texts).to.deep.equal([
      { state: 'ok', detail: 'standing by' },
      { state: 'ok', detail: 'standing by, b leads' },
      { state: 'ok', detail: 'leading' },
      { state: 'ok', detail: 'leadership was lost, work is ending' },
    ]);
  });

  it('is not ready while the Lease is denied', async () => {
    expect(await leaseCheck(() => status({ denied: 'no rights' })).run()).to.deep.equal({
      state: 'failed',
      detail: 'the lease is denied: no rights',
    });
  });

  it('fails liveness when work goes on 15 s after the last renewal, and not before', async () => {
    const at = (sinceRenewalMs: number): unknown => renewalCheck(() => status({ phase: 'ending', sinceRenewalMs }), options).run();

    expect(at(14_999)).to.have.property('state', 'ok');
    expect(at(15_000)).to.deep.equal({ state: 'failed', detail: 'ending without a renewal for 15000 ms' });
    expect(renewalCheck(() => status({ sinceRenewalMs: 99_000 }), options).run()).to.have.property('state', 'ok');
  });
});
