/** Keeps what an agent says of itself within bounds. Pure. */
import { status } from '@grpc/grpc-js';
import type { AgentStatus } from '../protocol/generated/wol-descriptor';
import { MAX_PORTS } from '../protocol/limits';
import { RpcStatusError } from '../protocol/rpc-status-error';

const MAX_NAME = 253;
/** Texts are for people; longer ones are cut. */
const MAX_TEXT = 256;
const MAX_INTERFACES = 64;
const MAX_INTERFACE_NAME = 64;

/** @throws {RpcStatusError} INVALID_ARGUMENT for what no agent of ours sends. */
export function boundedStatus(agent: AgentStatus): AgentStatus {
  const { nodeName, configName, version, ports, rawInterfaces, rawError, healthError } = agent;
  if (nodeName.length > MAX_NAME || configName.length > MAX_NAME || ports.length > MAX_PORTS) {
    throw new RpcStatusError(status.INVALID_ARGUMENT, `a status has names of at most ${MAX_NAME} characters and ${MAX_PORTS} ports`);
  }
  return {
    ...agent,
    version: version.slice(0, MAX_TEXT),
    ports: ports.map((port) => ({ ...port, error: port.error.slice(0, MAX_TEXT) })),
    rawInterfaces: rawInterfaces.slice(0, MAX_INTERFACES).map((name) => name.slice(0, MAX_INTERFACE_NAME)),
    rawError: rawError.slice(0, MAX_TEXT),
    healthError: healthError.slice(0, MAX_TEXT),
  };
}
