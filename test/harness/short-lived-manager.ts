/** The manager with certificates that live for seconds. Arguments: their lifetimes as JSON, then the flags of the manager. */
import { Command } from 'commander';
import { addFlags, flagValues } from '../../src/cli/flag-options';
import { MANAGER_FLAGS } from '../../src/cli/manager-flags';
import { runManager } from '../../src/cli/run-manager';
import { Settings } from '../../src/framework';
import { MACHINES_FLAGS, MACHINES_VARIABLES } from '../../src/machines';
import { PLATFORM_FLAGS } from '../../src/platform/settings';
import { type CertificateLifetimes, WOL_FLAGS, WOL_VARIABLES } from '../../src/wol';

const FLAGS = [...MANAGER_FLAGS, ...WOL_FLAGS, ...PLATFORM_FLAGS, ...MACHINES_FLAGS];
const [lifetimes = '', ...args] = process.argv.slice(2);
const command = addFlags(new Command(), FLAGS).parse(args, { from: 'user' });

runManager(new Settings([...FLAGS, ...WOL_VARIABLES, ...MACHINES_VARIABLES], flagValues(command), process.env), {
  lifetimes: JSON.parse(lifetimes) as CertificateLifetimes,
}).then(
  (code) => {
    process.exitCode = code;
  },
  (error: unknown) => {
    process.stderr.write(`${String(error)}\n`);
    process.exitCode = 1;
  },
);
