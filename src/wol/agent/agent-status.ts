/**
 * What an agent tells of itself: to the manager as a status, to probes as readiness checks.
 *
 * Owns: both forms. Pure but for reading the parts. Never: names a machine or an address to wake.
 */
import type { PortStatus } from '../protocol/generated/wol-descriptor';
import type { ReadinessCheck } from './health-endpoint';
import type { UdpPort } from './udp-port';

/** Why something is not received; `undefined` while all is well. */
export function causeOfPort({ state }: Pick<UdpPort, 'state'>): string | undefined {
  return state.kind === 'unbound' ? state.cause : undefined;
}

/** One entry a port, both families in it. */
export function portStatuses(ports: readonly UdpPort[]): PortStatus[] {
  const isBound = (port: number, family: UdpPort['family']): boolean =>
    ports.some((one) => one.port === port && one.family === family && one.state.kind === 'bound');
  return [...new Set(ports.map(({ port }) => port))].map((port) => ({
    port,
    ipv4: isBound(port, 'ipv4'),
    ipv6: isBound(port, 'ipv6'),
    error: ports.filter((one) => one.port === port).flatMap((one) => causeOfPort(one) ?? [])[0] ?? '',
  }));
}

/** One check a port and family; a family that the node does not have fails none. */
export function portChecks(ports: readonly UdpPort[]): ReadinessCheck[] {
  return ports.map((port) => ({
    name: `${port.family === 'ipv4' ? 'udp4' : 'udp6'} port ${port.port}`,
    problem: () => causeOfPort(port),
  }));
}
