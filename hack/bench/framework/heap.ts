/** Live memory of this process after everything that can go has gone. */
export function liveHeapBytes(): number {
  const collect = globalThis.gc;
  if (collect === undefined) throw new Error('run Node.js with --expose-gc');
  // weak references and finalizers need more than one pass
  for (let pass = 0; pass < 3; pass++) collect();
  return process.memoryUsage().heapUsed;
}
