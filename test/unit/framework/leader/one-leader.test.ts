import { expect } from 'chai';
import fc from 'fast-check';
import { TransportError } from '../../../../src/framework/errors/api-error';
import { FakeClock } from '../../../../src/framework/testing/fake-clock';
import { type CallFate, Candidate, FakeLeases } from './fake-leases';

const STEP_MS = 100;

type Event =
  | { readonly what: 'freeze' | 'thaw'; readonly who: number }
  | { readonly what: 'cut' | 'mend'; readonly who: number }
  | { readonly what: 'jump'; readonly byMs: number };

const who = fc.nat({ max: 2 });
const anEvent: fc.Arbitrary<Event> = fc.oneof(
  fc.record({ what: fc.constantFrom('freeze' as const, 'thaw' as const), who }),
  fc.record({ what: fc.constantFrom('cut' as const, 'mend' as const), who }),
  fc.record({ what: fc.constant('jump' as const), byMs: fc.constantFrom(-3_600_000, 3_600_000) }),
);
const aStory = fc.array(fc.record({ afterMs: fc.integer({ min: 0, max: 12_000 }), event: anEvent }), { minLength: 5, maxLength: 30 });

/** Calls that are slow, lost on the way there or back, or refused, by a seeded die. */
function fates(random: () => number): () => CallFate {
  return () => {
    const roll = random();
    const slowness = { toServerMs: Math.floor(random() * 2_500), toClientMs: Math.floor(random() * 2_500) };
    if (roll < 0.15) return { ...slowness, lost: 'request' };
    if (roll < 0.3) return { ...slowness, lost: 'answer' };
    if (roll < 0.4) return { error: new TransportError('headers', 'unknown', 'reset') };
    return slowness;
  };
}

/** Park and Miller's minimal standard generator: enough to spread faults, and repeatable. */
function seeded(seed: number): () => number {
  let state = (seed % 2_147_483_646) + 1;
  return () => {
    state = (state * 48_271) % 2_147_483_647;
    return (state - 1) / 2_147_483_646;
  };
}

class Story {
  readonly clock = new FakeClock();
  readonly leases = new FakeLeases();
  readonly candidates: readonly Candidate[];

  constructor(seed: number) {
    this.candidates = ['a', 'b', 'c'].map((identity, index) => {
      const random = seeded(seed + index);
      return new Candidate(identity, this.leases, this.clock, {
        fate: fates(random),
        random,
        workEndsAfterMs: Math.floor(random() * 5_000),
      });
    });
    for (const { elector } of this.candidates) elector.start();
  }

  async passTime(ms: number): Promise<void> {
    for (let left = ms; left > 0; left -= STEP_MS) {
      await this.clock.advance(Math.min(left, STEP_MS));
      this.expectAtMostOne();
    }
  }

  apply(event: Event): void {
    if (event.what === 'jump') {
      this.clock.jumpWallClock(event.byMs);
      return;
    }
    const candidate = this.candidates[event.who]!;
    if (event.what === 'freeze') candidate.clock.freeze();
    if (event.what === 'thaw') candidate.clock.thaw();
    if (event.what === 'cut') candidate.fate = () => ({ lost: 'request' });
    if (event.what === 'mend') candidate.fate = () => ({ toServerMs: 20, toClientMs: 20 });
    this.expectAtMostOne();
  }

  /** Frozen ones are asked as well: it is what they would see first when they wake. */
  private expectAtMostOne(): void {
    const writers = this.candidates.filter(({ couldWrite }) => couldWrite).map(({ identity }) => identity);
    expect(
      writers,
      `at ${this.clock.monotonicMs()} ms: ${JSON.stringify(this.candidates.map(({ journal }) => journal))}`,
    ).to.have.length.below(2);
  }
}

describe('leader election under faults', () => {
  it('never lets two candidates write at the same time, and ends with one that leads when the faults end', async () => {
    await fc.assert(
      fc.asyncProperty(fc.nat(1_000_000), aStory, async (seed, events) => {
        const story = new Story(seed);
        for (const { afterMs, event } of events) {
          await story.passTime(afterMs);
          story.apply(event);
        }
        for (const candidate of story.candidates) {
          candidate.fate = () => ({ toServerMs: 20, toClientMs: 20 });
          candidate.clock.thaw();
        }
        await story.passTime(45_000);
        expect(story.candidates.filter(({ couldWrite }) => couldWrite)).to.have.length(1);
        expect(story.leases.holder).to.equal(story.candidates.find(({ couldWrite }) => couldWrite)!.identity);
      }),
      { numRuns: 40 },
    );
  });
});
