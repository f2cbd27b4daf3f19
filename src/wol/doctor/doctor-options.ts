/** Options of `virt-steward doctor`, checked. Pure. */
import { isIP } from 'node:net';
import { UsageError } from '../../framework/basics';
import { parseMachineName } from '../sender/machine-name';
import { port as parsePort, wrong } from '../sender/wake-options';

export interface DoctorFlags {
  port?: string;
  source?: string;
  output?: string;
  serviceAccount?: string;
  install?: true;
  deployment?: string;
}

const MANAGER_DEPLOYMENT = 'virt-steward-manager';

/** `undefined` = the cluster. */
export type DoctorSubject = { readonly mac: string } | { readonly namespace: string; readonly name: string } | undefined;

export interface DoctorOptions {
  readonly subject: DoctorSubject;
  /** UDP port the packet comes to; `undefined` = one that a config listens on for it, 9 before others. */
  readonly port: number | undefined;
  /** Address of the sender; `undefined` = not given. */
  readonly source: string | undefined;
  readonly output: 'text' | 'json';
  readonly serviceAccount: string | undefined;
  /** Name of the manager's Deployment; `undefined` = found. */
  readonly deployment: string | undefined;
  /** Look at this installation instead; `undefined` = at what wakes machines. */
  readonly install: { readonly deployment: string } | undefined;
}

/** @throws {UsageError} one line naming the option, its value and what is allowed. */
export function compileDoctorOptions(
  text: string | undefined,
  { port, source, output = 'text', serviceAccount, install, deployment }: DoctorFlags,
  normalizeMac: (text: string) => string | undefined,
): DoctorOptions {
  const subject = text === undefined ? undefined : subjectOf(text, normalizeMac);
  if (subject === undefined && port !== undefined) throw new UsageError('--port goes with a MAC address or NAMESPACE/NAME only');
  if (subject === undefined && source !== undefined) throw new UsageError('--source goes with a MAC address or NAMESPACE/NAME only');
  if (source !== undefined && isIP(source) === 0) throw wrong('--source', source, 'an IPv4 or IPv6 address');
  if (install !== undefined && subject !== undefined) throw new UsageError('--install goes without a MAC address and NAMESPACE/NAME');
  if (output !== 'text' && output !== 'json') throw wrong('--output', output, 'text, json');
  return {
    ...{ subject, source, output, serviceAccount, deployment },
    port: port === undefined ? undefined : parsePort(port),
    install: install === undefined ? undefined : { deployment: deployment ?? MANAGER_DEPLOYMENT },
  };
}

function subjectOf(text: string, normalizeMac: (text: string) => string | undefined): DoctorSubject {
  const mac = normalizeMac(text);
  const subject = mac === undefined ? parseMachineName(text) : { mac };
  if (subject === undefined) throw wrong('what to look at', text, 'NAMESPACE/NAME of a virtual machine, or a MAC address');
  return subject;
}
