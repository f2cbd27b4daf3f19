/** `node dist/main.js` runs the operator, `node dist/main.js rbac` prints the rights it needs. */
import { ConfigError, createOperator, UsageError } from 'virt-steward/framework';
import { operatorOptions, rights } from './operator';

async function run(): Promise<number> {
  const operator = await createOperator(operatorOptions(process.env));
  for (const signal of ['SIGTERM', 'SIGINT'] as const) process.once(signal, () => void operator.stop());
  await operator.start();
  return operator.finished;
}

async function main([command = 'run']: readonly string[]): Promise<number> {
  if (command === 'run') return run();
  if (command !== 'rbac') throw new UsageError(`command is "${command}"; allowed: run, rbac`);
  process.stdout.write(rights());
  return 0;
}

main(process.argv.slice(2)).then(
  (exitCode) => {
    process.exitCode = exitCode;
  },
  (error: Error) => {
    process.stderr.write(`error: ${error.message}\n`);
    process.exitCode = error instanceof UsageError || error instanceof ConfigError ? 2 : 1;
  },
);
