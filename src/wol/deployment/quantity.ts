/**
 * Reads quantities of Kubernetes. Pure.
 *
 * @source k8s.io/apimachinery/pkg/api/resource/quantity.go: decimal number, then a binary or decimal suffix or an exponent.
 */
const FACTORS: Readonly<Record<string, number>> = {
  n: 1e-9,
  u: 1e-6,
  m: 1e-3,
  '': 1,
  k: 1e3,
  M: 1e6,
  G: 1e9,
  T: 1e12,
  P: 1e15,
  E: 1e18,
  Ki: 2 ** 10,
  Mi: 2 ** 20,
  Gi: 2 ** 30,
  Ti: 2 ** 40,
  Pi: 2 ** 50,
  Ei: 2 ** 60,
};

/** @returns the value in its base unit (bytes, cores); `undefined` when the text is no quantity. */
export function quantityOf(text: string | number): number | undefined {
  const match = /^([+-]?(?:\d+\.?\d*|\.\d+))(?:[eE]([+-]?\d+)|([numkMGTPE]?|[KMGTPE]i))$/.exec(String(text).trim());
  if (match === null) return undefined;
  const [, number = '', exponent, suffix = ''] = match;
  return Number(number) * (exponent === undefined ? FACTORS[suffix]! : 10 ** Number(exponent));
}
