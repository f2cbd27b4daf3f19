/** Finds the programs that people send wake packets with, for tests. */
import { debianTool } from './debian-tool';

/** Sends a magic packet by UDP. @returns path of the executable. @throws {Error} one line that says what may be done. */
export function wakeonlan(env: NodeJS.ProcessEnv = process.env): Promise<string> {
  return debianTool({ program: 'wakeonlan', package: 'wakeonlan', variable: 'STEWARD_WAKEONLAN' }, env);
}

/** Sends a magic packet as an Ethernet frame. @returns path of the executable. @throws {Error} one line that says what may be done. */
export function etherwake(env: NodeJS.ProcessEnv = process.env): Promise<string> {
  return debianTool({ program: 'etherwake', package: 'etherwake', folder: 'usr/sbin', variable: 'STEWARD_ETHERWAKE' }, env);
}
