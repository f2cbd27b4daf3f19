/** All handler classes of Wake-on-LAN. */
import type { HandlerClass } from '../../framework';
import { LearnedMacHandler } from './learned-mac-handler';
import { VirtualMachineHandler } from './virtual-machine-handler';
import { WakeServer } from './wake-server';
import { WolConfigHandler } from './wol-config-handler';

export const wolHandlers: readonly HandlerClass[] = [WolConfigHandler, VirtualMachineHandler, LearnedMacHandler, WakeServer];
