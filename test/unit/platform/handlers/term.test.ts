import { expect } from 'chai';
import { nullLogger } from '../../../../src/framework';
import { FakeClock } from '../../../../src/framework/testing';
import { Term } from '../../../../src/platform/handlers/term';

describe('a term of the platform module', () => {
  function bench() {
    const clock = new FakeClock();
    const made = { refusal: undefined as Error | undefined, readings: 0, beginnings: 0 };
    const term = new Term({
      clock,
      log: nullLogger,
      read: async () => {
        made.readings++;
        if (made.refusal !== undefined) throw made.refusal;
      },
      lead: () => void made.beginnings++,
    });
    return { clock, made, term };
  }

  it('begins with the reading of what was left behind', async () => {
    const { made, term } = bench();
    await term.begin();

    expect([term.isLeading, term.obstacle, made.beginnings]).to.deep.equal([true, undefined, 1]);
  });

  it('waits while it may not read, says why, reads again every 15 s, and begins once it may', async () => {
    const { clock, made, term } = bench();
    made.refusal = new Error('403: configmaps is forbidden');
    await term.begin();
    expect([term.isLeading, term.obstacle]).to.deep.equal([false, '403: configmaps is forbidden']);

    await clock.advance(30_000);
    expect([term.isLeading, made.readings]).to.deep.equal([false, 3]);
    made.refusal = undefined;
    await clock.advance(15_000);

    expect([term.isLeading, term.obstacle, made.beginnings]).to.deep.equal([true, undefined, 1]);
    await clock.advance(600_000);
    expect(made.readings).to.equal(4);
  });

  it('does not begin after its end, and begins again with the next one', async () => {
    const { clock, made, term } = bench();
    made.refusal = new Error('403');
    await term.begin();
    await term.end();
    made.refusal = undefined;
    await clock.advance(600_000);
    expect([term.isLeading, term.obstacle, made.readings, made.beginnings]).to.deep.equal([false, undefined, 1, 0]);

    await term.begin();

    expect([term.isLeading, made.beginnings]).to.deep.equal([true, 1]);
  });

  it('does not begin when its end comes while it reads', async () => {
    const clock = new FakeClock();
    const answers: (() => void)[] = [];
    const beginnings: number[] = [];
    const term = new Term({
      clock,
      log: nullLogger,
      read: () => new Promise<void>((resolve) => answers.push(resolve)),
      lead: () => void beginnings.push(1),
    });
    const begun = term.begin();
    await term.end();
    answers[0]!();
    await begun;

    expect([term.isLeading, beginnings.length]).to.deep.equal([false, 0]);
  });
});
