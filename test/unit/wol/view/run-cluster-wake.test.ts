import { expect } from 'chai';
import { FakeClock } from '../../../../src/framework/testing';
import { compileWakeRequest, type WakeCommandFlags } from '../../../../src/wol/sender/wake-request';
import { runClusterWake } from '../../../../src/wol/view/run-cluster-wake';
import { fakeClient, NAMESPACE } from '../doctor/fake-cluster';

const NO_RIGHTS = ['list wolconfigs', 'list virtualmachines', 'list virtualmachineinstances'];

async function wake(flags: WakeCommandFlags, denied: readonly string[]): Promise<{ code: number; printed: string[]; warned: string[] }> {
  const request = compileWakeRequest(undefined, flags, {}, () => undefined);
  if (request.kind === 'packet') throw new TypeError('it needs a cluster');
  const [printed, warned]: [string[], string[]] = [[], []];
  const code = await runClusterWake(request, {
    ...{
      client: fakeClient({ denied }).client,
      clock: new FakeClock(),
      operatorNamespace: NAMESPACE,
      signal: new AbortController().signal,
    },
    print: (line) => printed.push(line),
    warn: (line) => warned.push(line),
  });
  return { code, printed, warned };
}

describe('wake for somebody who may see nothing', () => {
  for (const flags of [{ list: true }, { list: true, unwakeable: true }, { list: true, config: 'lab' }] as WakeCommandFlags[]) {
    it(`${JSON.stringify(flags)} ends with 1 and says that it cannot tell`, async () => {
      const { code, warned } = await wake(flags, NO_RIGHTS);
      expect(code).to.equal(1);
      expect(warned.at(-1)).to.equal('error: it cannot be told what a packet wakes; ask for the rights that the warnings name');
    });
  }

  it('--list -o json ends with 1 as well, with what it may not see', async () => {
    const { code, printed } = await wake({ list: true, output: 'json' }, NO_RIGHTS);
    expect(code).to.equal(1);
    expect((JSON.parse(printed.join('')) as { lacks: string[] }).lacks).to.have.length(3);
  });

  it('--vm ends with 1 and does not claim that nothing wakes the machine', async () => {
    const { code, warned } = await wake({ vm: 'default/desktop' }, NO_RIGHTS);
    expect(code).to.equal(1);
    expect(warned.at(-1)).to.match(/^error: it cannot be told what wakes default\/desktop, so nothing was sent/);
  });

  it('is another matter than a cluster in which nothing is woken', async () => {
    const { code, warned } = await wake({ list: true }, []);
    expect([code, warned]).to.deep.equal([0, ['no packet wakes anything']]);
  });
});
