/**
 * Handlers that are told what happened, not only how things are.
 *
 * They run in the same order and the same queue as `@Reconcile`, at least once, and so must be idempotent. Where the question is what
 * should be, `@Reconcile` is the simpler answer.
 */
import {
  defineKind,
  type FieldChange,
  Handler,
  type HandlerContext,
  type KubernetesObject,
  OnCreate,
  OnField,
  OnResume,
  OnUpdate,
  type Update,
} from 'virt-steward/framework';

export interface Greeting extends KubernetesObject {
  spec: { name: string; language?: string };
  status?: { observedGeneration?: number };
}
export const Greeting = defineKind<Greeting>('example.org/v1', 'Greeting', 'greetings', {
  scope: 'Namespaced',
  observedGeneration: true, // proves after a restart which Greetings were handled
  conditions: true,
});

@Handler()
export class GreetingHooks {
  /** Once for each Greeting, also for those that came while nobody was there. */
  @OnCreate(Greeting)
  welcome({ spec }: Greeting, ctx: HandlerContext<Greeting>): void {
    ctx.events.normal('Welcome', `nice to meet you, ${spec.name}`);
  }

  /** Once for each Greeting and start of the process: those that were handled in an earlier life. */
  @OnResume(Greeting)
  remember({ spec }: Greeting, ctx: HandlerContext<Greeting>): void {
    ctx.log.info('seen before', { name: spec.name });
  }

  /** After a change; `old` is the state this method last succeeded with, so several edits may come as one. */
  @OnUpdate(Greeting, { field: 'spec' })
  changed({ diff }: Update<Greeting>, ctx: HandlerContext<Greeting>): void {
    for (const { op, path, value } of diff) ctx.log.info('changed', { op, path, value });
  }

  /** After a change of one field, and on first sight, with `old` undefined. */
  @OnField(Greeting, 'spec.name')
  renamed({ old, value }: FieldChange<Greeting, string>, ctx: HandlerContext<Greeting>): void {
    if (old !== undefined) ctx.events.normal('Renamed', `${old} is ${value} now`);
  }
}

export const handlers = [GreetingHooks];
