/**
 * The one entry behind the npm scripts: from a fresh clone to the named step.
 *
 *     node hack/run.mjs <step> [arguments of the step]
 *
 * Owns: the order install -> compile -> step, and the exit code. Never: needs a package; it runs before any is installed.
 * Invariant: works on every Node.js from 20 on, while everything it starts runs on the Node.js of node_modules.
 * Exit codes: 0 done, 1 the step failed, 2 usage or a machine that cannot run it, 130 and 143 after SIGINT and SIGTERM.
 */
import { installPackages, unmetRequirement } from './run/install.mjs';
import { interruption, onInterrupt, stopChildren } from './run/processes.mjs';
import { steps } from './run/steps.mjs';

const EXIT_USAGE = 2;

async function main([name, ...args]) {
  const step = steps.get(name);
  if (step === undefined) return refuse(`unknown step "${name ?? ''}"; allowed: ${[...steps.keys()].join(', ')}`);
  const unmet = unmetRequirement();
  if (unmet !== undefined) return refuse(unmet);
  if (!(await installPackages())) return EXIT_USAGE;
  return step(args);
}

function refuse(message) {
  console.error(message);
  return EXIT_USAGE;
}

onInterrupt();
try {
  const exitCode = await main(process.argv.slice(2));
  process.exitCode = interruption()?.exitCode ?? exitCode;
} finally {
  stopChildren();
}
