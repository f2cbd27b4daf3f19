/** Asks for web pages. A class of its own, so that a test can take its place. */
import { singleton } from 'virt-steward/framework';

@singleton()
export class Visitor {
  /** @returns the HTTP status. @throws when there is no answer before `signal` aborts. */
  async visit(url: string, signal: AbortSignal): Promise<number> {
    const response = await fetch(url, { method: 'HEAD', signal });
    return response.status;
  }
}
