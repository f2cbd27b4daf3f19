/** `virt-steward wake`: sends a magic packet, waits for what it does, or lists what packets can do. */
import { SystemClock } from '../framework/basics';
import { normalizeMac } from '../kubevirt/mac-address';
import { runWake } from '../wol/sender/run-wake';
import { compileWakeRequest, type WakeCommandFlags } from '../wol/sender/wake-request';
import { addCallerFlags } from './caller-flags';
import type { RegisterCommand } from './program';

const HELP = `
Only --vm, --wait and --list look at a cluster, with your own rights: get and list on wolconfigs, virtualmachines and
virtualmachineinstances. They know no settings of the manager: with --watch-namespaces it leaves machines alone that are listed here;
"virt-steward doctor NAMESPACE/NAME" tells.

Exit codes: 0 sent (with --wait: it runs), 1 nothing sent or it does not run, 2 usage, 130 interrupted while waiting.

Examples:
  virt-steward wake 02:00:00:00:00:01
  virt-steward wake 02-00-00-00-00-01 --to 192.0.2.255 --port 9 --port 7
  virt-steward wake 02:00:00:00:00:01 --to ff02::1%eth0
  virt-steward wake 02:00:00:00:00:01 --password 11:22:33:44:55:66 --dry-run
  virt-steward wake --vm lab/desktop --wait
  virt-steward wake --list -n lab
  virt-steward wake --list --unwakeable -o json`;

const collect = (value: string, earlier: string[] | undefined): string[] => [...(earlier ?? []), value];

export const wakeCommand: RegisterCommand = (program, io, done) => {
  const command = program
    .command('wake')
    .description('send a Wake-on-LAN magic packet, or list what packets wake')
    .argument('[MAC]', 'address: aa:bb:cc:dd:ee:ff, aa-bb-cc-dd-ee-ff or aabb.ccdd.eeff')
    .option('--vm <namespace/name>', 'instead of MAC: the first address that wakes this virtual machine, on a port that does')
    .option('--to <host>', 'address or host to send to, repeatable (default: every IPv4 broadcast address of this machine)', collect)
    .option('--port <port>', 'UDP port, repeatable (default: 9)', collect)
    .option('--interface <name>', 'what reaches everybody on this interface only')
    .option('--password <password>', 'SecureOn password of 4 or 6 bytes (env WAKE_PASSWORD)')
    .option('--count <number>', 'packets for each target (default: 3)')
    .option('--interval <duration>', 'pause between packets (default: 100ms)')
    .option('--dry-run', 'print targets and bytes, send nothing')
    .option('--wait', 'wait until the virtual machine runs, with a line for each change')
    .option('--timeout <duration>', 'how long --wait waits; 1s to 60m (default: 5m)')
    .option('--list', 'send nothing: print which address wakes which virtual machine, and what a packet would do now')
    .option('--config <name>', 'with --list: of this WolConfig only')
    .option('-n, --namespace <name>', 'with --list: virtual machines of this namespace only')
    .option('--unwakeable', 'with --list: virtual machines that no packet wakes, and why')
    .option('-o, --output <format>', 'with --list: table or json (default: table)')
    .addHelpText('after', HELP)
    .action(async (mac: string | undefined, flags: WakeCommandFlags) => {
      const request = compileWakeRequest(mac, flags, io.env, normalizeMac);
      if (request.kind === 'packet') {
        done(await runWake(request.options, { clock: new SystemClock(), print: io.print }));
        return;
      }
      const { runWakeOnCluster } = await import('./run-wake-on-cluster.js');
      done(await runWakeOnCluster(request, flags, io));
    });
  addCallerFlags(command);
};
