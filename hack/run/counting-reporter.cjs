/**
 * Mocha's ordinary output, and the counts in a file, with each failure that they count.
 *
 * Owns: the file named by the reporter option `results`. Invariant: it is written only when mocha came to its end.
 */
const { writeFileSync } = require('node:fs');
const { Runner, reporters } = require('mocha');

class CountingReporter extends reporters.Spec {
  constructor(runner, options) {
    super(runner, options);
    runner.once(Runner.constants.EVENT_RUN_END, () => {
      const { passes, failures, pending } = this.stats;
      const results = { passed: passes, failed: failures, skipped: pending, failures: this.failures.map(described) };
      writeFileSync(options.reporterOption.results, JSON.stringify(results));
    });
  }
}

/** One failure as text: the test, and why, with the lines of the stack that lead to it. */
function described(test) {
  const reason = test.err?.stack || test.err?.message || String(test.err);
  return `${test.fullTitle()}\n${reason.replace(/^/gm, '    ')}`;
}

module.exports = CountingReporter;
