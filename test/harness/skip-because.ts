/** Skips a test that this machine cannot run, with the reason in its title, so that reports tell why. For `it`, not for hooks. */
export function skipBecause(context: Mocha.Context, reason: string): never {
  if (context.test !== undefined) context.test.title += ` (skipped: ${reason})`;
  return context.skip();
}
