/**
 * What `virt-steward wake` is asked for: a packet, a packet for a machine by its name, or a list.
 *
 * Owns: which options go together. Pure. Never: contacts anybody.
 */
import { type Environment, parseDurationMs, UsageError } from '../../framework/basics';
import { parseMachineName, parseNamespace } from './machine-name';
import {
  compileSendingOptions,
  compileWakeOptions,
  type SendingOptions,
  type WakeFlagValues,
  type WakeOptions,
  wrong,
} from './wake-options';

/** Every option as given on the command line. */
export interface WakeCommandFlags extends WakeFlagValues {
  vm?: string;
  wait?: boolean;
  timeout?: string;
  list?: boolean;
  config?: string;
  namespace?: string;
  unwakeable?: boolean;
  output?: string;
  kubeconfig?: string;
  operatorNamespace?: string;
}

export interface ListRequest {
  readonly kind: 'list';
  /** `undefined` = every WolConfig. */
  readonly config: string | undefined;
  /** Of the machine; `undefined` = every one. */
  readonly namespace: string | undefined;
  /** Machines that nothing wakes, instead of those that something does. */
  readonly unwakeable: boolean;
  readonly output: 'table' | 'json';
}

/** A packet whose machine has to be known: by name, or because it is waited for. */
export interface MachineRequest {
  readonly kind: 'machine';
  readonly machine: { readonly mac: string } | { readonly namespace: string; readonly name: string };
  readonly sending: SendingOptions;
  /** `--port` was given; else the port comes from the WolConfig. */
  readonly isPortGiven: boolean;
  /** `undefined` = do not wait. */
  readonly waitMs: number | undefined;
}

export type WakeRequest = { readonly kind: 'packet'; readonly options: WakeOptions } | MachineRequest | ListRequest;

const DEFAULT_TIMEOUT = '5m';
const MIN_TIMEOUT_MS = 1_000;
const MAX_TIMEOUT_MS = 3_600_000;
const ONLY_LIST = ['config', 'namespace', 'unwakeable', 'output'] as const;
const ONLY_SEND = ['to', 'port', 'interface', 'password', 'count', 'interval', 'dryRun', 'vm', 'wait', 'timeout'] as const;

/** @throws {UsageError} one line naming the option, its value and what is allowed. */
export function compileWakeRequest(
  macText: string | undefined,
  flags: WakeCommandFlags,
  env: Environment,
  normalizeMac: (text: string) => string | undefined,
): WakeRequest {
  if (flags.list === true) return listRequest(macText, flags);
  for (const option of ONLY_LIST) if (flags[option] !== undefined) throw new UsageError(`${flagOf(option)} goes with --list only`);
  if (macText !== undefined && flags.vm !== undefined) throw new UsageError('MAC and --vm exclude each other; give one of them');
  if (flags.timeout !== undefined && flags.wait !== true) throw new UsageError('--timeout goes with --wait only');
  if (flags.dryRun === true && flags.wait === true) throw new UsageError('--dry-run and --wait exclude each other; give one of them');
  const waitMs = flags.wait === true ? timeout(flags.timeout ?? DEFAULT_TIMEOUT) : undefined;
  if (flags.vm !== undefined) return machineRequest(vmOf(flags.vm), flags, env, waitMs);
  if (macText === undefined)
    throw new UsageError(
      'nothing to wake; give a MAC address, --vm NAMESPACE/NAME or --list; virt-steward wake --help tells what is allowed',
    );
  const options = compileWakeOptions(macText, flags, env, normalizeMac);
  return waitMs === undefined ? { kind: 'packet', options } : machineRequest({ mac: options.mac }, flags, env, waitMs);
}

function machineRequest(
  machine: MachineRequest['machine'],
  flags: WakeCommandFlags,
  env: Environment,
  waitMs: number | undefined,
): MachineRequest {
  return { kind: 'machine', machine, sending: compileSendingOptions(flags, env), isPortGiven: flags.port !== undefined, waitMs };
}

function listRequest(macText: string | undefined, flags: WakeCommandFlags): ListRequest {
  if (macText !== undefined) throw new UsageError('MAC and --list exclude each other; give one of them');
  for (const option of ONLY_SEND) if (flags[option] !== undefined) throw new UsageError(`${flagOf(option)} and --list exclude each other`);
  const { config, namespace, unwakeable = false, output = 'table' } = flags;
  if (output !== 'table' && output !== 'json') throw wrong('--output', output, 'table, json');
  return {
    kind: 'list',
    config,
    namespace: namespace === undefined ? undefined : parseNamespace('--namespace', namespace),
    unwakeable,
    output,
  };
}

function vmOf(text: string): { namespace: string; name: string } {
  const machine = parseMachineName(text);
  if (machine === undefined) throw wrong('--vm', text, 'NAMESPACE/NAME of a virtual machine');
  return machine;
}

function timeout(text: string): number {
  const ms = parseDurationMs(text);
  if (ms === undefined || ms < MIN_TIMEOUT_MS || ms > MAX_TIMEOUT_MS) throw wrong('--timeout', text, 'a duration from 1s to 60m');
  return ms;
}

function flagOf(option: string): string {
  return `--${option.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`)}`;
}
