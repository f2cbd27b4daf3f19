import { expect } from 'chai';
import fc from 'fast-check';
import {
  type ClusterState,
  CONNECTING,
  type HealthInput,
  type HealthState,
  probePauseMs,
  refusesCalls,
  stepHealth,
} from '../../../../src/framework/cluster/cluster-health';
import { compileEngageOptions } from '../../../../src/framework/cluster/engage-options';

const numbers = compileEngageOptions().health;
const STATES: readonly ClusterState[] = ['Connecting', 'Ready', 'Degraded', 'Unreachable', 'AuthFailed', 'Refused'];
const INPUTS: readonly HealthInput['type'][] = [
  'success',
  'heard',
  'probe-failed',
  'transport-failed',
  'unauthorized',
  'refused',
  'renewed',
];

const inState = (state: ClusterState): HealthState => ({ ...CONNECTING, state, detail: state === 'Ready' ? '' : 'before' });
const input = (type: HealthInput['type']): HealthInput => ({ type, detail: 'why' }) as HealthInput;
const through = (start: HealthState, types: readonly HealthInput['type'][], everyMs = 0): HealthState =>
  types.reduce((state, type, index) => stepHealth(state, input(type), index * everyMs, numbers), start);

/** What one input makes of each state; rows are states in the order above, columns inputs in the order above. */
const TABLE: Readonly<Record<ClusterState, readonly ClusterState[]>> = {
  Connecting: ['Ready', 'Ready', 'Connecting', 'Connecting', 'AuthFailed', 'Refused', 'Connecting'],
  Ready: ['Ready', 'Ready', 'Degraded', 'Degraded', 'AuthFailed', 'Refused', 'Ready'],
  Degraded: ['Ready', 'Ready', 'Degraded', 'Degraded', 'AuthFailed', 'Refused', 'Degraded'],
  Unreachable: ['Ready', 'Ready', 'Unreachable', 'Unreachable', 'AuthFailed', 'Refused', 'Unreachable'],
  AuthFailed: ['Ready', 'AuthFailed', 'AuthFailed', 'AuthFailed', 'AuthFailed', 'Refused', 'Connecting'],
  Refused: ['Refused', 'Refused', 'Refused', 'Refused', 'Refused', 'Refused', 'Connecting'],
};

