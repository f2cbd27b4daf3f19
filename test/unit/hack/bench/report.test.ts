import { expect } from 'chai';
import type { Figure } from '../../../../hack/bench/benchmark';
import { type RunReport, reportJson, reportTable } from '../../../../hack/bench/report';
import { servedVm } from '../../../../hack/bench/sample-vm';

const aReport = (...figures: Figure[]): RunReport => ({
  benchmark: 'sprint',
  command: 'npm run bench -- sprint',
  date: '2026-01-01T00:00:00.000Z',
  machine: { cores: 2, cpu: 'a processor', memoryGib: 24, node: '24.0.0', loadBefore: 0.5 },
  figures,
});

describe('report of a benchmark', () => {
  it('says on what it was measured, by which command and when', () => {
    const [command, machine] = reportTable(aReport({ name: 'time', value: 1, unit: 's' })).split('\n');
    expect(command).to.equal('npm run bench -- sprint');
    expect(machine).to.equal('2026-01-01T00:00:00.000Z, 2 cores (a processor), 24 GiB, Node.js 24.0.0, load 0.5 before the run');
  });

  const cases: [Figure, string][] = [
    [{ name: 'x', value: 5, unit: 'ms', goal: { atMost: 5 } }, 'x  5 ms  meets the goal: at most 5 ms'],
    [{ name: 'x', value: 5.01, unit: 'ms', goal: { atMost: 5 } }, 'x  5.01 ms  MISSES the goal: at most 5 ms'],
    [{ name: 'x', value: 1_999, unit: '1/s', goal: { atLeast: 2_000 } }, 'x  1999 1/s  MISSES the goal: at least 2000 1/s'],
    [{ name: 'x', value: 10_000, unit: '', goal: { exactly: 10_000 } }, 'x  10000  meets the goal: exactly 10000'],
    [{ name: 'x', value: 12.345, unit: 'MiB' }, 'x  12.3 MiB'],
    [{ name: 'x', value: 2, unit: 'ms', older: '4 to 8 ms' }, 'x  2 ms  older operator: 4 to 8 ms'],
    [
      { name: 'x', value: 2, unit: 'ms', goal: { atMost: 5 }, older: '9 ms' },
      'x  2 ms  meets the goal: at most 5 ms; older operator: 9 ms',
    ],
  ];
  for (const [figure, line] of cases) {
    it(`shows "${line}"`, () => {
      expect(reportTable(aReport(figure)).split('\n').at(-1)).to.equal(line);
    });
  }

  it('gives machines one line with every figure unrounded and whether it met its goal', () => {
    const json = reportJson(aReport({ name: 'x', value: 12.345, unit: 's', goal: { atMost: 1 } }, { name: 'y', value: 1, unit: '' }));
    expect(json).to.not.include('\n');
    expect(JSON.parse(json)).to.deep.include({ benchmark: 'sprint', command: 'npm run bench -- sprint' });
    expect(JSON.parse(json).figures).to.deep.equal([
      { name: 'x', value: 12.345, unit: 's', goal: { atMost: 1 }, met: false },
      { name: 'y', value: 1, unit: '' },
    ]);
  });
});

describe('the sample virtual machine', () => {
  it('is as large as an ordinary one that an API server returns', () => {
    expect(JSON.stringify(servedVm(1, 1)).length).to.be.within(4_500, 4_900);
  });
});
