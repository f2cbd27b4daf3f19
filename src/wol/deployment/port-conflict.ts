/**
 * What a config says about its ports: who else listens on them, and which agents cannot. Pure.
 *
 * Owns: reasons and wording of PortConflict.
 */
import type { WolConfigStatusAgentProblem } from '../../api/wol/v1beta1';
import type { ConditionInput } from '../../framework';

/** Nodes and configs named in a message; the rest is counted. */
const NAMED = 3;

/** A config in force. */
export interface PortUser {
  readonly name: string;
  readonly ports: readonly number[];
}

/** @param others configs in force beside this one. @param problems as agents reported them. */
export function portCondition(
  own: PortUser,
  others: readonly PortUser[],
  problems: readonly WolConfigStatusAgentProblem[],
): ConditionInput {
  const says = (status: 'True' | 'False', reason: string, message: string): ConditionInput => ({
    type: 'PortConflict',
    status,
    reason,
    message,
  });
  const failures = problems.filter(isPortProblem);
  if (failures.length > 0) return says('True', 'BindFailed', listed(failures.map(failureText)));
  const sharing = others.filter(({ ports }) => ports.some((port) => own.ports.includes(port)));
  if (sharing.length > 0) return says('False', 'PortShared', `shared with ${listed(sharing.map((other) => sharingText(own, other)))}`);
  return says('False', 'NoConflict', '');
}

/** Frames that cannot be received are no matter of ports. */
export function isPortProblem({ reason }: WolConfigStatusAgentProblem): boolean {
  return reason !== 'RawFailed';
}

function failureText({ node, reason, ports = [], message = '' }: WolConfigStatusAgentProblem): string {
  const what = reason === 'HealthPortBusy' ? 'health port' : 'port';
  return `${what} ${ports.join(', ')} on node ${node}: ${message}`;
}

function sharingText(own: PortUser, { name, ports }: PortUser): string {
  const common = ports.filter((port) => own.ports.includes(port));
  return `${name} (${common.join(', ')})`;
}

function listed(texts: readonly string[]): string {
  const named = texts.slice(0, NAMED).join('; ');
  return texts.length <= NAMED ? named : `${named}; and ${texts.length - NAMED} more`;
}
