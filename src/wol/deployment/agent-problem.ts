/**
 * What is wrong with one agent, from its own report, in the form that a status lists. Pure.
 *
 * Invariant: text from the network is escaped and cut.
 */
import { createHash } from 'node:crypto';
import type { WolConfigStatusAgentProblem } from '../../api/wol/v1beta1';

/** What an agent reports of itself, as far as problems go. */
export interface AgentReport {
  readonly nodeName: string;
  readonly configName: string;
  readonly ports: readonly { readonly port: number; readonly error: string }[];
  /** Empty = frames are received, or were not asked for. */
  readonly rawError: string;
  /** Empty = the health endpoint is served. */
  readonly healthError: string;
}

export type AgentProblem = Omit<WolConfigStatusAgentProblem, 'since'>;

const MAX_MESSAGE_CHARS = 256;
const MAX_PORTS = 10;

/** @returns the worst problem, since a status has room for one a node; `undefined` = all is well. */
export function problemOf(
  { nodeName: node, ports, rawError, healthError }: AgentReport,
  healthPort: number | undefined,
): AgentProblem | undefined {
  const failed = ports.filter(({ error }) => error !== '').slice(0, MAX_PORTS);
  if (failed.length > 0) return { node, reason: 'BindFailed', ports: failed.map(({ port }) => port), message: harmless(failed[0]!.error) };
  if (healthError !== '') {
    return { node, reason: 'HealthPortBusy', ...(healthPort === undefined ? {} : { ports: [healthPort] }), message: harmless(healthError) };
  }
  return rawError === '' ? undefined : { node, reason: 'RawFailed', message: harmless(rawError) };
}

/** Each node's entry has an owner of its own, so that replicas and the leader never fight over the list. */
export function problemFieldManager(node: string): string {
  return `wol-agent-${createHash('sha256').update(node).digest('hex').slice(0, 16)}`;
}

export function sameProblem(a: AgentProblem | undefined, b: AgentProblem | undefined): boolean {
  if (a === undefined || b === undefined) return a === b;
  return a.reason === b.reason && a.message === b.message && (a.ports ?? []).join() === (b.ports ?? []).join();
}

function harmless(text: string): string {
  // biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is looked for
  return text.replace(/[\u0000-\u001f\u007f-\u009f\u2028-\u202e\u2066-\u2069]+/g, ' ').slice(0, MAX_MESSAGE_CHARS);
}
