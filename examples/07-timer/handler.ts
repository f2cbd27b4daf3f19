/** Looks at the world outside once a minute, for each object. */
import { defineKind, Handler, type HandlerContext, type KubernetesObject, OnTimer, timestampOf } from 'virt-steward/framework';
import { Visitor } from './visitor';

export interface Website extends KubernetesObject {
  spec: { url: string };
  status?: { code?: number; lastVisit?: string };
}
export const Website = defineKind<Website>('example.org/v1', 'Website', 'websites', {
  scope: 'Namespaced',
  conditions: true,
  volatileStatus: ['lastVisit'], // a website that answers as before costs no write
});

@Handler()
export class WebsiteHandler {
  constructor(private readonly visitor: Visitor) {}

  /**
   * First when the Website appears, spread over 10 % of the interval so that a thousand of them do not start at once; then a minute
   * after the end of each visit. A throw (nobody answers) is retried, and shown in Ready by itself.
   */
  @OnTimer(Website, { intervalMs: 60_000, timeoutMs: 10_000, retry: { initialMs: 5_000, maxMs: 60_000 } })
  async visit({ spec }: Website, ctx: HandlerContext<Website>): Promise<void> {
    const code = await this.visitor.visit(spec.url, ctx.signal);
    ctx.status.set({ code, lastVisit: timestampOf(ctx.clock.now()) });
    const message = `answered with ${code}`;
    if (code < 400) ctx.status.condition({ type: 'Ready', status: 'True', reason: 'Answers', message });
    else ctx.status.condition({ type: 'Ready', status: 'False', reason: 'AnswersWithError', message });
  }
}

export const handlers = [WebsiteHandler];
