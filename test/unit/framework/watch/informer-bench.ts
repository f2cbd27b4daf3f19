/** An informer on a scripted server and a clock that stands still, with everything it says recorded. */
import { ApiKindDiscovery } from '../../../../src/framework/cluster/kind-discovery';
import { type KubernetesObject, keyOf } from '../../../../src/framework/kinds/object';
import type { LogFields, Logger, LogLevel } from '../../../../src/framework/logging/logger';
import { FakeClock } from '../../../../src/framework/testing/fake-clock';
import {
  createInformer,
  type InformerOptions,
  type ResourceEvent,
  type ResourceInformer,
  StormLimiter,
} from '../../../../src/framework/watch';
import { ScriptedServer, Widget } from './scripted-server';

export interface LogLine {
  readonly level: LogLevel;
  readonly message: string;
  readonly fields: LogFields;
}

export interface Bench {
  readonly clock: FakeClock;
  readonly server: ScriptedServer;
  readonly discovery: ApiKindDiscovery;
  readonly informer: ResourceInformer<Widget>;
  readonly events: ResourceEvent<Widget>[];
  readonly log: LogLine[];
  /** Events in short form, `ADDED default/a`, and forgets them. */
  takeEvents(): string[];
  /** Names and sizes in the store. */
  content(): Record<string, number | undefined>;
  /** Starts and lets the first list finish. */
  sync(): Promise<void>;
}

const running: Bench[] = [];

export function informerBench(options: Partial<InformerOptions<Widget>> & { server?: ScriptedServer; clock?: FakeClock } = {}): Bench {
  const clock = options.clock ?? new FakeClock();
  const server = options.server ?? new ScriptedServer(options.kind ?? Widget);
  const log: LogLine[] = [];
  const logger = recordingLogger(log);
  const random = (): number => 0.5;
  const discovery = new ApiKindDiscovery({ transport: server, clock, logger, random });
  const informer = createInformer<Widget>({
    ...{ kind: Widget, cluster: 'local', transport: server, clock, logger, discovery, random },
    limiter: new StormLimiter(clock),
    yieldTurn: () => Promise.resolve(),
    ...options,
  });
  const events: ResourceEvent<Widget>[] = [];
  informer.subscribe((event) => events.push(event));
  const bench: Bench = {
    ...{ clock, server, discovery, informer, events, log },
    takeEvents: () => events.splice(0).map(shortForm),
    content: () => Object.fromEntries([...informer.store.list()].map((object) => [keyOf(object), object.spec?.size])),
    sync: async () => {
      informer.start();
      await clock.advance(0);
    },
  };
  running.push(bench);
  return bench;
}

/** For `afterEach`: no bench outlives its test. */
export async function stopBenches(): Promise<void> {
  for (const { informer, discovery } of running.splice(0)) {
    discovery.stop();
    await informer.stop();
  }
}

function shortForm({ type, object, initial, lost }: ResourceEvent<KubernetesObject>): string {
  return `${type} ${keyOf(object)}${initial ? ' initial' : ''}${lost ? ' lost' : ''}`;
}

function recordingLogger(lines: LogLine[], bound: LogFields = {}): Logger {
  const at =
    (level: LogLevel) =>
    (message: string, fields: LogFields = {}): void =>
      void lines.push({ level, message, fields: { ...bound, ...fields } });
  return {
    error: at('error'),
    warn: at('warn'),
    info: at('info'),
    debug: at('debug'),
    child: (fields) => recordingLogger(lines, { ...bound, ...fields }),
  };
}
