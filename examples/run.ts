/**
 * Runs one example against the cluster of the current kubeconfig until Ctrl-C: `npm run example -- 01-minimal`.
 *
 * Owns: what the `main.ts` of an operator package does. Never: installs anything; each README says what the example needs.
 * An example is a folder with a `handler.ts` that exports `handlers` and, where it needs other options, `options`.
 * Exit codes: 0 stopped in order, 1 the operator failed, 2 usage or no cluster.
 */
import { existsSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { ConfigError, createOperator, type HandlerClass, type OperatorOptions, WinstonLogger } from 'virt-steward/framework';

interface Example {
  readonly handlers: readonly HandlerClass[];
  readonly options?: Partial<OperatorOptions>;
}

/** The examples that were compiled, by folder name. */
function names(): string[] {
  return readdirSync(__dirname).filter((name) => existsSync(join(__dirname, name, 'handler.js')));
}

async function run(example: Example): Promise<number> {
  const logger = WinstonLogger.create({ format: 'text' });
  const operator = await createOperator({
    name: 'example',
    namespace: 'default',
    domain: 'example.org',
    logger,
    handlers: example.handlers,
    ...example.options,
  });
  for (const signal of ['SIGINT', 'SIGTERM']) process.once(signal, () => void operator.stop());
  await operator.start();
  logger.info('running; Ctrl-C ends it');
  return operator.finished;
}

async function main([name = '', ...others]: readonly string[]): Promise<number> {
  if (!names().includes(name) || others.length > 0) {
    process.stderr.write(`no example "${[name, ...others].join(' ')}"; allowed: ${names().join(', ')}\n`);
    return 2;
  }
  try {
    return await run((await import(`./${name}/handler.js`)) as Example);
  } catch (error) {
    process.stderr.write(`${error instanceof Error ? error.message : String(error)}\n`);
    return error instanceof ConfigError ? 2 : 1;
  }
}

void main(process.argv.slice(2)).then((exitCode) => {
  process.exitCode = exitCode;
});
