/** Machines in scope that no packet wakes, addresses that several want, and what the caller cannot see of the map. */

import { type Finding, ok, warn } from '../../kubevirt/diagnosis/finding';
import { unwakeableRows, wakeRows } from '../view/wake-rows';
import type { Check } from './context';

const NAMED = 3;

export const mapChecks: Check = ({ seen: { map, lacks } }) => {
  const unseen = lacks.map((lack) => warn('map', lack, 'what follows from it is not checked; ask for the right'));
  const unwakeable = [...new Set(unwakeableRows(map).map(({ vm, why }) => `${vm} ${why}`))];
  const conflicts = wakeRows(map).filter(({ losers }) => losers.length > 0);
  const findings: Finding[] = [...unseen];
  if (unwakeable.length > 0) {
    findings.push(
      warn(
        'map',
        `${unwakeable.length} virtual machines in scope that no packet wakes: ${listed(unwakeable)}`,
        'virt-steward wake --list --unwakeable',
      ),
    );
  }
  if (conflicts.length > 0) {
    const texts = conflicts.map(({ mac, vm, losers }) => `${mac} wakes ${vm}, not ${losers.join(', ')}`);
    findings.push(
      warn(
        'conflict',
        `${conflicts.length} addresses that several virtual machines claim: ${listed(texts)}`,
        'take the address from all but one, or map it by mode Explicit',
      ),
    );
  }
  return Promise.resolve(
    findings.length > 0
      ? findings
      : [ok('map', 'every virtual machine in scope is woken by some packet, and nobody fights over an address')],
  );
};

function listed(texts: readonly string[]): string {
  const shown = texts.slice(0, NAMED).join('; ');
  return texts.length <= NAMED ? shown : `${shown}; and ${texts.length - NAMED} more`;
}
