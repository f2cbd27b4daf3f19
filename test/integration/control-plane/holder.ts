/**
 * A process that has a control plane and ends in the way it is told to: `wait` (to be killed), `exit`, `throw`, `stop`.
 *
 * Prints one JSON line, {@link Held}, when the control plane is ready.
 */
import { startControlPlane } from '../../../hack/control-plane';

export interface Held {
  readonly directory: string;
  readonly pids: number[];
}

async function hold(ending: string | undefined): Promise<void> {
  const controlPlane = await startControlPlane();
  const held: Held = { directory: controlPlane.directory, pids: [...controlPlane.pids.values()] };
  await new Promise<void>((resolve) => process.stdout.write(`${JSON.stringify(held)}\n`, () => resolve()));
  if (ending === 'stop') await controlPlane.stop();
  if (ending === 'throw') throw new Error('thrown on purpose');
  if (ending === 'wait') setInterval(() => {}, 60_000);
}

void hold(process.argv[2]);
