/**
 * The services of the contract as @grpc/grpc-js wants them.
 *
 * Owns: how messages become bytes and back. Never: opens a connection.
 * Invariant: nothing is read from disk; unknown fields are skipped; a decoded message has every scalar field.
 * Bytes are `Uint8Array`, 64-bit integers are numbers (counters and milliseconds stay far below 2^53), enums are their numbers,
 * so that a value of a newer release passes through unchanged.
 */
import { logVerbosity, type MethodDefinition, type ServiceDefinition, setLogVerbosity } from '@grpc/grpc-js';
import { fromJSON, type Options } from '@grpc/proto-loader';
import {
  type HealthCheckRequest as GrpcHealthRequest,
  type HealthCheckResponse as GrpcHealthResponse,
  HEALTH_DESCRIPTOR,
} from './generated/health-descriptor';
import {
  type AgentStatus,
  type AgentStatusAck,
  type HealthCheckRequest,
  type HealthCheckResponse,
  WOL_DESCRIPTOR,
  type WOLEvent,
  type WOLEventResponse,
} from './generated/wol-descriptor';

export const WOL_SERVICE_NAME = 'wol.v1.WOLService';
export const HEALTH_SERVICE_NAME = 'grpc.health.v1.Health';

/** What a sender may leave out: absent means zero, empty or false, as proto3 has it. */
export type Outgoing<Message> = { [Field in keyof Message]?: Message[Field] | undefined };

type Method<Request, Response> = MethodDefinition<Outgoing<Request>, Outgoing<Response>> & {
  requestDeserialize(bytes: Buffer): Request;
  responseDeserialize(bytes: Buffer): Response;
};

export type WolServiceDefinition = Readonly<{
  ReportWOLEvent: Method<WOLEvent, WOLEventResponse>;
  ReportWOLEventStream: Method<WOLEvent, WOLEventResponse>;
  HealthCheck: Method<HealthCheckRequest, HealthCheckResponse>;
  ReportAgentStatus: Method<AgentStatus, AgentStatusAck>;
}>;

export type HealthServiceDefinition = Readonly<{
  Check: Method<GrpcHealthRequest, GrpcHealthResponse>;
  Watch: Method<GrpcHealthRequest, GrpcHealthResponse>;
}>;

// grpc-js would print to stderr what its callers get as an error anyway, and break a log of JSON lines.
setLogVerbosity(logVerbosity.NONE);

const DECODING: Options = { longs: Number, defaults: true };

export const wolService = serviceOf(WOL_DESCRIPTOR, WOL_SERVICE_NAME) as unknown as WolServiceDefinition;
export const healthService = serviceOf(HEALTH_DESCRIPTOR, HEALTH_SERVICE_NAME) as unknown as HealthServiceDefinition;

function serviceOf(descriptor: Readonly<Record<string, unknown>>, name: string): ServiceDefinition {
  const methods = fromJSON(descriptor as Parameters<typeof fromJSON>[0], DECODING)[name] as ServiceDefinition;
  return Object.fromEntries(Object.entries(methods).map(([method, definition]) => [method, canonical(definition)]));
}

/** Leaves defaults off the wire, as the canonical proto3 encoding does, and absent messages out of the decoded object. */
function canonical(method: MethodDefinition<object, object>): MethodDefinition<object, object> {
  return {
    ...method,
    requestSerialize: (message) => method.requestSerialize(withoutDefaults(message)),
    responseSerialize: (message) => method.responseSerialize(withoutDefaults(message)),
    requestDeserialize: (bytes) => withoutAbsent(method.requestDeserialize(bytes)),
    responseDeserialize: (bytes) => withoutAbsent(method.responseDeserialize(bytes)),
  };
}

function withoutDefaults(message: object): object {
  return Object.fromEntries(
    Object.entries(message).flatMap(([field, value]: [string, unknown]): [string, unknown][] => {
      if (Array.isArray(value)) return [[field, value.map((item: unknown) => (isMessage(item) ? withoutDefaults(item) : item))]];
      if (isMessage(value)) return [[field, withoutDefaults(value)]];
      return isDefault(value) ? [] : [[field, value]];
    }),
  );
}

function isMessage(value: unknown): value is object {
  return typeof value === 'object' && value !== null && !(value instanceof Uint8Array);
}

function isDefault(value: unknown): boolean {
  return value instanceof Uint8Array ? value.length === 0 : value === undefined || value === '' || value === 0 || value === false;
}

/** protobufjs writes `null` for a message field that was not sent. */
function withoutAbsent(message: object): object {
  const fields = message as Record<string, unknown>;
  for (const field of Object.keys(fields)) if (fields[field] === null) delete fields[field];
  return message;
}
