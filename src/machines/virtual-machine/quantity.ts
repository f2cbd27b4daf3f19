/**
 * Kubernetes quantities as exact numbers, so that `3072Mi` and `3Gi` are the same.
 *
 * Owns: the notation. Invariant: total, throws on no input; no rounding, whatever the size.
 */
const NANO = 1_000_000_000n;
const QUANTITY = /^([+-]?)(\d{1,20})?(?:\.(\d{0,20}))?(n|u|m|k|[MGTPE]i?|Ki|[eE][+-]?\d{1,2})?$/;
const BINARY = ['Ki', 'Mi', 'Gi', 'Ti', 'Pi', 'Ei'];
const DECIMAL: Readonly<Record<string, number>> = { n: -9, u: -6, m: -3, k: 3, M: 6, G: 9, T: 12, P: 15, E: 18 };

/**
 * Billionths of one, which is the finest step of a quantity.
 * @returns `undefined` for what is no quantity.
 * @source k8s.io/apimachinery/pkg/api/resource, `ParseQuantity`
 */
export function nanosOf(quantity: string | number | undefined): bigint | undefined {
  if (quantity === undefined) return undefined;
  const [, sign, whole = '', fraction = '', suffix = ''] = QUANTITY.exec(String(quantity).trim()) ?? [];
  if (sign === undefined || whole + fraction === '') return undefined;
  const digits = BigInt(whole + fraction) * NANO * multiplier(suffix);
  const value = divided(digits, 10n ** BigInt(fraction.length) * divisor(suffix));
  return sign === '-' ? -value : value;
}

/** Whole bytes, rounded down; `undefined` for what is no quantity or too large for a number. */
export function bytesOf(quantity: string | number | undefined): number | undefined {
  const nanos = nanosOf(quantity);
  if (nanos === undefined) return undefined;
  const bytes = Number(nanos / NANO);
  return Number.isSafeInteger(bytes) ? bytes : undefined;
}

/** Whether two quantities are equal; texts that are none are compared as they are. */
export function isSameQuantity(a: string | number | undefined, b: string | number | undefined): boolean {
  const [left, right] = [nanosOf(a), nanosOf(b)];
  return left === undefined || right === undefined ? String(a) === String(b) : left === right;
}

/** Gibibytes, rounded up. */
export function gibOf(quantity: string | number | undefined): number | undefined {
  const nanos = nanosOf(quantity);
  if (nanos === undefined) return undefined;
  const gib = NANO * 1024n ** 3n;
  return Number((nanos + gib - 1n) / gib);
}

function multiplier(suffix: string): bigint {
  const binary = BINARY.indexOf(suffix);
  if (binary >= 0) return 1024n ** BigInt(binary + 1);
  const exponent = exponentOf(suffix);
  return exponent > 0 ? 10n ** BigInt(exponent) : 1n;
}

function divisor(suffix: string): bigint {
  const exponent = exponentOf(suffix);
  return exponent < 0 ? 10n ** BigInt(-exponent) : 1n;
}

function exponentOf(suffix: string): number {
  return /^[eE][+-]?\d/.test(suffix) ? Number(suffix.slice(1)) : (DECIMAL[suffix] ?? 0);
}

/** Rounded up, as Kubernetes rounds what is finer than a billionth. */
function divided(value: bigint, by: bigint): bigint {
  return (value + by - 1n) / by;
}
