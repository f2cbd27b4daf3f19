/** The Node.js that the program needs: said in one line instead of failing somewhere inside a library. */

/** Oldest major version the program is built and tested for (`engines` in package.json). */
const OLDEST_MAJOR = 24;

/** @param version without its `v`. @returns what is wrong with it, `undefined` when nothing is. */
export function nodeVersionProblem(version: string): string | undefined {
  const major = Number(version.split('.')[0]);
  return major >= OLDEST_MAJOR ? undefined : `virt-steward needs Node.js ${OLDEST_MAJOR} or newer; this is ${version}`;
}
