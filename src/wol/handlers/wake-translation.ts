/** Between the messages of the gRPC contract and the words of the waker. Pure. */
import type { WakeAnswer, WakeEvent, WakeTransport } from '../manager/wake-event';
import { ResponseStatus, Transport, type WOLEvent, type WOLEventResponse } from '../protocol/generated/wol-descriptor';
import { timestampToMs } from '../protocol/timestamp';

const TRANSPORTS: Readonly<Record<number, WakeTransport>> = {
  [Transport.TRANSPORT_UDP4]: 'udp4',
  [Transport.TRANSPORT_UDP6]: 'udp6',
  [Transport.TRANSPORT_ETHERNET]: 'ethernet',
};

export function wakeEventOf(event: WOLEvent): WakeEvent {
  return {
    mac: event.macAddress,
    timestampMs: timestampToMs(event.timestamp),
    nodeName: event.nodeName,
    sourceIp: event.sourceIp,
    sourcePort: event.sourcePort,
    destPort: event.destPort,
    transport: TRANSPORTS[event.transport] ?? 'unspecified',
    secureOn: event.secureOn,
    networkInterface: event.interface,
    configName: event.configName,
  };
}

export function responseOf({ status, message, vm, wasDuplicate, processingTimeMs }: WakeAnswer): WOLEventResponse {
  return { status: ResponseStatus[status], message, vmInfo: vm, wasDuplicate, processingTimeMs };
}
