/**
 * Mocha's ordinary output, and the counts in a file.
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
      writeFileSync(options.reporterOption.results, JSON.stringify({ passed: passes, failed: failures, skipped: pending }));
    });
  }
}

module.exports = CountingReporter;
