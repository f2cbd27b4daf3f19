import { expect } from 'chai';
import { FakeClock } from '../../../../src/framework/testing/fake-clock';
import { WakeEventGate } from '../../../../src/wol/handlers/wake-event-gate';

describe('Events about wakes', () => {
  it('say the same of the same at most once in 60 s', async () => {
    const clock = new FakeClock();
    const gate = new WakeEventGate(clock);
    expect([gate.admits('WakeFailed lab/web'), gate.admits('WakeFailed lab/web'), gate.admits('WakeFailed lab/db')]).to.deep.equal([
      true,
      false,
      true,
    ]);
    await clock.advance(59_999);
    expect(gate.admits('WakeFailed lab/web')).to.equal(false);
    await clock.advance(1);

    expect(gate.admits('WakeFailed lab/web')).to.equal(true);
  });

  it('are at most 20 a second, and one that was kept back may be told in the next', async () => {
    const clock = new FakeClock();
    const gate = new WakeEventGate(clock);
    const told = (): number => Array.from({ length: 50 }, (_, n) => gate.admits(`vm-${n}`)).filter(Boolean).length;
    expect(told()).to.equal(20);
    await clock.advance(1_000);

    expect(told()).to.equal(20);
    await clock.advance(1_000);
    expect(told()).to.equal(10);
  });

  it('are forgotten after 60 s, so that what is remembered is bounded by time', async () => {
    const clock = new FakeClock();
    const gate = new WakeEventGate(clock);
    for (let n = 0; n < 5_000; n++) {
      await clock.advance(n % 20 === 0 ? 1_000 : 0);
      expect(gate.admits(`vm-${n}`)).to.equal(true);
    }

    expect(gate.remembered).to.equal(1_200);
  });
});
