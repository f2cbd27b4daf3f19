/**
 * `npm run bench -- <name> [options]`: measures the product and compares it with what it aims at.
 *
 * Exit codes: 0 measured, 1 a benchmark failed or, with --check, a goal was missed, 2 usage.
 */
import { type Benchmark, meetsGoal } from './benchmark';
import { type BenchRequest, BenchUsageError, parseBenchRequest } from './command-line';
import { thisMachine } from './machine';
import { BENCHMARKS } from './registry';
import { type RunReport, reportJson, reportTable } from './report';

async function main(args: readonly string[]): Promise<number> {
  try {
    const request = parseBenchRequest(args, BENCHMARKS);
    if (!('help' in request)) return await run(request, `npm run bench -- ${args.join(' ')}`);
    console.log(usage(request.help));
    return 0;
  } catch (error) {
    console.error(error instanceof BenchUsageError ? `error: ${error.message}` : error);
    return error instanceof BenchUsageError ? 2 : 1;
  }
}

async function run({ benchmark, options, json, check }: BenchRequest, command: string): Promise<number> {
  const machine = thisMachine();
  const date = new Date().toISOString();
  const figures = await benchmark.run(options, (line) => console.error(`${benchmark.name}: ${line}`));
  const report: RunReport = { benchmark: benchmark.name, command, date, machine, figures };
  if (json) {
    console.error(reportTable(report));
    console.log(reportJson(report));
  } else {
    console.log(`\n${reportTable(report)}`);
  }
  return check && figures.some((figure) => meetsGoal(figure) === false) ? 1 : 0;
}

function usage(benchmarks: readonly Benchmark[]): string {
  return [
    'npm run bench -- <name> [options]',
    ...benchmarks.map(describe),
    '',
    '  --json    one line of JSON on standard output',
    '  --check   exit code 1 when a goal is missed',
  ].join('\n');
}

function describe({ name, measures, options }: Benchmark): string {
  const lines = Object.entries(options).map(([option, { default: fallback, description }]) => {
    return `    --${option}=<number>`.padEnd(28).concat(`${description} (default ${fallback})`);
  });
  return ['', `${name}: ${measures}`, ...lines].join('\n');
}

void main(process.argv.slice(2)).then((exitCode) => {
  process.exitCode = exitCode;
});
