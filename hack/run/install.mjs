/**
 * Makes sure that node_modules is what package-lock.json asks for.
 *
 * Owns: the requirements on the machine and the stamp in node_modules. Never: changes the lock file.
 * Invariant: an unchanged lock file costs one small read; a failed installation leaves no stamp.
 */
import { createHash } from 'node:crypto';
import { existsSync, lstatSync, readFileSync, writeFileSync } from 'node:fs';
import { inRoot } from './paths.mjs';
import { npmEnvironment, runQuietly } from './processes.mjs';

const MINIMUM_NODE_MAJOR = 20;

/** One line that says why nothing can run on this machine, or undefined. */
export function unmetRequirement() {
  if (Number(process.versions.node.split('.')[0]) < MINIMUM_NODE_MAJOR) {
    return `virt-steward needs Node.js ${MINIMUM_NODE_MAJOR} or newer to start (found ${process.version}). Install it and run the same command again.`;
  }
  if (process.platform === 'win32') return "virt-steward's demo and tests run on Linux and macOS. On Windows use WSL 2.";
  return undefined;
}

/** Installs the packages unless they are there already. @returns {Promise<boolean>} whether they are there now. */
export async function installPackages() {
  const stamp = inRoot('node_modules/.virt-steward-lock');
  const wanted = lockHash();
  if (!isLink(inRoot('node_modules')) && (!existsSync(stamp) || readFileSync(stamp, 'utf8') !== wanted)) {
    const usual = existsSync(inRoot('node_modules')) ? 'package-lock.json has changed' : 'the first time: about half a minute';
    const exitCode = await runQuietly('install packages', usual, 'npm', ['ci', '--loglevel=error', '--no-audit', '--no-fund'], {
      env: npmEnvironment(),
    });
    if (exitCode !== 0) {
      const hint = exitCode === 127 ? 'Is npm installed? It usually comes with Node.js.' : 'Check the network or registry settings of npm.';
      console.error(`npm ci failed (exit ${exitCode}). ${hint}`);
      return false;
    }
    writeFileSync(stamp, wanted);
  }
  if (existsSync(inRoot('node_modules/.bin/node'))) return true;
  console.error('node_modules has no Node.js of its own. Run "npm rebuild node" and then the same command again.');
  return false;
}

/** The lock file and the platform decide what is installed. */
function lockHash() {
  const lock = createHash('sha256')
    .update(readFileSync(inRoot('package-lock.json')))
    .digest('hex');
  return `${lock} ${process.platform} ${process.arch}\n`;
}

/** A linked node_modules (several working trees that share one) is looked after by whoever made the link. */
function isLink(path) {
  return existsSync(path) && lstatSync(path).isSymbolicLink();
}
