import { expect } from 'chai';
import { PersistentVolumeClaim, Secret } from '../../../../src/framework';
import { type FakeApiServer, type JournalEntry, loseResponse, stall } from '../../../../src/framework/testing';
import { Machine, NetworkConfiguration } from '../../../../src/machines/kinds';
import { RemoteVirtualMachine } from '../../../../src/machines/virtual-machine/remote-objects';
import { aMachinesWorld, endMachinesWorlds, essence, type MachinesWorld, readable } from './machines-world';

const SPEC = { disks: [{ name: 'os', sizeGB: 5 }], cloudInit: { userData: '#cloud-config\n' } };
const WRITES = ['create', 'update', 'patch', 'delete'] as const;
type Side = 'supervisor' | 'east';
interface Crash {
  readonly side: Side;
  readonly write: number;
  readonly when: 'before' | 'after';
}

/** Everything there is of Machines, on both sides. */
function endState({ supervisor, remotes }: MachinesWorld): string {
  const east = remotes['east']!;
  return readable({
    machines: supervisor.objects.list(Machine).map(essence),
    configurations: supervisor.objects.list(NetworkConfiguration).map(essence),
    vms: east.objects.list(RemoteVirtualMachine).map(essence),
    claims: east.objects.list(PersistentVolumeClaim).map(essence),
    secrets: east.objects.list(Secret).map(essence),
  });
}

const sideOf = (world: MachinesWorld, side: Side): FakeApiServer => (side === 'supervisor' ? world.supervisor : world.remotes[side]!);
const isCounted = ({ resource, path }: { resource?: string; path: string }): boolean =>
  resource !== 'leases' && resource !== 'events' && !path.includes('selfsubjectaccessreviews') && !path.includes('kubevirtconfigs/');
const writesOf = (server: FakeApiServer): JournalEntry[] => server.journal.writes().filter(isCounted);

interface Course {
  readonly name: string;
  readonly prepare: (world: MachinesWorld) => Promise<void>;
  readonly change: (world: MachinesWorld) => void;
}

const courses: readonly Course[] = [
  { name: 'a new Machine', prepare: async () => undefined, change: (world) => world.create('web', { spec: SPEC }) },
  {
    name: 'a changed Machine',
    prepare: made,
    change: ({ supervisor }) =>
      void supervisor.objects.update(Machine, 'team-a/web', (machine) => {
        machine.spec = {
          ...SPEC,
          instanceType: 'large',
          disks: [...SPEC.disks, { name: 'data', sizeGB: 1 }],
          cloudInit: { userData: 'changed' },
        };
      }),
  },
  { name: 'a deleted Machine', prepare: made, change: ({ supervisor }) => supervisor.objects.delete(Machine, 'team-a/web') },
];

async function made(world: MachinesWorld): Promise<void> {
  world.create('web', { spec: SPEC });
  await world.operator.advance(2_000);
}

/** Lets a change happen under a manager that is killed at one write and started again. */
async function sweep({ prepare, change }: Course, crash?: Crash): Promise<{ state: string; writes: Record<Side, number> }> {
  const world = await aMachinesWorld();
  await prepare(world);
  const before = { supervisor: writesOf(world.supervisor).length, east: writesOf(world.remotes['east']!).length };
  const fault =
    crash &&
    sideOf(world, crash.side).faults.add({
      on: { verb: WRITES, nth: crash.write, when: isCounted },
      do: crash.when === 'before' ? stall() : loseResponse(),
    });
  change(world);
  await world.operator.advance(2_000);
  if (fault !== undefined) {
    expect(fault.strikes, 'the write was made').to.equal(1);
    await world.operator.kill();
    fault.remove();
    await world.operator.restart();
  }
  await world.operator.advance(5_000);
  const writes = {
    supervisor: writesOf(world.supervisor).length - before.supervisor,
    east: writesOf(world.remotes['east']!).length - before.east,
  };
  return { state: endState(world), writes };
}

describe('a manager that is killed at any write for a Machine', function () {
  this.timeout(600_000);
  afterEach(endMachinesWorlds);

  for (const course of courses) {
    it(`brings ${course.name} to the same end before and after every write on either side`, async () => {
      const undisturbed = await sweep(course);
      await endMachinesWorlds();
      for (const side of ['supervisor', 'east'] as const) {
        for (let write = 1; write <= undisturbed.writes[side]; write++) {
          for (const when of ['before', 'after'] as const) {
            const disturbed = await sweep(course, { side, write, when });
            await endMachinesWorlds();
            expect(disturbed.state, `${when} write ${write} on ${side}`).to.equal(undisturbed.state);
          }
        }
      }
    });
  }
});
