import { expect } from 'chai';
import { TransportError } from '../../../../src/framework/errors/api-error';
import { OperatorError } from '../../../../src/framework/errors/operator-error';
import { NotLeaderError } from '../../../../src/framework/errors/refusal-errors';
import { compileLeaderElectionOptions } from '../../../../src/framework/leader';
import { LeaseElector } from '../../../../src/framework/leader/lease-elector';
import { nullLogger } from '../../../../src/framework/logging/logger';
import { Leadership, type LeaderWork } from '../../../../src/framework/runtime/leadership';
import { FakeClock } from '../../../../src/framework/testing/fake-clock';
import { aLease, FakeLeases } from '../leader/fake-leases';

const OPTIONS = compileLeaderElectionOptions({ lease: 'test' });

class Rig {
  readonly clock = new FakeClock();
  readonly leases = new FakeLeases();
  readonly journal: string[] = [];
  readonly fatal: unknown[] = [];
  readonly leadership: Leadership;
  isAway = false;
  begin: LeaderWork['begin'] = async () => undefined;
  end: LeaderWork['end'] = async () => true;

  constructor({ election = true } = {}) {
    const call = async <R>(work: () => R): Promise<R> => {
      if (this.isAway) throw new TransportError('connect', 'not-sent', 'refused');
      return work();
    };
    const store = {
      read: () => call(() => this.leases.read()),
      write: (lease: Parameters<FakeLeases['write']>[0]) => call(() => this.leases.write(lease)),
    };
    const { clock } = this;
    this.leadership = new Leadership({
      clock,
      log: nullLogger,
      fatal: (error) => this.fatal.push(error),
      work: {
        begin: (signal) => {
          this.journal.push('begin');
          return this.begin(signal);
        },
        end: () => {
          this.journal.push('end');
          return this.end();
        },
      },
      election: election
        ? {
            options: OPTIONS,
            elector: (events) =>
              new LeaseElector({
                options: OPTIONS,
                namespace: 'n',
                identity: 'me',
                store,
                clock,
                random: () => 0,
                log: nullLogger,
                ...events,
              }),
          }
        : undefined,
    });
  }

  async campaign(): Promise<this> {
    this.leadership.campaign();
    await this.clock.advance(0);
    return this;
  }

  async loseLease(): Promise<void> {
    this.leases.put(aLease({ holderIdentity: 'other', leaseDurationSeconds: 15 }));
    await this.clock.advance(2_000);
  }

  get mayWrite(): boolean {
    try {
      this.leadership.guard();
      return true;
    } catch (error) {
      expect(error).to.be.instanceOf(NotLeaderError);
      return false;
    }
  }
}

describe('leadership', () => {
  it('is one term that begins at once when there is no election', async () => {
    const rig = new Rig({ election: false });
    expect(rig.leadership.signal.aborted).to.equal(true);

    await rig.campaign();
    expect(rig.journal).to.deep.equal(['begin']);
    expect(rig.leadership.signal.aborted).to.equal(false);
    expect(rig.mayWrite).to.equal(true);
  });

  it('refuses writes while standing by and lets them through while leading', async () => {
    const rig = new Rig();
    expect(rig.mayWrite).to.equal(false);

    await rig.campaign();
    expect(rig.mayWrite).to.equal(true);
    expect(rig.leadership.signal.aborted).to.equal(false);
  });

  it('aborts the signal of the term, refuses writes and ends the work when the Lease is lost', async () => {
    const rig = await new Rig().campaign();
    const { signal } = rig.leadership;
    await rig.loseLease();

    expect(signal.aborted).to.equal(true);
    expect(signal.reason).to.be.instanceOf(NotLeaderError);
    expect(rig.mayWrite).to.equal(false);
    expect(rig.journal).to.deep.equal(['begin', 'end']);
  });

  it('begins another term with a signal of its own when the Lease is free again', async () => {
    const rig = await new Rig().campaign();
    const first = rig.leadership.signal;
    await rig.loseLease();
    await rig.clock.advance(20_000);

    expect(rig.journal).to.deep.equal(['begin', 'end', 'begin']);
    expect(rig.leadership.signal).to.not.equal(first);
    expect(rig.leadership.signal.aborted).to.equal(false);
  });

  it('ends a term whose deadline has passed as soon as somebody looks, before any timer has fired', async () => {
    const rig = await new Rig().campaign();
    rig.isAway = true;
    await rig.clock.advance(9_999);
    const { signal } = rig.leadership;
    expect(signal.aborted).to.equal(false);
    // Time goes on, as for a process that does not run.
    rig.clock.monotonicMs = () => 25_000;

    expect(rig.mayWrite).to.equal(false);
    expect(signal.aborted).to.equal(true);
  });

  it('is fatal when the work of a lost term does not end before others may lead', async () => {
    const rig = await new Rig().campaign();
    rig.end = () => new Promise(() => undefined);
    await rig.loseLease();
    await rig.clock.advance(4_999);
    expect(rig.fatal).to.deep.equal([]);

    await rig.clock.advance(1);
    expect(rig.fatal).to.have.length(1);
    expect((rig.fatal[0] as OperatorError).message).to.equal('handlers still run 5000 ms after leadership was lost');
    await rig.clock.advance(60_000);
    expect(rig.journal.filter((line) => line === 'begin')).to.have.length(1);
  });

  it('is fatal when work was given up', async () => {
    const rig = await new Rig().campaign();
    rig.end = async () => false;
    await rig.loseLease();

    expect(rig.fatal).to.have.length(1);
  });

  it('is fatal when work cannot begin, unless the term was lost meanwhile', async () => {
    const failing = new Rig();
    failing.begin = async () => {
      throw new OperatorError('TEST', 'no port');
    };
    await failing.campaign();
    expect(failing.fatal.map((error) => (error as Error).message)).to.deep.equal(['no port']);

    const losing = new Rig();
    losing.begin = (signal) => new Promise((_resolve, reject) => signal.addEventListener('abort', () => reject(signal.reason)));
    await losing.campaign();
    await losing.loseLease();
    expect(losing.fatal).to.deep.equal([]);
  });

  it('keeps the Lease after retire, gives it up when work has ended, and keeps it when work was abandoned', async () => {
    for (const workEnded of [true, false]) {
      const rig = await new Rig().campaign();
      rig.leadership.retire();
      await rig.clock.advance(30_000);
      expect(rig.mayWrite).to.equal(true);

      await rig.leadership.release(workEnded);
      expect(rig.leases.holder).to.equal(workEnded ? undefined : 'me');
      expect(rig.mayWrite).to.equal(false);
    }
  });

  it('begins no term after retire', async () => {
    const rig = new Rig();
    rig.leadership.retire();
    await rig.campaign();
    await rig.clock.advance(60_000);

    expect(rig.journal).to.deep.equal([]);
  });
});