describe('cluster health', () => {
  for (const state of STATES) {
    for (const [index, type] of INPUTS.entries()) {
      const expected = TABLE[state][index]!;
      it(`goes from ${state} on ${type} to ${expected}`, () => {
        expect(stepHealth(inState(state), input(type), 0, numbers).state).to.equal(expected);
      });
    }
  }

  for (const from of ['Connecting', 'Ready'] as const) {
    it(`is Unreachable after three failed probes in a row from ${from}`, () => {
      expect(through(inState(from), ['probe-failed', 'probe-failed']).state).not.to.equal('Unreachable');
      expect(through(inState(from), ['probe-failed', 'probe-failed', 'probe-failed']).state).to.equal('Unreachable');
    });
  }

  it('counts failed probes anew after a success', () => {
    expect(through(inState('Ready'), ['probe-failed', 'probe-failed', 'success', 'probe-failed', 'probe-failed']).state).to.equal(
      'Degraded',
    );
  });

  it('is Unreachable after five calls without an answer within 60 s, and not when they are further apart', () => {
    const five = Array<'transport-failed'>(5).fill('transport-failed');
    expect(through(inState('Ready'), five, 14_999).state).to.equal('Unreachable');
    expect(through(inState('Ready'), five, 15_000).state).to.equal('Degraded');
    expect(through(inState('Ready'), five.slice(1), 1).state).to.equal('Degraded');
  });

  it('tells why, and forgets it once it is Ready', () => {
    expect(through(inState('Ready'), ['transport-failed']).detail).to.equal('why');
    expect(through(inState('Ready'), ['transport-failed', 'success']).detail).to.equal('');
  });

  it('refuses calls where there is nobody to answer them', () => {
    expect(STATES.filter((state) => refusesCalls(inState(state)))).to.deep.equal(['Unreachable', 'Refused']);
  });

  it('probes a silent cluster after 5, 10, 20, 40, 60, 60 s', () => {
    let state = through(inState('Ready'), ['probe-failed', 'probe-failed', 'probe-failed']);
    const pauses: (number | undefined)[] = [];
    for (let probe = 0; probe < 6; probe++) {
      pauses.push(probePauseMs(state, numbers, () => 0.5));
      state = stepHealth(state, input('probe-failed'), 0, numbers);
    }
    expect(pauses).to.deep.equal([5_000, 10_000, 20_000, 40_000, 60_000, 60_000]);
  });

  it('probes a cluster that answers every 30 s give or take a fifth, and a refused one never', () => {
    for (const state of ['Ready', 'Degraded', 'AuthFailed'] as const) {
      expect(probePauseMs(inState(state), numbers, () => 0)).to.be.closeTo(24_000, 1);
      expect(probePauseMs(inState(state), numbers, () => 1)).to.be.closeTo(36_000, 1);
    }
    expect(probePauseMs(inState('Refused'), numbers, () => 0.5)).to.equal(undefined);
  });

  it('begins with short pauses again with other credentials', () => {
    const long = through(inState('Unreachable'), Array<'probe-failed'>(6).fill('probe-failed'));
    expect(probePauseMs(stepHealth(long, { type: 'renewed' }, 0, numbers), numbers, () => 0.5)).to.equal(5_000);
  });

  it('holds its promises for every history', () => {
    const history = fc.array(fc.tuple(fc.constantFrom(...INPUTS), fc.nat(40_000)), { maxLength: 60 });
    fc.assert(
      fc.property(history, (steps) => {
        let state = CONNECTING;
        let nowMs = 0;
        for (const [type, pauseMs] of steps) {
          nowMs += pauseMs;
          const before = state;
          state = stepHealth(before, input(type), nowMs, numbers);
          expect(state.transportFailuresMs.length).to.be.at.most(numbers.transportFailures);
          if (before.state !== 'Refused' && type === 'success') expect(state.state).to.equal('Ready');
          if (before.state === 'Refused' && type !== 'renewed') expect(state.state).to.equal('Refused');
          if (state.state === 'Ready') expect(state).to.include({ detail: '', failedProbes: 0 });
          const pause = probePauseMs(state, numbers, () => 0.5);
          expect(pause ?? numbers.retryMs).to.be.within(numbers.retryMs, numbers.maxRetryMs);
        }
      }),
    );
  });
});

describe('engage options', () => {
  it('have the numbers of the documentation as defaults', () => {
    expect(compileEngageOptions()).to.deep.equal({
      policy: 'data-only',
      compress: true,
      health: {
        probeIntervalMs: 30_000,
        failures: 3,
        transportFailures: 5,
        retryMs: 5_000,
        maxRetryMs: 60_000,
        transportWindowMs: 60_000,
        probeTimeoutMs: 5_000,
      },
    });
  });

  for (const [options, message] of [
    [{ health: { failures: 0 } }, 'health.failures is 0; allowed: numbers from 1'],
    [{ health: { probeIntervalMs: Number.NaN } }, 'health.probeIntervalMs is NaN; allowed: numbers from 1'],
    [{ health: { retryMs: 10, maxRetryMs: 9 } }, 'health.maxRetryMs is 9; allowed: at least retryMs (10)'],
    [{ qps: -1 }, 'qps is -1; allowed: 0 (off) or more'],
    [{ burst: 0 }, 'burst is 0; allowed: 1 or more'],
    [{ maxInFlight: 0.5 }, 'maxInFlight is 0.5; allowed: 1 or more'],
    [{ namespaces: [] }, 'namespaces is empty; leave it out for all'],
  ] as const) {
    it(`are refused with: ${message}`, () => {
      expect(() => compileEngageOptions(options)).to.throw(RangeError, message);
    });
  }
});
