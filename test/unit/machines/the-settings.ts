/** Settings of a manager without flags, or with these variables. */
import { Settings } from '../../../src/framework';
import { MACHINES_FLAGS, MACHINES_VARIABLES, type MachinesSettings, machinesSettings } from '../../../src/machines';
import { WOL_FLAGS } from '../../../src/wol';

export function theSettings(env: Readonly<Record<string, string>> = {}): MachinesSettings {
  return machinesSettings(new Settings([...WOL_FLAGS, ...MACHINES_FLAGS, ...MACHINES_VARIABLES], {}, env));
}
