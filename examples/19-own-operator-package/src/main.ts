/** `node dist/main.js` runs the operator, `node dist/main.js rbac` prints the rights it needs. */
import { ConfigError, createOperator, runOperator, UsageError } from 'virt-steward/framework';
import { operatorOptions, rights } from './operator';

async function main([command = 'run']: readonly string[]): Promise<number> {
  if (command === 'run') return runOperator(await createOperator(operatorOptions(process.env)));
  if (command !== 'rbac') throw new UsageError(`command is "${command}"; allowed: run, rbac`);
  process.stdout.write(rights(process.env));
  return 0;
}

main(process.argv.slice(2)).then(
  // Ended at once: after a second signal something still hangs.
  (exitCode) => process.exit(exitCode),
  (error: Error) => {
    process.stderr.write(`error: ${error.message}\n`);
    process.exit(error instanceof UsageError || error instanceof ConfigError ? 2 : 1);
  },
);
