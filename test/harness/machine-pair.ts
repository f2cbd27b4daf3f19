/**
 * Two Machines, web on the cluster east and db on west: what happens to one cluster must not show on the other.
 *
 * Owns: making them run, and the proof that west is served. Never: starts or ends a cluster.
 */
import type { MachinesFixture } from './machines-fixture';

export const EAST = { annotations: { 'vitistack.io/kubevirt-config': 'east' } };
export const WEST = { annotations: { 'vitistack.io/kubevirt-config': 'west' } };

/** The virtual machines of the two. */
export const WEB_VM = { namespace: 'team-a', name: 'vm-web' };
const DB_VM = { namespace: 'team-a', name: 'vm-db' };

/** Resolves when both run; the cluster east is connected by the test. */
export async function runMachinePair(fixture: MachinesFixture): Promise<void> {
  await fixture.connect('west');
  await fixture.create('web', EAST);
  await fixture.create('db', WEST);
  await fixture.untilPhase('web', 'Running');
  await fixture.untilPhase('db', 'Running');
}

/** A change on the cluster west shows, whatever the cluster east does. Leaves db running. */
export async function expectWestServed(fixture: MachinesFixture): Promise<void> {
  await fixture.remotes.west.kubevirt.call('stop', DB_VM);
  await fixture.untilPhase('db', 'Stopped');
  await fixture.remotes.west.kubevirt.call('start', DB_VM);
  await fixture.untilPhase('db', 'Running');
}
