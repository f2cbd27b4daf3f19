/**
 * Sizes of boot images, asked for beside the passes that need them.
 *
 * Expected flow: a pass asks -> `asking` until the server has answered, or has not in time -> each later pass gets the size -> forgotten
 * once the virtual machine is made. What is only assumed is asked for again, at most once a minute, while passes go on asking.
 * Guarantees: no worker waits; at most 8 servers are asked at a time; 10,000 answers are remembered.
 * Caveats: in memory; after a restart it is asked again. Errors: none; what could not be found out is a size as well.
 */
import { CLOCK, type Clock, inject, LOGGER, type Logger, singleton, sleep } from '../../framework';
import { MACHINES_SETTINGS, type MachinesSettings } from '../settings';
import { DEFAULT_ISO_SIZE, isoSizeFor } from '../virtual-machine/boot-image';
import { askImageSize } from './ask-image-size';
import { ImageAddresses } from './image-address';

const LIMIT_MS = 10_000;
const AT_A_TIME = 8;
const MAX_REMEMBERED = 10_000;

/** An assumed size may turn out to be another one. */
const ASSUMED_MS = 60_000;

export interface ImageSize {
  readonly size: string;
  /** The server did not tell it. */
  readonly isAssumed: boolean;
}

interface Question {
  readonly url: string;
  /** `undefined` = there was none yet. */
  answer: ImageSize | undefined;
  isUnderWay: boolean;
  /** When it was answered, monotonic milliseconds. */
  answeredMs: number;
}

@singleton()
export class BootImages {
  private readonly questions = new Map<string, Question>();
  private readonly addresses: ImageAddresses;
  private asked = 0;

  constructor(
    @inject(CLOCK) private readonly clock: Clock,
    @inject(LOGGER) private readonly logger: Logger,
    @inject(MACHINES_SETTINGS) settings: MachinesSettings,
  ) {
    this.addresses = new ImageAddresses(settings.bootImageProbeAllowed, process.env['KUBERNETES_SERVICE_HOST']);
  }

  /** @returns size of a volume for the image; `asking` = look again. */
  sizeOf(machineUid: string, machine: string, url: string): ImageSize | 'asking' {
    const known = this.questions.get(machineUid);
    if (known?.url !== url) {
      if (this.asked < AT_A_TIME) this.begin(machineUid, machine, url);
      return 'asking';
    }
    const { answer, isUnderWay, answeredMs } = known;
    if (answer === undefined) return 'asking';
    const isOld = answer.isAssumed && this.clock.monotonicMs() - answeredMs >= ASSUMED_MS;
    // The old answer holds until there is a better one.
    if (isOld && !isUnderWay && this.asked < AT_A_TIME) void this.ask(known, machine);
    return answer;
  }

  /** Servers that are being asked. */
  get underWay(): number {
    return this.asked;
  }

  forget(machineUid: string): void {
    this.questions.delete(machineUid);
  }

  private begin(machineUid: string, machine: string, url: string): void {
    const question: Question = { url, answer: undefined, isUnderWay: false, answeredMs: 0 };
    this.questions.delete(machineUid);
    if (this.questions.size >= MAX_REMEMBERED) this.questions.delete(this.questions.keys().next().value ?? '');
    this.questions.set(machineUid, question);
    void this.ask(question, machine);
  }

  private async ask(question: Question, machine: string): Promise<void> {
    this.asked += 1;
    question.isUnderWay = true;
    const limit = new AbortController();
    const done = new AbortController();
    sleep(this.clock, LIMIT_MS, done.signal).then(
      () => limit.abort(),
      () => undefined,
    );
    try {
      const bytes = await askImageSize(question.url, { addresses: this.addresses, signal: limit.signal });
      question.answer = { size: isoSizeFor(bytes), isAssumed: false };
    } catch (error) {
      const isFirst = question.answer === undefined;
      question.answer ??= { size: DEFAULT_ISO_SIZE, isAssumed: true };
      // Once for each image that is wanted.
      if (!isFirst) return;
      const cause = error instanceof TypeError ? 'its address cannot be read' : (error as Error).message;
      this.logger.warn('the size of a boot image could not be found out', { machine, size: DEFAULT_ISO_SIZE, cause });
    } finally {
      done.abort();
      question.isUnderWay = false;
      question.answeredMs = this.clock.monotonicMs();
      this.asked -= 1;
    }
  }
}
