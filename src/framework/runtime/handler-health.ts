/** Liveness: handlers that ignore their signal hold keys for ever; when there are too many, only a restart frees them. */
import type { KeyedQueue } from '../queue/keyed-queue';
import type { HealthCheck } from '../serving/checks';

/** A queue with this many times its workers in abandoned runs is not going to recover. */
const ABANDONED_PER_WORKER = 2;

type WatchedQueue = Pick<KeyedQueue, 'name' | 'workers' | 'abandoned'>;

export function handlersCheck(queues: () => readonly WatchedQueue[]): HealthCheck {
  return {
    name: 'handlers',
    run: () => {
      const stuck = queues().filter(({ abandoned, workers }) => abandoned >= ABANDONED_PER_WORKER * workers);
      const detail = stuck.map(({ name, abandoned }) => `${abandoned} runs of ${name} ignore their signal`).join('; ');
      return { state: stuck.length === 0 ? 'ok' : 'failed', detail };
    },
  };
}
