/** Numbers: smallest, largest, bounds, quantities. */
import type { Environment } from '@marcbachmann/cel-js';
import { ExpressionError } from '../expression-error';

type CelNumber = bigint | number;

const smaller = (a: CelNumber, b: CelNumber): CelNumber => (b < a ? b : a);
const larger = (a: CelNumber, b: CelNumber): CelNumber => (b > a ? b : a);

export function registerNumberFunctions(environment: Environment): void {
  const pure = { async: false };
  for (const [name, choose] of [
    ['min', smaller],
    ['max', larger],
  ] as const) {
    environment.registerFunction(`${name}(int, int): int`, choose, pure);
    environment.registerFunction(`${name}(double, double): double`, choose, pure);
    environment.registerFunction(`${name}(int, double): double`, (a, b) => Number(choose(a, b)), pure);
    environment.registerFunction(`${name}(double, int): double`, (a, b) => Number(choose(a, b)), pure);
    environment.registerFunction(`${name}(list): dyn`, (list: CelNumber[]) => chosenOf(name, list, choose), pure);
  }
  for (const type of ['int', 'double']) {
    environment.registerFunction(`clamp(${type}, ${type}, ${type}): ${type}`, clamp, pure);
  }
  environment.registerFunction('quantity(string): int', quantity, pure);
}

function chosenOf(name: string, list: CelNumber[], choose: (a: CelNumber, b: CelNumber) => CelNumber): CelNumber {
  const other = list.find((element) => typeof element !== 'bigint' && typeof element !== 'number');
  if (list.length === 0 || other !== undefined) throw new ExpressionError(`${name}() takes a list of numbers that is not empty`);
  return list.reduce(choose);
}

function clamp(value: CelNumber, low: CelNumber, high: CelNumber): CelNumber {
  if (low > high) throw new ExpressionError(`clamp() has the lower bound ${low} above the upper bound ${high}`);
  return smaller(larger(value, low), high);
}

const FACTORS: Readonly<Record<string, bigint>> = {
  m: 1n,
  '': 1n,
  k: 10n ** 3n,
  M: 10n ** 6n,
  G: 10n ** 9n,
  T: 10n ** 12n,
  P: 10n ** 15n,
  E: 10n ** 18n,
  Ki: 2n ** 10n,
  Mi: 2n ** 20n,
  Gi: 2n ** 30n,
  Ti: 2n ** 40n,
  Pi: 2n ** 50n,
  Ei: 2n ** 60n,
};

const QUANTITY = /^([+-]?)(\d{1,30})(?:\.(\d{1,30}))?(m|k|[MGTPE]i?|Ki|)$/;

/** Whole units (bytes), or thousandths where the text says so with `m`. */
function quantity(text: string): bigint {
  const [, sign, whole = '', fraction = '', unit = ''] = QUANTITY.exec(text) ?? [];
  const factor = FACTORS[unit];
  const scaled = BigInt(`${whole}${fraction}`) * (factor ?? 0n);
  const divisor = 10n ** BigInt(fraction.length);
  if (whole === '' || factor === undefined || scaled % divisor !== 0n) {
    // Without the text: it may come from an option, and everybody can read messages.
    throw new ExpressionError(
      'quantity() got text that is no quantity in whole units; allowed: a number with k, M, G, T, P, E, Ki to Ei or m',
    );
  }
  return (sign === '-' ? -1n : 1n) * (scaled / divisor);
}
