/**
 * `virt-steward manager` with Wake-on-LAN and nothing else.
 *
 * Owns: leaving out what no handler of Wake-on-LAN loads. A file of the bundle is kept in memory whole, with what it makes when it is
 * loaded: without the other modules, their expressions and their JSON patches a manager takes some MiB less. Never: runs another module.
 */
import { provideWol, wolHandlersFor } from '../wol';
import { type ManagerSettings, runManagerWith } from './manager-process';
import { keepCodeSmall } from './small-heap';

/** Calls before a function is compiled: what only a start or a re-verification calls is not. Measured, see docs/performance.md. */
const MAGLEV_CALLS = 2_000;

/** @returns the exit code. @throws {UsageError} {ConfigError} one line naming what is wrong. */
export function runManager(settings: ManagerSettings): Promise<number> {
  keepCodeSmall(MAGLEV_CALLS);
  return runManagerWith(
    {
      handlersOf: (_modules, { wol }) => wolHandlersFor(wol),
      exceptionalRights: () => [],
      provide: (container, _modules, { wol }) => provideWol(container, wol),
    },
    settings,
  );
}
