/** `virt-steward agent`: listens for magic packets on one node. */
import { onTermination, SystemClock, WinstonLogger } from '../framework/basics';
import { AGENT_FLAGS, modernizeAgentArguments } from '../wol/agent/agent-flags';
import { compileAgentOptions } from '../wol/agent/agent-options';
import { addFlags, flagValues } from './flag-options';
import type { RegisterCommand } from './program';
import { giveMemoryBack, keepCodeSmall, keepHeapSmall } from './small-heap';
import { VERSION } from './version';

const EXAMPLES = `
Examples:
  virt-steward agent --node-name node-1 --ports 9,7
  virt-steward agent --node-name node-1 --operator-address localhost:9090 --grpc-ca-file ca.crt --grpc-token-file token`;

export const agentCommand: RegisterCommand = (program, io, done) => {
  const command = addFlags(program.command('agent'), AGENT_FLAGS)
    .description('listen for magic packets on this node and report them to the manager')
    .addHelpText('after', EXAMPLES)
    .action(async () => {
      const options = compileAgentOptions(flagValues(command), io.env);
      const logger = WinstonLogger.create({ level: options.logLevel, format: options.logFormat });
      const { ignored } = modernizeAgentArguments(process.argv.slice(3));
      for (const flag of ignored) logger.warn('flag of an older agent has no effect', { flag });
      keepHeapSmall();
      keepCodeSmall();
      const { runAgent } = await import('../wol/agent/run-agent.js');
      const termination = onTermination();
      const { signal } = termination;
      const running = runAgent(options, { clock: new SystemClock(), logger, signal, version: VERSION, onQuiet: giveMemoryBack });
      done(await Promise.race([running, termination.forced]));
      termination.release();
    });
};
