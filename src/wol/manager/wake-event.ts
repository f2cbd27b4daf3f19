/**
 * A packet that an agent reports, and what the agent is answered.
 *
 * Owns: the manager's own vocabulary, free of the wire format. Never: decides about a wake.
 */
import type { WakeReason } from '../../kubevirt/wake-reason';
import { MAX_EVENT_TEXT, PASSWORD_LENGTHS } from './limits';
import { ANY_PORT, type Channel } from './wake-claim';

export type WakeTransport = 'unspecified' | 'udp4' | 'udp6' | 'ethernet';

export interface WakeEvent {
  /** As the agent sent it, any notation. */
  readonly mac: string;
  /** When the agent read the packet, milliseconds since the epoch; `undefined` when it did not say. */
  readonly timestampMs: number | undefined;
  readonly nodeName: string;
  readonly sourceIp: string;
  readonly sourcePort: number;
  /** 0 when the agent does not tell. */
  readonly destPort: number;
  readonly transport: WakeTransport;
  /** The SecureOn password, empty when the packet had none. */
  readonly secureOn: Uint8Array;
  readonly networkInterface: string;
  readonly configName: string;
}

export type WakeStatus = 'ACCEPTED' | 'DUPLICATE' | 'VM_NOT_FOUND' | 'VM_START_INITIATED' | 'VM_ALREADY_RUNNING' | 'ERROR';

export interface WakeAnswer {
  readonly status: WakeStatus;
  /** For ERROR of the form `<Reason>: <text>`. */
  readonly message: string;
  /** Whenever a virtual machine was resolved. */
  readonly vm: { readonly name: string; readonly namespace: string; readonly currentState: string } | undefined;
  readonly wasDuplicate: boolean;
  readonly processingTimeMs: number;
}

/** What is wrong with an event, as the text of InvalidEvent; `undefined` when it may be processed. */
export function eventProblem(event: WakeEvent): string | undefined {
  const texts = [
    ['mac_address', event.mac, MAX_EVENT_TEXT.mac],
    ['node_name', event.nodeName, MAX_EVENT_TEXT.nodeName],
    ['source_ip', event.sourceIp, MAX_EVENT_TEXT.sourceIp],
    ['interface', event.networkInterface, MAX_EVENT_TEXT.networkInterface],
    ['config_name', event.configName, MAX_EVENT_TEXT.configName],
  ] as const;
  for (const [field, text, allowed] of texts) {
    if (text.length > allowed) return `${field} has ${text.length} characters; allowed: at most ${allowed}`;
  }
  const { length } = event.secureOn;
  return PASSWORD_LENGTHS.includes(length) ? undefined : `secure_on has ${length} bytes; allowed: ${PASSWORD_LENGTHS.join(', ')}`;
}

/** Where the packet came in, as configs understand it. */
export function channelOf({ transport, destPort }: Pick<WakeEvent, 'transport' | 'destPort'>): Channel {
  return transport === 'ethernet' ? 'ethernet' : destPort;
}

export function channelText(channel: Channel): string {
  if (channel === 'ethernet') return 'Ethernet frames';
  return channel === ANY_PORT ? 'any port' : `port ${channel}`;
}

export function errorText(reason: WakeReason, text: string): string {
  return `${reason}: ${text}`;
}
