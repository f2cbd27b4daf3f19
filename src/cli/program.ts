/**
 * The command line: which commands there are, and which exit code each way of ending has.
 *
 * Owns: parsing and help. Never: ends the process, does the work of a command.
 */
import { Command, CommanderError } from 'commander';
import { isOperatorError } from '../framework/basics';
import { modernizeAgentArguments } from '../wol/agent/agent-flags';
import { agentCommand } from './agent';
import { cleanupCommand } from './cleanup';
import { doctorCommand } from './doctor';
import { EXIT_DONE, EXIT_FAILURE, EXIT_USAGE } from './exit-code';
import { kubeconfigCommand } from './kubeconfig';
import { managerCommand } from './manager';
import { rbacCommand } from './rbac';
import { renderCommand } from './render';
import { VERSION } from './version';
import { wakeCommand } from './wake';

export type Environment = Readonly<Record<string, string | undefined>>;

/** What a command needs of the process around it. */
export interface CommandIo {
  readonly env: Environment;
  /** One line to the standard output. */
  print(line: string): void;
  /** One line to the standard error: what is no result. */
  warn(line: string): void;
}

/** A command registers itself and reports its exit code through `done`. */
export type RegisterCommand = (program: Command, io: CommandIo, done: (exitCode: number) => void) => void;

const COMMANDS: readonly RegisterCommand[] = [
  ...[managerCommand, agentCommand, wakeCommand, doctorCommand],
  ...[renderCommand, rbacCommand, kubeconfigCommand, cleanupCommand],
];

const EXAMPLES = `
Examples:
  virt-steward manager --kubeconfig ~/.kube/config --grpc-insecure
  virt-steward agent --node-name node-1 --operator-address 127.0.0.1:9090 --ports 9 --grpc-insecure
  virt-steward wake 02:00:00:00:00:01
  virt-steward doctor lab/desktop
  virt-steward render --output=status
  virt-steward rbac > rbac.yaml

Exit codes: 0 done, 1 failure, 2 usage.`;

/** @returns the exit code. */
export async function main(args: readonly string[], env: Environment): Promise<number> {
  let exitCode = EXIT_DONE;
  const io: CommandIo = {
    env,
    print: (line) => void process.stdout.write(`${line}\n`),
    warn: (line) => void process.stderr.write(`${line}\n`),
  };
  const program = new Command('virt-steward')
    .description('Looks after fleets of KubeVirt virtual machines.')
    .version(VERSION)
    .addHelpText('after', EXAMPLES)
    .exitOverride();
  for (const register of COMMANDS) {
    register(program, io, (code) => {
      exitCode = code;
    });
  }
  for (const command of [program, ...program.commands]) {
    const help = command === program ? 'virt-steward --help' : `virt-steward ${command.name()} --help`;
    command.exitOverride().configureOutput({ outputError: (text, write) => write(`${onOneLine(text)}; ${help} tells what is allowed\n`) });
  }
  try {
    await program.parseAsync(modernized(args), { from: 'user' });
    return exitCode;
  } catch (error) {
    return exitCodeOf(error);
  }
}

/** Agents of the older operator were started with flags in Go's style. */
function modernized(args: readonly string[]): string[] {
  const [command, ...rest] = args;
  return command === 'agent' ? [command, ...modernizeAgentArguments(rest).args] : [...args];
}

/** The parser puts suggestions on lines of their own and ends some sentences with a full stop. */
function onOneLine(text: string): string {
  return text
    .trim()
    .replace(/\s*\n\s*/g, ' ')
    .replace(/\.$/, '');
}

function exitCodeOf(error: unknown): number {
  if (error instanceof CommanderError) return error.exitCode === 0 ? EXIT_DONE : EXIT_USAGE;
  const isUsage = isOperatorError(error, 'USAGE') || isOperatorError(error, 'CONFIG');
  if (!isOperatorError(error)) throw error;
  process.stderr.write(`error: ${error.message}\n`);
  return isUsage ? EXIT_USAGE : EXIT_FAILURE;
}
