/**
 * Runs one example against the cluster of the current kubeconfig until Ctrl-C: `npm run example -- 01-minimal`.
 *
 * Owns: what the `main.ts` of an operator package does. Never: installs anything; each README says what the example needs.
 * An example is a folder with a `handler.ts` that exports `handlers` and, where it needs other options, `options`.
 * With `--rbac` it prints the API rights that the example needs, and talks to no cluster.
 * Exit codes: 0 done or stopped in order, 1 the operator failed, 2 usage or no cluster.
 */
import { existsSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import {
  buildRegistry,
  ConfigError,
  createContainer,
  createOperator,
  type HandlerClass,
  type OperatorOptions,
  rbacRules,
  rbacYaml,
  runOperator,
  WinstonLogger,
} from 'virt-steward/framework';

interface Example {
  readonly handlers: readonly HandlerClass[];
  readonly options?: Partial<OperatorOptions>;
}

const DOMAIN = 'example.org';
const NAMESPACE = 'default';

/** The examples that were compiled, by folder name. */
function names(): string[] {
  return readdirSync(__dirname).filter((name) => existsSync(join(__dirname, name, 'handler.js')));
}

async function run({ handlers, options }: Example): Promise<number> {
  const logger = WinstonLogger.create({ format: 'text' });
  const operator = await createOperator({ name: 'example', namespace: NAMESPACE, domain: DOMAIN, logger, handlers, ...options });
  logger.info('starting; Ctrl-C ends it, a second one at once');
  return runOperator(operator);
}

/** What the decorators imply and what `@Handler({ rbac })` claims, for a service account with the name of the example. */
function rights(name: string, { handlers, options = {} }: Example): string {
  const { container = createContainer(), leaderElection } = options;
  const rules = rbacRules(buildRegistry({ handlers, domain: DOMAIN, container }), {
    lease: leaderElection?.lease,
    get: (token) => container.resolve(token),
  });
  return rbacYaml(rules, { name, namespace: NAMESPACE, serviceAccount: name });
}

async function main([name = '', ...flags]: readonly string[]): Promise<number> {
  const isRbac = flags.length === 1 && flags[0] === '--rbac';
  if (!names().includes(name) || (flags.length > 0 && !isRbac)) {
    process.stderr.write(`cannot run "${[name, ...flags].join(' ')}"; allowed: one of ${names().join(', ')}, and --rbac after it\n`);
    return 2;
  }
  try {
    const example = (await import(`./${name}/handler.js`)) as Example;
    if (!isRbac) return await run(example);
    process.stdout.write(rights(name, example));
    return 0;
  } catch (error) {
    process.stderr.write(`${error instanceof Error ? error.message : String(error)}\n`);
    return error instanceof ConfigError ? 2 : 1;
  }
}

// Ended at once: after a second signal something still hangs.
void main(process.argv.slice(2)).then((exitCode) => process.exit(exitCode));
