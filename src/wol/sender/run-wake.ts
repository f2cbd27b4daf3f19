/**
 * `virt-steward wake MAC`, after its options were checked.
 *
 * Owns: the output lines and the exit code. Never: prints a password; the bytes of a dry run, which are asked for, hold it.
 */
import { networkInterfaces } from 'node:os';
import type { Clock } from '../../framework/basics';
import { buildMagicPacket } from '../protocol/magic-packet';
import { sendMagicPacket } from './send-magic-packet';
import type { WakeOptions } from './wake-options';
import { describeTarget, type Interfaces, type WakeTarget, wakeTargets } from './wake-targets';

export interface WakeDependencies {
  clock: Clock;
  /** Takes one line of output, without line break. */
  print(line: string): void;
  /** @default os.networkInterfaces */
  interfaces?: () => Interfaces;
}

/**
 * Sends the packet to every target at once and prints one line for each.
 *
 * @returns exit code: 0 if at least one packet was sent (or a dry run was asked for), 1 if none.
 * @throws {UsageError} when the named interface cannot broadcast.
 */
export async function runWake(options: WakeOptions, { clock, print, interfaces = networkInterfaces }: WakeDependencies): Promise<number> {
  const packet = buildMagicPacket(options.mac, options.password);
  const targets = wakeTargets(options, interfaces());
  if (options.dryRun) {
    const hex = Buffer.from(packet).toString('hex');
    for (const target of targets) print(`would send ${packet.length} bytes to ${describeTarget(target)}: ${hex}`);
    return 0;
  }
  const results = await Promise.all(targets.map((target) => sendTo(target, packet, options, clock)));
  for (const { line } of results) print(line);
  return results.some(({ sent }) => sent > 0) ? 0 : 1;
}

async function sendTo(target: WakeTarget, packet: Uint8Array, options: WakeOptions, clock: Clock): Promise<{ sent: number; line: string }> {
  try {
    const sent = await sendMagicPacket(packet, target, options, clock);
    return { sent, line: `sent ${sent} of ${options.count} packets for ${options.mac} to ${describeTarget(target)}` };
  } catch (error) {
    return { sent: 0, line: `nothing sent to ${describeTarget(target)}: ${(error as Error).message}` };
  }
}
