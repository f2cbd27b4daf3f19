/**
 * Sizes of boot images, asked for beside the passes that need them.
 *
 * Expected flow: a pass asks -> `asking` until the server has answered, or has not in time -> the next pass takes the size.
 * Guarantees: no worker waits; at most 8 servers are asked at a time; what nobody takes is forgotten at 1,000.
 * Caveats: in memory; after a restart it is asked again. Errors: none; what could not be found out is a size as well.
 */
import { CLOCK, type Clock, inject, LOGGER, type Logger, singleton, sleep } from '../../framework';
import { MACHINES_SETTINGS, type MachinesSettings } from '../settings';
import { DEFAULT_ISO_SIZE, isoSizeFor } from '../virtual-machine/boot-image';
import { askImageSize } from './ask-image-size';
import { ImageAddresses } from './image-address';

const LIMIT_MS = 10_000;
const AT_A_TIME = 8;
const MAX_REMEMBERED = 1_000;

interface Question {
  readonly url: string;
  /** `undefined` = it is being asked for. */
  size: string | undefined;
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

  /** @returns size of a volume for the image, once; `asking` = look again. */
  take(machineUid: string, machine: string, url: string): string | 'asking' {
    const known = this.questions.get(machineUid);
    if (known?.url === url) {
      if (known.size === undefined) return 'asking';
      this.questions.delete(machineUid);
      return known.size;
    }
    if (this.asked >= AT_A_TIME) return 'asking';
    const question: Question = { url, size: undefined };
    if (this.questions.size >= MAX_REMEMBERED) this.questions.delete(this.questions.keys().next().value ?? '');
    this.questions.set(machineUid, question);
    void this.answer(question, machine);
    return 'asking';
  }

  /** Servers that are being asked. */
  get underWay(): number {
    return this.asked;
  }

  forget(machineUid: string): void {
    this.questions.delete(machineUid);
  }

  private async answer(question: Question, machine: string): Promise<void> {
    this.asked += 1;
    const limit = new AbortController();
    const done = new AbortController();
    sleep(this.clock, LIMIT_MS, done.signal).then(
      () => limit.abort(),
      () => undefined,
    );
    try {
      question.size = isoSizeFor(await askImageSize(question.url, { addresses: this.addresses, signal: limit.signal }));
    } catch (error) {
      question.size = DEFAULT_ISO_SIZE;
      const cause = error instanceof TypeError ? 'its address cannot be read' : (error as Error).message;
      this.logger.warn('the size of a boot image could not be found out', { machine, size: DEFAULT_ISO_SIZE, cause });
    } finally {
      done.abort();
      this.asked -= 1;
    }
  }
}
