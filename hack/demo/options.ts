/** The command line of the demo. Owns: options and help. Never: acts on them. */
import { parseArgs } from 'node:util';

export interface DemoOptions {
  readonly help: boolean;
  /** Keep everything running afterwards, until Ctrl-C. */
  readonly wait: boolean;
  /** UDP port of the agent; a free one if `undefined`. */
  readonly port: number | undefined;
}

export const HELP = `Shows on two real Kubernetes API servers, without a cluster: network packets start virtual machines; an object of the platform's catalog
is set back when it was changed, but for the value that its owner has chosen; a Machine runs on the second cluster and is woken by a packet.

Usage: npm run demo [-- options]

Options:
  --wait         keep everything running afterwards and tell what to try, until Ctrl-C
  --port <port>  UDP port of the agent, for senders that cannot choose one (default: a free one)
  -h, --help     show this

Examples:
  npm run demo
  npm run demo -- --wait
  npm run demo -- --wait --port 9

Exit codes: 0 done, 1 a step failed, 2 usage, 130 interrupted.`;

/** @throws {TypeError} one line that names the option and what is allowed. */
export function parseOptions(args: readonly string[]): DemoOptions {
  const { values } = parseArgs({
    args: [...args],
    options: { wait: { type: 'boolean' }, port: { type: 'string' }, help: { type: 'boolean', short: 'h' } },
    allowPositionals: false,
  });
  return { help: values.help ?? false, wait: values.wait ?? false, port: values.port === undefined ? undefined : portOf(values.port) };
}

function portOf(text: string): number {
  const port = /^\d{1,5}$/.test(text) ? Number(text) : 0;
  if (port < 1 || port > 65_535) throw new TypeError(`--port is ${JSON.stringify(text)}; allowed: 1 to 65535`);
  return port;
}
