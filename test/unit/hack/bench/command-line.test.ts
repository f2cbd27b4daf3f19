import { expect } from 'chai';
import { defineBenchmark } from '../../../../hack/bench/benchmark';
import { BenchUsageError, parseBenchRequest } from '../../../../hack/bench/command-line';

const sprint = defineBenchmark({
  name: 'sprint',
  measures: 'how fast',
  options: { metres: { default: 100, min: 1, max: 400, description: 'distance' } },
  run: async () => [],
});

describe('command line of the benchmarks', () => {
  const jump = { ...sprint, name: 'jump' };

  it('asks for help about all benchmarks when none is named', () => {
    expect(parseBenchRequest([], [sprint, jump])).to.deep.equal({ help: [sprint, jump] });
    expect(parseBenchRequest(['--help'], [sprint, jump])).to.deep.equal({ help: [sprint, jump] });
  });

  it('asks for help about the one that is named, whatever else is wrong', () => {
    expect(parseBenchRequest(['jump', '--help'], [sprint, jump])).to.deep.equal({ help: [jump] });
    expect(parseBenchRequest(['jump', '--miles=1', '-h'], [sprint, jump])).to.deep.equal({ help: [jump] });
  });

  it('fills in the defaults of the benchmark', () => {
    expect(parseBenchRequest(['sprint'], [sprint])).to.deep.equal({
      benchmark: sprint,
      options: { metres: 100 },
      json: false,
      check: false,
    });
  });

  it('takes numbers and switches', () => {
    const request = parseBenchRequest(['sprint', '--metres=400', '--json', '--check'], [sprint]);
    expect(request).to.deep.include({ options: { metres: 400 }, json: true, check: true });
  });

  const refused: [string, string[], string][] = [
    ['an unknown benchmark', ['marathon'], 'there is no benchmark "marathon"; allowed: sprint'],
    ['an unknown option', ['sprint', '--miles=1'], "Unknown option '--miles'; allowed: --metres, --json, --check"],
    ['a number out of range', ['sprint', '--metres=401'], '--metres is "401"; allowed: whole numbers from 1 to 400'],
    ['a number that is none', ['sprint', '--metres=1e2'], '--metres is "1e2"; allowed: whole numbers from 1 to 400'],
    ['a negative number', ['sprint', '--metres=-1'], '--metres is "-1"; allowed: whole numbers from 1 to 400'],
  ];
  for (const [what, args, message] of refused) {
    it(`refuses ${what} and says what is allowed`, () => {
      expect(() => parseBenchRequest(args, [sprint])).to.throw(BenchUsageError, message);
    });
  }
});
