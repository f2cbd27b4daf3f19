/** `virt-steward wake MAC`: sends a magic packet. */
import { SystemClock } from '../framework/basics';
import { normalizeMac } from '../kubevirt/mac-address';
import { runWake } from '../wol/sender/run-wake';
import { compileWakeOptions, type WakeFlagValues } from '../wol/sender/wake-options';
import type { RegisterCommand } from './program';

const EXAMPLES = `
Examples:
  virt-steward wake 02:00:00:00:00:01
  virt-steward wake 02-00-00-00-00-01 --to 192.0.2.255 --port 9 --port 7
  virt-steward wake 02:00:00:00:00:01 --to ff02::1%eth0
  virt-steward wake 02:00:00:00:00:01 --password 11:22:33:44:55:66 --dry-run`;

const collect = (value: string, earlier: string[] | undefined): string[] => [...(earlier ?? []), value];

export const wakeCommand: RegisterCommand = (program, io, done) => {
  program
    .command('wake')
    .description('send a Wake-on-LAN magic packet')
    .argument('<MAC>', 'address: aa:bb:cc:dd:ee:ff, aa-bb-cc-dd-ee-ff or aabb.ccdd.eeff')
    .option('--to <host>', 'address or host to send to, repeatable (default: every IPv4 broadcast address of this machine)', collect)
    .option('--port <port>', 'UDP port, repeatable (default: 9)', collect)
    .option('--interface <name>', 'what reaches everybody on this interface only')
    .option('--password <password>', 'SecureOn password of 4 or 6 bytes (env WAKE_PASSWORD)')
    .option('--count <number>', 'packets for each target (default: 3)')
    .option('--interval <duration>', 'pause between packets (default: 100ms)')
    .option('--dry-run', 'print targets and bytes, send nothing')
    .addHelpText('after', EXAMPLES)
    .action(async (mac: string, flags: WakeFlagValues) => {
      const options = compileWakeOptions(mac, flags, io.env, normalizeMac);
      done(await runWake(options, { clock: new SystemClock(), print: io.print }));
    });
};
