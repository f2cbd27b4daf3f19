/** Tells on the object itself what came of it: status fields, conditions, Events. */
import { defineKind, Handler, type KubernetesObject, Reconcile, type ReconcileContext, timestampOf } from 'virt-steward/framework';

export interface Greeting extends KubernetesObject {
  spec: { name: string; language?: string };
  status?: { text?: string; lastGreeted?: string; observedGeneration?: number };
}
export const Greeting = defineKind<Greeting>('example.org/v1', 'Greeting', 'greetings', {
  scope: 'Namespaced',
  observedGeneration: true, // the framework writes status.observedGeneration
  conditions: true, // status.conditions is there, so a failure shows in Ready by itself
  volatileStatus: ['lastGreeted'], // a change of this field alone is not worth a write
});

const WORDS: Readonly<Record<string, string>> = { de: 'Hallo', en: 'Hello', fr: 'Bonjour' };

@Handler()
export class GreetingHandler {
  /** What is staged here is written once, after the method has returned or thrown, and only if something differs. */
  @Reconcile(Greeting)
  async reconcile({ spec, status }: Greeting, ctx: ReconcileContext<Greeting>): Promise<void> {
    const { name, language = 'en' } = spec;
    const word = WORDS[language];
    const text = word === undefined ? undefined : `${word}, ${name}!`;
    ctx.status.set({ text, lastGreeted: timestampOf(ctx.clock.now()) }); // an undefined field is removed
    if (text === undefined) {
      const message = `no word for the language ${language}; known: ${Object.keys(WORDS).join(', ')}`;
      ctx.status.condition({ type: 'Ready', status: 'False', reason: 'UnknownLanguage', message });
      return;
    }
    ctx.status.condition({ type: 'Ready', status: 'True', reason: 'Greeted', message: '' });
    if (text !== status?.text) ctx.events.normal('Greeted', text);
  }
}

export const handlers = [GreetingHandler];
