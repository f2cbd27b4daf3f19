import { expect } from 'chai';
import { ConnectTurns } from '../../../../src/framework/cluster/connect-turns';

const settled = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

describe('turns to connect', () => {
  it('are given to four at a time, first come first served', async () => {
    const turns = new ConnectTurns();
    const { signal } = new AbortController();
    const order: number[] = [];
    const releases: (() => void)[] = [];
    for (let index = 0; index < 6; index++) {
      void turns.take(signal).then((release) => {
        order.push(index);
        releases.push(release);
      });
    }
    await settled();
    expect(order).to.deep.equal([0, 1, 2, 3]);

    releases[2]!();
    releases[2]!();
    await settled();
    expect(order).to.deep.equal([0, 1, 2, 3, 4]);
  });

  it('do not go to who has stopped waiting', async () => {
    const turns = new ConnectTurns(1);
    const { signal } = new AbortController();
    const release = await turns.take(signal);
    const impatient = new AbortController();
    const given = turns.take(impatient.signal).catch((reason: unknown) => reason);
    const next = turns.take(signal);
    impatient.abort('enough');
    release();

    expect(await given).to.equal('enough');
    (await next)();
    expect(await turns.take(AbortSignal.abort('late')).catch((reason: unknown) => reason)).to.equal('late');
    (await turns.take(signal))();
  });
});
