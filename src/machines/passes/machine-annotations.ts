/** Writes an annotation of a Machine, guarded by what was read. */
import { keyOf } from '../../framework';
import { Machine } from '../kinds';
import type { MachinePass } from './machine-pass-context';

/** @param value `undefined` takes it away. A value that is there already costs nothing. */
export async function annotateMachine(
  pass: Pick<MachinePass, 'machine' | 'local'>,
  annotation: string,
  value: string | undefined,
): Promise<void> {
  const { annotations, uid } = pass.machine.metadata ?? {};
  const present = annotations?.[annotation];
  if (present === value) return;
  const path = `/metadata/annotations/${annotation.replaceAll('~', '~0').replaceAll('/', '~1')}`;
  pass.machine = await pass.local.patch(Machine, keyOf(pass.machine), [
    { op: 'test', path: '/metadata/uid', value: uid },
    ...(present === undefined ? [] : [{ op: 'test' as const, path, value: present }]),
    ...(annotations === undefined ? [{ op: 'add' as const, path: '/metadata/annotations', value: {} }] : []),
    value === undefined ? { op: 'remove' as const, path } : { op: 'add' as const, path, value },
  ]);
}
