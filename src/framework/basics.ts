/**
 * The narrow door to the framework, for programs that never talk to an API server: settings, errors, logging, time.
 *
 * Invariant: nothing here loads the Kubernetes client, the container or the runtime. An agent runs on every node of a cluster, and the
 * whole framework costs it more memory than everything it does. `framework/index.ts` offers all of this as well.
 */
export { isOperatorError, OperatorError } from './errors/operator-error';
export { type LogFields, type Logger, type LogLevel, nullLogger } from './logging/logger';
export { WinstonLogger } from './logging/winston-logger';
export { onTermination, type SignalSource, type Termination } from './runtime/termination';
export { type ListenAddress, parseListenAddress } from './serving/address';
export { parseDurationMs } from './settings/duration';
export { type Environment, type FlagDefinition, type FlagValues, Settings } from './settings/settings';
export { UsageError } from './settings/usage-error';
export { type Clock, SystemClock, type Timer } from './time/clock';
export { sleep } from './time/sleep';
export { microTimestampOf, timestampMs, timestampOf } from './time/timestamp';
