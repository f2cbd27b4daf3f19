/** The executable. The only file that ends the process. */
import { main } from './program';

main(process.argv.slice(2), process.env).then(
  (exitCode) => process.exit(exitCode),
  (error: unknown) => {
    process.stderr.write(`${error instanceof Error ? (error.stack ?? error.message) : String(error)}\n`);
    process.exit(1);
  },
);
