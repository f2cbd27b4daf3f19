/** The executable. The only file that ends the process. */
import { EXIT_FAILURE, EXIT_USAGE } from './exit-code';
import { nodeVersionProblem } from './node-version';

async function run(): Promise<number> {
  const problem = nodeVersionProblem(process.versions.node);
  if (problem !== undefined) {
    process.stderr.write(`error: ${problem}\n`);
    return EXIT_USAGE;
  }
  // Loaded only now: an older Node.js could not even read it.
  const { main } = await import('./program.js');
  return main(process.argv.slice(2), process.env);
}

run().then(
  (exitCode) => process.exit(exitCode),
  (error: unknown) => {
    process.stderr.write(`${error instanceof Error ? (error.stack ?? error.message) : String(error)}\n`);
    process.exit(EXIT_FAILURE);
  },
);
