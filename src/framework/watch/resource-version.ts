/**
 * Order of resource versions.
 *
 * The API server counts them in decimal, with as many digits as it likes; servers that are not etcd-backed may send anything.
 */
const DECIMAL = /^[0-9]+$/;

/**
 * Compares two resource versions as decimal integers of any length.
 *
 * @returns below 0, 0 or above 0 as in a sort; `undefined` when the two cannot be ordered.
 */
export function compareResourceVersions(a: string | undefined, b: string | undefined): number | undefined {
  if (a === undefined || b === undefined) return undefined;
  if (a === b) return 0;
  if (!DECIMAL.test(a) || !DECIMAL.test(b)) return undefined;
  const left = withoutLeadingZeros(a);
  const right = withoutLeadingZeros(b);
  if (left.length !== right.length) return left.length - right.length;
  if (left === right) return 0;
  return left < right ? -1 : 1;
}

/** Whether `candidate` is provably older than `reference`. */
export function isOlder(candidate: string | undefined, reference: string | undefined): boolean {
  return (compareResourceVersions(candidate, reference) ?? 0) < 0;
}

/** Whether `candidate` replaces `current`: newer, or, where the two cannot be ordered, simply the later arrival. */
export function supersedes(candidate: string | undefined, current: string | undefined): boolean {
  return (compareResourceVersions(candidate, current) ?? 1) > 0;
}

function withoutLeadingZeros(digits: string): string {
  return digits.startsWith('0') ? digits.replace(/^0+(?=.)/, '') : digits;
}
