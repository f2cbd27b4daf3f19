import { execFile } from 'node:child_process';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { expect } from 'chai';

const run = promisify(execFile);
const SMALL_HEAP = join(__dirname, '../../../src/cli/small-heap.js');

/** Calls a function until V8 has compiled it as far as it does, and prints with what. */
const PROGRAM = `
  const { keepCodeSmall } = require(${JSON.stringify(SMALL_HEAP)});
  const calls = process.argv[1];
  if (calls !== 'as it comes') keepCodeSmall(Number(calls));
  function hot(n) { let sum = 0; for (let i = 0; i < n; i++) sum += i % 7; return sum; }
  const callsUntil = (isReached) => { let calls = 0; for (; !isReached(hot); calls++) hot(1); return calls; };
  const untilMaglev = callsUntil((f) => %ActiveTierIsMaglev(f));
  if (calls === 'as it comes') callsUntil((f) => %ActiveTierIsTurbofan(f));
  else for (let i = 0; i < 100 * untilMaglev + 1e6; i++) hot(1);
  console.log(JSON.stringify({ untilMaglev, isTurbofan: %ActiveTierIsTurbofan(hot) }));
`;

async function compiled(calls: string): Promise<{ untilMaglev: number; isTurbofan: boolean }> {
  const { stdout } = await run(process.execPath, ['--allow-natives-syntax', '--no-concurrent-recompilation', '-e', PROGRAM, calls]);
  return JSON.parse(stdout) as { untilMaglev: number; isTurbofan: boolean };
}

describe('keeping code small', () => {
  it('keeps V8 from compiling with TurboFan, as it would', async () => {
    expect((await compiled('as it comes')).isTurbofan).to.equal(true);
    expect((await compiled('400')).isTurbofan).to.equal(false);
  });

  it('lets V8 compile with Maglev after more calls', async () => {
    const [soon, late] = [await compiled('400'), await compiled('20000')];
    expect(late.untilMaglev).to.be.greaterThan(soon.untilMaglev);
  });
});
