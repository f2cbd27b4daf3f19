/**
 * What a benchmark is: a name, what it measures, numbers it can be told, and a run that yields figures.
 *
 * Owns: the vocabulary between benchmarks, the command line and the report. Never: measures anything.
 */

export type Unit = 'ms' | 'us' | 's' | 'MiB' | 'KiB' | '%' | '1/s' | '';

/** The value the product aims at. */
export type Goal = { readonly atMost: number } | { readonly atLeast: number } | { readonly exactly: number };

export interface Figure {
  /** Unique within a run; stable, since scripts compare runs by it. */
  readonly name: string;
  readonly value: number;
  readonly unit: Unit;
  readonly goal?: Goal;
  /** What the operator that this one replaces was measured at, in words. */
  readonly older?: string;
}

/** A whole number that can be given on the command line. */
export interface BenchmarkOption {
  readonly default: number;
  readonly min: number;
  readonly max: number;
  readonly description: string;
}

export type BenchmarkOptions = Readonly<Record<string, BenchmarkOption>>;
export type OptionValues<Options extends BenchmarkOptions> = { readonly [Name in keyof Options]: number };

export interface Benchmark<Options extends BenchmarkOptions = BenchmarkOptions> {
  readonly name: string;
  /** One line for the list of benchmarks. */
  readonly measures: string;
  readonly options: Options;
  /** @param progress takes one line for people who wait. @returns figures in the order in which they are to be read. */
  run(options: OptionValues<Options>, progress: (line: string) => void): Promise<Figure[]>;
}

/** Keeps the names of the options in the type that `run` sees. */
export function defineBenchmark<const Options extends BenchmarkOptions>(benchmark: Benchmark<Options>): Benchmark {
  return benchmark as unknown as Benchmark;
}

/** @returns `undefined` when the figure has no goal. */
export function meetsGoal({ value, goal }: Figure): boolean | undefined {
  if (goal === undefined) return undefined;
  if ('atMost' in goal) return value <= goal.atMost;
  if ('atLeast' in goal) return value >= goal.atLeast;
  return value === goal.exactly;
}
