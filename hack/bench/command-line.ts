/**
 * Reads `npm run bench -- <name> [options]`.
 *
 * Owns: which words are allowed. Never: prints or runs anything.
 */
import { parseArgs } from 'node:util';
import type { Benchmark } from './benchmark';

const HELP: readonly string[] = ['--help', '-h'];

export interface BenchRequest {
  readonly benchmark: Benchmark;
  readonly options: Readonly<Record<string, number>>;
  /** One line of JSON on standard output; everything else goes to standard error. */
  readonly json: boolean;
  /** A missed goal is a failure. */
  readonly check: boolean;
}

/** Asked for instead of a measurement: what these benchmarks take. */
export interface HelpRequest {
  readonly help: readonly Benchmark[];
}

/** The command line is wrong; the message is one line that says what is allowed. */
export class BenchUsageError extends Error {}

/** @returns help about all of them when none is named. @throws {BenchUsageError} */
export function parseBenchRequest(args: readonly string[], benchmarks: readonly Benchmark[]): BenchRequest | HelpRequest {
  const [name, ...rest] = args;
  if (name === undefined || HELP.includes(name)) return { help: benchmarks };
  const benchmark = benchmarks.find((one) => one.name === name);
  if (benchmark === undefined) {
    throw new BenchUsageError(`there is no benchmark ${JSON.stringify(name)}; allowed: ${benchmarks.map((one) => one.name).join(', ')}`);
  }
  if (rest.some((word) => HELP.includes(word))) return { help: [benchmark] };
  const { json = false, check = false, ...given } = flagsOf(benchmark, rest);
  const options = Object.entries(benchmark.options).map(([option, { default: fallback, min, max }]) => {
    const text = given[option];
    return [option, typeof text === 'string' ? wholeNumber(option, text, min, max) : fallback] as const;
  });
  return { benchmark, options: Object.fromEntries(options), json: json === true, check: check === true };
}

function flagsOf({ options }: Benchmark, args: string[]): Record<string, string | boolean | undefined> {
  const numbers = Object.keys(options).map((option) => [option, { type: 'string' }] as const);
  const switches = { json: { type: 'boolean' }, check: { type: 'boolean' } } as const;
  try {
    return parseArgs({ args, options: { ...Object.fromEntries(numbers), ...switches } }).values;
  } catch (error) {
    const allowed = [...Object.keys(options), ...Object.keys(switches)].map((option) => `--${option}`).join(', ');
    throw new BenchUsageError(`${(error as Error).message.split('. ')[0]}; allowed: ${allowed}`);
  }
}

function wholeNumber(option: string, text: string, min: number, max: number): number {
  const value = Number(text);
  if (!/^\d+$/.test(text) || value < min || value > max) {
    throw new BenchUsageError(`--${option} is ${JSON.stringify(text)}; allowed: whole numbers from ${min} to ${max}`);
  }
  return value;
}
