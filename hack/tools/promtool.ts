/** Finds promtool for the tests of the alerts. */
import { debianTool } from './debian-tool';

/** Path of the executable. @throws {Error} one line that says what may be done, when there is none to be had. */
export function promtool(env: NodeJS.ProcessEnv = process.env): Promise<string> {
  return debianTool({ program: 'promtool', package: 'prometheus', variable: 'STEWARD_PROMTOOL' }, env);
}
