/**
 * Reports packets to a manager as an agent does, and hands back the answer: faster and more exact than a packet.
 *
 * Owns: one connection. Never: drops repeats or retries, which a real agent does.
 */
import { credentials } from '@grpc/grpc-js';
import { expect } from 'chai';
import { ANSWER_WITHIN_MS } from '../../src/wol/manager/limits';
import { ResponseStatus, Transport } from '../../src/wol/protocol/generated/wol-descriptor';
import { WolClient } from '../../src/wol/protocol/wol-client';
import { poll } from './poll';

export type StatusName = keyof typeof ResponseStatus;

export interface Answer {
  readonly status: StatusName;
  readonly message: string;
  /** `namespace/name`; empty when no virtual machine was resolved. */
  readonly vm: string;
  readonly wasDuplicate: boolean;
  /** How long the manager took for it, by its own clock. */
  readonly processingMs: number;
}

/** Answers that mean: the map knows the address and the machine is, or will be, on. */
const KNOWN: readonly StatusName[] = ['VM_START_INITIATED', 'VM_ALREADY_RUNNING', 'DUPLICATE', 'ACCEPTED'];

/** Timers count in whole milliseconds. */
const ROUNDING_MS = 10;

/**
 * Whether the manager says that it has started the machine. That work goes on is as good where KubeVirt has taken longer than the
 * manager waits for it, as on a busy machine, and nowhere else.
 */
export function saysStarted({ status, message, processingMs }: Answer): boolean {
  const isLate = processingMs >= ANSWER_WITHIN_MS - ROUNDING_MS;
  return status === 'VM_START_INITIATED' || (status === 'ACCEPTED' && message === 'work goes on' && isLate);
}

/** @param vm `namespace/name`. @throws {AssertionError} when the answer is another one than that the machine is started. */
export function expectStarted(answer: Answer, vm: string): void {
  expect(saysStarted(answer), JSON.stringify(answer)).to.equal(true);
  expect(answer.vm).to.equal(vm);
}

const STARTED: readonly StatusName[] = ['VM_START_INITIATED', 'ACCEPTED'];

export class ReportingAgent {
  private readonly client: WolClient;

  constructor(grpcPort: number) {
    this.client = new WolClient(`127.0.0.1:${grpcPort}`, credentials.createInsecure());
  }

  /** @param port 0 = any. @param secureOn the password in the packet. @throws {RpcStatusError} when the manager cannot answer yet. */
  async report(mac: string, port = 9, secureOn: Uint8Array = new Uint8Array()): Promise<Answer> {
    const now = Date.now();
    const event = {
      macAddress: mac,
      timestamp: { seconds: Math.floor(now / 1_000), nanos: (now % 1_000) * 1e6 },
      nodeName: 'test-node',
      sourceIp: '192.0.2.7',
      sourcePort: 40_000,
      packetSize: 102,
      destPort: port,
      transport: Transport.TRANSPORT_UDP4,
      secureOn,
    };
    const { status, message, vmInfo, wasDuplicate, processingTimeMs } = await this.client.reportEvent(event).response;
    const name = Object.entries(ResponseStatus).find(([, number]) => number === status)?.[0] ?? 'UNKNOWN';
    const vm = vmInfo === undefined ? '' : `${vmInfo.namespace}/${vmInfo.name}`;
    return { status: name as StatusName, message, vm, wasDuplicate, processingMs: processingTimeMs };
  }

  /** Reports until the answer is about this virtual machine (`namespace/name`) and no error. */
  async untilWakes(mac: string, vm: string, { port = 9 }: UntilOptions = {}): Promise<Answer> {
    return this.until(`${mac} on port ${port} to wake ${vm}`, mac, port, (answer) => KNOWN.includes(answer.status) && answer.vm === vm);
  }

  /** The same of a virtual machine that has just stopped: a manager that has not heard of it yet answers that it runs. */
  async untilStarts(mac: string, vm: string, { port = 9 }: UntilOptions = {}): Promise<Answer> {
    return this.until(`${mac} on port ${port} to start ${vm}`, mac, port, (answer) => STARTED.includes(answer.status) && answer.vm === vm);
  }

  /** Reports until no config knows the address. */
  async untilUnknown(mac: string, { port = 9 }: UntilOptions = {}): Promise<Answer> {
    return this.until(`${mac} on port ${port} to be unknown`, mac, port, ({ status }) => status === 'VM_NOT_FOUND');
  }

  close(): void {
    this.client.close();
  }

  private until(what: string, mac: string, port: number, isIt: (answer: Answer) => boolean): Promise<Answer> {
    let last: Answer | undefined;
    const probe = async (): Promise<Answer | undefined> => {
      last = await this.report(mac, port);
      return isIt(last) ? last : undefined;
    };
    return poll(what, probe, { onTimeout: () => `last answer: ${JSON.stringify(last)}` });
  }
}

export interface UntilOptions {
  /** @default 9 */
  port?: number;
}
