/** Where fetched tools are kept: below the cache folder of the user. */
import { homedir } from 'node:os';
import { isAbsolute, join } from 'node:path';

/** The XDG specification says to ignore a relative path. */
export function toolCache(tool: string, env: NodeJS.ProcessEnv): string {
  const xdg = env['XDG_CACHE_HOME'];
  const base = xdg !== undefined && isAbsolute(xdg) ? xdg : join(env['HOME'] || homedir(), '.cache');
  return join(base, 'virt-steward', tool);
}
