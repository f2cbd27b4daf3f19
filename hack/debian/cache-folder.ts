/** Where downloads and builds of the development tools are kept. Owns: the place. Invariant: everything in it may be deleted at any time. */
import { homedir } from 'node:os';
import { isAbsolute, join } from 'node:path';

/** The XDG specification says to ignore a relative path. */
export function cacheFolder(purpose: string, env: NodeJS.ProcessEnv = process.env): string {
  const xdg = env['XDG_CACHE_HOME'];
  const base = xdg !== undefined && isAbsolute(xdg) ? xdg : join(env['HOME'] || homedir(), '.cache');
  return join(base, 'virt-steward', purpose);
}
