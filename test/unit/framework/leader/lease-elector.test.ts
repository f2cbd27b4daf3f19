import { expect } from 'chai';
import { apiErrorOf, TransportError } from '../../../../src/framework/errors/api-error';
import { FakeClock } from '../../../../src/framework/testing/fake-clock';
import { aLease, Candidate, type CandidateOptions, FakeLeases } from './fake-leases';

const HOUR_MS = 3_600_000;
const away = { error: new TransportError('connect', 'not-sent', 'refused') };

class Rig {
  readonly clock = new FakeClock();
  readonly leases = new FakeLeases();

  /** Starts a candidate and lets it look at the Lease once. */
  async candidate(identity: string, options: CandidateOptions = {}): Promise<Candidate> {
    const candidate = new Candidate(identity, this.leases, this.clock, options);
    candidate.elector.start();
    await this.clock.advance(0);
    return candidate;
  }

  /** Advances in small steps. @returns milliseconds until `condition` held. */
  async until(condition: () => boolean, limitMs = 60_000): Promise<number> {
    const startMs = this.clock.monotonicMs();
    while (!condition()) {
      if (this.clock.monotonicMs() - startMs > limitMs) throw new Error(`not within ${limitMs} ms of fake time`);
      await this.clock.advance(50);
    }
    return this.clock.monotonicMs() - startMs;
  }
}

