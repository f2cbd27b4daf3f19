/** Quantities and durations by value, as Kubernetes reads them. Pure; exact, since a limit may be of any size. */

const SUFFIXES: Readonly<Record<string, readonly [base: bigint, exponent: number]>> = {
  n: [10n, -9],
  u: [10n, -6],
  m: [10n, -3],
  '': [10n, 0],
  k: [10n, 3],
  M: [10n, 6],
  G: [10n, 9],
  T: [10n, 12],
  P: [10n, 15],
  E: [10n, 18],
  Ki: [2n, 10],
  Mi: [2n, 20],
  Gi: [2n, 30],
  Ti: [2n, 40],
  Pi: [2n, 50],
  Ei: [2n, 60],
};
const QUANTITY = /^([+-]?)([0-9]{1,30})?(?:\.([0-9]{0,30}))?(?:([eE][+-]?[0-9]{1,2})|([KMGTPE]i|[numkMGTPE]))?$/;

/** A number as numerator and denominator, of which the second is above 0. */
type Ratio = readonly [bigint, bigint];

/** @returns `undefined` for what is no quantity. */
function quantityOf(value: unknown): Ratio | undefined {
  if (typeof value !== 'string' && typeof value !== 'number') return undefined;
  const match = QUANTITY.exec(String(value));
  if (match === null) return undefined;
  const [, sign, whole = '', fraction = '', power, suffix = ''] = match;
  if (whole === '' && fraction === '') return undefined;
  const [base, exponent] = power === undefined ? SUFFIXES[suffix]! : ([10n, Number(power.slice(1))] as const);
  const digits = BigInt(`${whole}${fraction}`) * (sign === '-' ? -1n : 1n);
  const scale = 10n ** BigInt(fraction.length);
  return exponent >= 0 ? [digits * base ** BigInt(exponent), scale] : [digits, scale * base ** BigInt(-exponent)];
}

/** Whether both are quantities of the same value. */
export function isSameQuantity(a: unknown, b: unknown): boolean {
  const [first, second] = [quantityOf(a), quantityOf(b)];
  return first !== undefined && second !== undefined && first[0] * second[1] === second[0] * first[1];
}

const UNITS_NS: Readonly<Record<string, bigint>> = {
  ns: 1n,
  us: 1_000n,
  '\u00b5s': 1_000n,
  '\u03bcs': 1_000n,
  ms: 1_000_000n,
  s: 1_000_000_000n,
  m: 60_000_000_000n,
  h: 3_600_000_000_000n,
};
const PART = /([0-9]{1,20})?(?:\.([0-9]{0,20}))?(ns|us|\u00b5s|\u03bcs|ms|s|m|h)/y;

/** @returns nanoseconds; `undefined` for what Go would not read as a duration. */
function durationNs(value: unknown): bigint | undefined {
  if (typeof value !== 'string') return undefined;
  const isNegative = value.startsWith('-');
  const text = /^[+-]/.test(value) ? value.slice(1) : value;
  if (text === '0') return 0n;
  let total = 0n;
  PART.lastIndex = 0;
  while (PART.lastIndex < text.length) {
    const [, whole = '', fraction = '', unit] = PART.exec(text) ?? [];
    if (unit === undefined || (whole === '' && fraction === '')) return undefined;
    total += (BigInt(`${whole}${fraction}`) * UNITS_NS[unit]!) / 10n ** BigInt(fraction.length);
  }
  return text === '' ? undefined : isNegative ? -total : total;
}

/** Whether both are durations of the same length. */
export function isSameDuration(a: unknown, b: unknown): boolean {
  const [first, second] = [durationNs(a), durationNs(b)];
  return first !== undefined && first === second;
}
