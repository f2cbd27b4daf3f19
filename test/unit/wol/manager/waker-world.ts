/** A waker with everything around it: fake time, virtual machines that a test changes at will, and a scripted KubeVirt. */
import type { WolConfigSpec } from '../../../../src/api/wol/v1beta1';
import { nullLogger } from '../../../../src/framework';
import { FakeClock } from '../../../../src/framework/testing/fake-clock';
import type { CallOutcome } from '../../../../src/kubevirt/call-outcome';
import { LocalWakeTargets } from '../../../../src/wol/manager/local-wake-targets';
import { StartLimits, type StartLimitsOptions } from '../../../../src/wol/manager/start-limits';
import type { WakeAnswer, WakeEvent } from '../../../../src/wol/manager/wake-event';
import { WakeMap } from '../../../../src/wol/manager/wake-map';
import type { WakeNotification } from '../../../../src/wol/manager/wake-observer';
import { Waker, type WakerOptions } from '../../../../src/wol/manager/waker';
import { aVm, aVmi, type VmiOptions, type VmOptions } from '../../kubevirt/builders';
import { aConfig, anEvent, mac } from './builders';

export type Reply = CallOutcome | (() => CallOutcome | Promise<CallOutcome>);

export interface WorldOptions {
  spec?: WolConfigSpec;
  waker?: WakerOptions;
  limits?: StartLimitsOptions;
}

export class World {
  readonly clock = new FakeClock();
  /** `start lab/web @1234`, in the order of the calls. */
  readonly calls: string[] = [];
  readonly notifications: WakeNotification[] = [];
  readonly map = new WakeMap();
  readonly passwords = new Map<string, Uint8Array>();
  readonly targets: LocalWakeTargets;
  readonly waker: Waker;
  /** Answers to the next calls; afterwards every call is accepted. */
  readonly replies: Reply[] = [];
  ready = true;

  constructor({ spec, waker, limits }: WorldOptions = {}) {
    const call = (verb: string) => (namespace: string, name: string) =>
      this.reply(`${verb} ${namespace}/${name} @${this.clock.monotonicMs()}`);
    this.targets = new LocalWakeTargets({ start: call('start'), unpause: call('unpause') }, () => true);
    this.map.attach(this.targets);
    this.map.upsertConfig(aConfig('lab', spec));
    this.waker = new Waker(
      {
        map: this.map,
        isReady: () => this.ready,
        limits: new StartLimits(this.clock, limits),
        passwords: { passwordOf: (config) => this.passwords.get(config) },
        observer: { onWake: (notification) => this.notifications.push(notification) },
        clock: this.clock,
        logger: nullLogger,
        random: () => 0.5,
      },
      waker,
    );
  }

  /** The virtual machine lab/web with address 1, unless said otherwise. */
  vm(options: VmOptions = {}): void {
    this.targets.upsertVm(aVm({ macs: [mac(1)], ...options }));
  }

  vmi(options: VmiOptions = {}): void {
    this.targets.upsertVmi(aVmi(options));
  }

  wake(fields: Partial<WakeEvent> = {}): Promise<WakeAnswer> {
    return this.waker.wake(anEvent(mac(1), fields));
  }

  /** Wakes and lets time pass until there is an answer. */
  async answer(fields: Partial<WakeEvent> = {}, withinMs = 3_000): Promise<WakeAnswer> {
    let answer: WakeAnswer | undefined;
    const pending = this.wake(fields).then((value) => {
      answer = value;
    });
    await this.clock.advance(0);
    if (answer === undefined) await this.clock.advance(withinMs);
    await pending;
    return answer!;
  }

  /** Kinds of what the observer was told about the outcome of wakes. */
  outcomes(): string[] {
    return this.notifications
      .filter(({ kind }) => !['packet', 'answered', 'dispatched', 'waiting'].includes(kind))
      .map((notification) => ('reason' in notification ? `${notification.kind} ${notification.reason}` : notification.kind));
  }

  count(kind: WakeNotification['kind']): number {
    return this.notifications.filter((notification) => notification.kind === kind).length;
  }

  private async reply(call: string): Promise<CallOutcome> {
    this.calls.push(call);
    const reply = this.replies.shift() ?? { kind: 'accepted' };
    return typeof reply === 'function' ? reply() : reply;
  }
}

export const transient = (message = 'virt-api is away', retryAfterMs?: number): CallOutcome => ({
  kind: 'transient',
  message,
  unreachable: true,
  ...(retryAfterMs !== undefined && { retryAfterMs }),
});
