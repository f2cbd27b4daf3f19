/** How the programs for developers end: 0 done, 1 failed with one line that says why, 2 usage. */

/** @returns 0, or 1 after what went wrong was printed. */
export async function exitCodeOf(work: () => Promise<unknown>): Promise<number> {
  try {
    await work();
    return 0;
  } catch (error) {
    console.error(error instanceof Error ? error.message : String(error));
    return 1;
  }
}

/** Ends the process with this code once nothing is left to do. */
export function endWith(exitCode: Promise<number>): void {
  void exitCode.then((code) => {
    process.exitCode = code;
  });
}
