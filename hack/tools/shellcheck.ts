/** Finds shellcheck for the tests of the scripts that run on nodes. */
import { debianTool } from './debian-tool';

/** Path of the executable. @throws {Error} one line that says what may be done, when there is none to be had. */
export function shellcheck(env: NodeJS.ProcessEnv = process.env): Promise<string> {
  return debianTool({ program: 'shellcheck', package: 'shellcheck', variable: 'STEWARD_SHELLCHECK' }, env);
}
