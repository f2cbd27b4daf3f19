/**
 * `npm run demo`: what the three modules do, through real API servers, shown step by step.
 *
 * Owns: the exit code and what is said about a failure. Never: does a step.
 * Invariant: whatever happens, everything is taken down before this process ends.
 * Exit codes: 0 done, 1 a step failed, 2 usage, 128 + number of the signal when interrupted.
 */
import { Demo } from './demo';
import { Interruption } from './interruption';
import { Narration } from './narration';
import { type DemoOptions, HELP, parseOptions } from './options';

const EXIT_DONE = 0;
const EXIT_FAILURE = 1;
const EXIT_USAGE = 2;

async function main(args: readonly string[]): Promise<number> {
  let options: DemoOptions;
  try {
    options = parseOptions(args);
  } catch (error) {
    console.error(`error: ${messageOf(error)}\n(npm run demo -- --help tells what is allowed)`);
    return EXIT_USAGE;
  }
  if (options.help) {
    console.log(HELP);
    return EXIT_DONE;
  }
  return run(options);
}

async function run(options: DemoOptions): Promise<number> {
  const interruption = Interruption.listen();
  const narration = new Narration(Demo.STEPS);
  const demo = new Demo(options, narration, interruption);
  try {
    await demo.show();
  } catch (error) {
    if (interruption.exitCode === undefined) {
      console.error(`\nfailed in ${narration.currentStep}: ${messageOf(error)}${demo.logTails()}`);
      await demo.takeDown();
      return EXIT_FAILURE;
    }
  }
  await demo.takeDown();
  if (interruption.exitCode === undefined)
    narration.block(`\nDone in ${narration.elapsedSeconds} s. "npm run demo -- --wait" keeps it running for you to try.`);
  return interruption.exitCode ?? EXIT_DONE;
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

main(process.argv.slice(2)).then(
  (exitCode) => {
    process.exitCode = exitCode;
  },
  (error: unknown) => {
    console.error(`failed while taking everything down: ${messageOf(error)}`);
    process.exitCode = EXIT_FAILURE;
  },
);
