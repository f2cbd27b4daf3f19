/**
 * Ethernet frames of all interfaces of the node.
 *
 * Owns: one packet socket an interface, opened and closed as interfaces come and go. Never: ends the agent, which works on with UDP.
 *
 * Expected flow: `follow` with every look at the interfaces; sockets of interfaces that went are closed, those that broke or could not be
 * opened are tried again.
 * Guarantees: a flood of frames never holds up anything else for long; a problem is logged when it appears and when it ends.
 */
import type { Logger } from '../../../framework/basics';
import type { NetworkInterface } from '../interfaces';
import { parseWakeFrame, type WakeFrame } from './ethernet-frame';
import type { PacketSocket, PacketSockets } from './packet-socket';
import { rawInterfaces } from './raw-interfaces';

/** Frames read of one interface before anything else gets its turn. */
const FRAMES_PER_TURN = 64;

export interface ReceivedFrame extends WakeFrame {
  /** The interface it came in on. */
  readonly interfaceName: string;
}

export interface RawReceptionDependencies {
  /** Called once, with the first look at the interfaces: the library behind it is big. */
  load(): Promise<PacketSockets>;
  onFrame(frame: ReceivedFrame): void;
  /** The interfaces or the problem changed. */
  onChange(): void;
  logger: Logger;
}

interface Listening {
  readonly on: NetworkInterface;
  readonly socket: PacketSocket;
}

export class RawReception {
  /** By `name#index`: a name may come back as another interface. */
  private readonly listening = new Map<string, Listening>();
  private sockets: PacketSockets | undefined;
  private currentProblem: string | undefined;
  private closed = false;

  constructor(private readonly deps: RawReceptionDependencies) {}

  /** Names of the interfaces that are listened to, sorted. */
  get interfaces(): string[] {
    return [...this.listening.values()].map(({ on }) => on.name).sort();
  }

  /** One line, while frames of some interface, or of all, are not received. */
  get problem(): string | undefined {
    return this.currentProblem;
  }

  /** Listens to what is to be listened to now, and to nothing else. */
  async follow(all: readonly NetworkInterface[]): Promise<void> {
    const before = this.interfaces.join();
    const wanted = new Map(rawInterfaces(all).map((one) => [`${one.name}#${one.index}`, one]));
    for (const [key, { socket }] of this.listening) {
      if (wanted.has(key)) continue;
      socket.close();
      this.listening.delete(key);
    }
    const problem = await this.openMissing(wanted);
    if (this.closed || (problem === this.currentProblem && this.interfaces.join() === before)) return;
    this.tell(problem);
    this.deps.onChange();
  }

  /** Frames that the kernel dropped since the last call because the agent did not read fast enough. */
  takeDrops(): number {
    return [...this.listening.values()].reduce((sum, { socket }) => sum + socket.drops(), 0);
  }

  close(): void {
    this.closed = true;
    for (const { socket } of this.listening.values()) socket.close();
    this.listening.clear();
  }

  /** @returns why some interface is not listened to. */
  private async openMissing(wanted: ReadonlyMap<string, NetworkInterface>): Promise<string | undefined> {
    if (wanted.size === 0) return 'no interface can be listened to';
    try {
      this.sockets ??= await this.deps.load();
    } catch (error) {
      return (error as Error).message;
    }
    let problem: string | undefined;
    for (const [key, on] of wanted) {
      if (this.closed || this.listening.has(key)) continue;
      try {
        this.listening.set(key, { on, socket: this.sockets.open(on, () => this.drain(key)) });
      } catch (error) {
        problem ??= `${on.name}: ${(error as Error).message}`;
      }
    }
    return problem;
  }

  /** The event loop calls again while more is there. */
  private drain(key: string): void {
    const one = this.listening.get(key);
    if (one === undefined) return;
    try {
      for (let left = FRAMES_PER_TURN; left > 0; left--) {
        const raw = one.socket.read();
        if (raw === undefined) return;
        const frame = parseWakeFrame(raw.bytes, raw.strippedTag);
        if (frame !== undefined) this.handOn(one.on, frame);
      }
    } catch (error) {
      // Its interface went down or away; the next look at the interfaces tells.
      this.deps.logger.debug('packet socket lost', { interface: one.on.name, cause: (error as Error).message });
      one.socket.close();
      this.listening.delete(key);
    }
  }

  /** On a VLAN sub-interface the outermost tag is the interface itself. */
  private handOn({ name, vlanId }: NetworkInterface, frame: WakeFrame): void {
    this.deps.onFrame({ ...frame, vlanId: vlanId ?? frame.vlanId, interfaceName: name });
  }

  private tell(problem: string | undefined): void {
    if (problem !== undefined && this.currentProblem === undefined)
      this.deps.logger.warn('Ethernet frames are not received on every interface; UDP is', { cause: problem });
    else if (problem === undefined) this.deps.logger.info('Ethernet frames are received', { interfaces: this.interfaces });
    this.currentProblem = problem;
  }
}