describe('a lease elector', () => {
  it('creates the Lease when there is none, and leads', async () => {
    const rig = new Rig();
    const a = await rig.candidate('a');

    expect(a.elector.isLeading).to.equal(true);
    expect(rig.leases.lease?.metadata).to.include({ name: 'test', namespace: 'n' });
    expect(rig.leases.lease?.spec).to.deep.equal({
      holderIdentity: 'a',
      leaseDurationSeconds: 15,
      acquireTime: '2026-01-01T00:00:00.000000Z',
      renewTime: '2026-01-01T00:00:00.000000Z',
      leaseTransitions: 0,
    });
  });

  it('renews every 2.0 to 2.4 s and keeps the time of acquisition and the number of transitions', async () => {
    const rig = new Rig();
    await rig.candidate('a');
    await rig.clock.advance(22_000);

    expect(rig.leases.history).to.have.length(11);
    expect(rig.leases.lease?.spec).to.include({ acquireTime: '2026-01-01T00:00:00.000000Z', leaseTransitions: 0 });
    expect(rig.leases.lease?.spec?.renewTime).to.equal('2026-01-01T00:00:22.000000Z');
  });

  it('stands by while another one renews, and counts the transition when it takes over', async () => {
    const rig = new Rig();
    const a = await rig.candidate('a');
    const b = await rig.candidate('b');
    await rig.clock.advance(60_000);
    expect(b.journal).to.deep.equal([]);
    expect(b.elector.status).to.deep.include({ phase: 'standby', holder: 'a' });

    a.clock.freeze();
    const takeOverMs = await rig.until(() => b.elector.isLeading);

    expect(takeOverMs).to.be.within(13_000, 18_000);
    expect(rig.leases.lease?.spec).to.include({ holderIdentity: 'b', leaseTransitions: 1 });
  });

  it('waits for a Lease it finds at start as long as its holder asked for, however old its time stamps are', async () => {
    const rig = new Rig();
    rig.leases.put(
      aLease({ holderIdentity: 'gone', leaseDurationSeconds: 30, renewTime: '2001-01-01T00:00:00.000000Z', leaseTransitions: 4 }),
    );
    const a = await rig.candidate('a');

    expect(await rig.until(() => a.elector.isLeading)).to.be.within(30_000, 33_000);
    expect(rig.leases.lease?.spec?.leaseTransitions).to.equal(5);
  });

  for (const jumpMs of [HOUR_MS, -HOUR_MS]) {
    it(`neither loses nor takes a Lease when the wall clock jumps by ${jumpMs / HOUR_MS} h`, async () => {
      const rig = new Rig();
      const a = await rig.candidate('a');
      const b = await rig.candidate('b');
      await rig.clock.advance(5_000);
      rig.clock.jumpWallClock(jumpMs);
      await rig.clock.advance(60_000);

      expect(a.journal).to.deep.equal(['0 gained']);
      expect(b.journal).to.deep.equal([]);
    });
  }

  it('stops 10 s after the start of the last renewal that succeeded, although its answer came late', async () => {
    const rig = new Rig();
    const a = await rig.candidate('a', { fate: () => ({ toServerMs: 1_000, toClientMs: 2_000 }) });
    await rig.until(() => a.elector.isLeading);
    const gainedMs = rig.clock.monotonicMs();
    a.fate = () => away;
    await rig.clock.advance(30_000);

    const [, lost] = a.journal;
    expect(lost).to.equal(`${gainedMs - 3_000 + 10_000} lost: the lease could not be renewed in time`);
  });

  it('is not deposed by an API server that is away for 7 s', async () => {
    const rig = new Rig();
    const a = await rig.candidate('a');
    a.fate = () => away;
    await rig.clock.advance(7_000);
    a.fate = () => ({});
    await rig.clock.advance(60_000);

    expect(a.journal).to.deep.equal(['0 gained']);
  });

  it('stands down after 10 of 12 s without an API server, before anybody else may lead, and leads again afterwards', async () => {
    const rig = new Rig();
    const a = await rig.candidate('a');
    const b = await rig.candidate('b');
    for (const candidate of [a, b]) candidate.fate = () => away;
    await rig.clock.advance(12_000);
    expect(a.journal).to.deep.equal(['0 gained', '10000 lost: the lease could not be renewed in time']);
    expect(b.journal).to.deep.equal([]);

    for (const candidate of [a, b]) candidate.fate = () => ({});
    await rig.until(() => a.couldWrite || b.couldWrite);
    expect([a, b].filter(({ couldWrite }) => couldWrite)).to.have.length(1);
  });

  it('gets a second try at a renewal when the connection went dead', async () => {
    const rig = new Rig();
    const a = await rig.candidate('a');
    let isDead = true;
    a.fate = () => {
      const lost = isDead;
      isDead = false;
      return lost ? { lost: 'request' } : {};
    };
    await rig.clock.advance(30_000);

    expect(a.journal).to.deep.equal(['0 gained']);
  });

  it('goes on after a renewal whose answer was lost: it reads that the Lease is its own', async () => {
    const rig = new Rig();
    const a = await rig.candidate('a');
    let isLost = true;
    a.fate = () => {
      const lost = isLost;
      isLost = false;
      return lost ? { lost: 'answer' } : {};
    };
    await rig.clock.advance(30_000);

    expect(a.journal).to.deep.equal(['0 gained']);
    expect(rig.leases.lease?.spec?.leaseTransitions).to.equal(0);
  });

  it('stands down at once when it reads that another one holds the Lease', async () => {
    const rig = new Rig();
    const a = await rig.candidate('a');
    rig.leases.put(aLease({ holderIdentity: 'kubectl', leaseDurationSeconds: 15, leaseTransitions: 1 }));
    await rig.clock.advance(2_300);

    expect(a.journal).to.deep.equal(['0 gained', '2200 lost: the lease is held by kubectl']);
  });

  it('makes a deleted Lease anew and goes on, and those who had seen it held wait all the same', async () => {
    const rig = new Rig();
    const a = await rig.candidate('a');
    await rig.clock.advance(1_000);
    const b = await rig.candidate('b');
    await rig.clock.advance(1_250);
    rig.leases.lease = undefined;
    // b looks at 3 200 ms, a renews at 4 400 ms.
    await rig.clock.advance(60_000);

    expect(a.journal).to.deep.equal(['0 gained']);
    expect(b.journal).to.deep.equal([]);
  });

  it('knows by the clock alone that it does not lead any more when it wakes from 20 s of being frozen', async () => {
    const rig = new Rig();
    const a = await rig.candidate('a');
    const b = await rig.candidate('b');
    await rig.clock.advance(3_000);
    a.clock.freeze();
    await rig.clock.advance(20_000);
    expect(b.elector.isLeading).to.equal(true);
    expect(a.elector.status.phase).to.equal('leading');

    // No timer of the process has run yet.
    expect(a.elector.isLeading).to.equal(false);
    a.clock.thaw();
    await rig.clock.advance(60_000);
    expect(a.journal.filter((line) => line.includes('gained'))).to.deep.equal(['0 gained']);
    expect(b.elector.isLeading).to.equal(true);
  });

  it('campaigns again only when the work of the lost term has ended', async () => {
    const rig = new Rig();
    const a = await rig.candidate('a', { workEndsAfterMs: 40_000 });
    a.fate = () => away;
    await rig.clock.advance(11_000);
    a.fate = () => ({});
    const { calls } = a;
    await rig.clock.advance(38_000);
    expect(a.calls).to.equal(calls);

    await rig.clock.advance(2_000);
    expect(a.elector.isLeading).to.equal(true);
  });

  it('gives the Lease up so that another one leads within one retry', async () => {
    const rig = new Rig();
    const a = await rig.candidate('a');
    const b = await rig.candidate('b');
    await rig.clock.advance(5_000);
    await a.elector.release(true, 2_000);

    expect(rig.leases.lease?.spec).to.include({ holderIdentity: '', leaseDurationSeconds: 1 });
    expect(a.elector.isLeading).to.equal(false);
    expect(await rig.until(() => b.elector.isLeading)).to.be.at.most(2_400);
    expect(rig.leases.lease?.spec?.leaseTransitions).to.equal(1);
  });

  it('gives up the version of a renewal that is under way when the release begins', async () => {
    const rig = new Rig();
    const a = await rig.candidate('a');
    a.fate = () => ({ toServerMs: 100, toClientMs: 100 });
    await rig.clock.advance(2_250);
    const done = a.elector.release(true, 2_000);
    await rig.clock.advance(2_000);
    await done;

    expect(rig.leases.holder).to.equal(undefined);
    await rig.clock.advance(10_000);
    expect(rig.clock.pendingTimers).to.equal(0);
  });

  it('keeps the Lease until it expires when work may still go on, and leaves no timer behind', async () => {
    const rig = new Rig();
    const a = await rig.candidate('a');
    await a.elector.release(false, 2_000);
    await rig.clock.advance(10_000);

    expect(rig.leases.holder).to.equal('a');
    expect(a.elector.isLeading).to.equal(false);
    expect(rig.clock.pendingTimers).to.equal(0);
  });

  it('does not wait for an API server that is away when it releases', async () => {
    const rig = new Rig();
    const a = await rig.candidate('a');
    a.fate = () => ({ lost: 'request' });
    let isDone = false;
    void a.elector.release(true, 2_000).then(() => {
      isDone = true;
    });
    await rig.clock.advance(2_000);

    expect(isDone).to.equal(true);
  });

  it('renews after retire, and claims nothing any more once it has lost', async () => {
    const rig = new Rig();
    const a = await rig.candidate('a');
    a.elector.retire();
    await rig.clock.advance(20_000);
    expect(a.elector.isLeading).to.equal(true);

    a.fate = () => away;
    await rig.clock.advance(11_000);
    a.fate = () => ({});
    await rig.clock.advance(60_000);
    expect(a.elector.isLeading).to.equal(false);
  });

  it('says why it can never lead while the Lease is denied, and leads when it is granted', async () => {
    const rig = new Rig();
    const forbidden = apiErrorOf({ status: 403, reason: 'Forbidden', message: 'no rights', method: 'GET', path: '/leases/test' });
    const a = await rig.candidate('a', { fate: () => ({ error: forbidden }) });
    expect(a.elector.status.denied).to.contain('no rights');

    a.fate = () => ({});
    await rig.clock.advance(2_400);
    expect(a.elector.status).to.deep.include({ phase: 'leading', denied: undefined });
  });
});
