/** Says what went wrong by what is thrown: that decides when to try again, and what people see on the object. */
import {
  ConfigMap,
  defineKind,
  Handler,
  type KubernetesObject,
  PermanentError,
  Reconcile,
  type ReconcileContext,
  TemporaryError,
} from 'virt-steward/framework';

export interface Greeting extends KubernetesObject {
  spec: { name: string; language?: string; dictionary?: string };
  status?: { text?: string; observedGeneration?: number };
}
export const Greeting = defineKind<Greeting>('example.org/v1', 'Greeting', 'greetings', {
  scope: 'Namespaced',
  observedGeneration: true,
  conditions: true, // failures show as Ready=False, with the reason and the message of what was thrown
});

@Handler({ rbac: [{ kind: ConfigMap, verbs: ['get'], why: 'the dictionary that a Greeting names' }] })
export class GreetingHandler {
  @Reconcile(Greeting)
  async reconcile({ metadata, spec }: Greeting, ctx: ReconcileContext<Greeting>): Promise<void> {
    const { name, language = 'en', dictionary } = spec;
    // The object asks for something impossible. Shown at once; not tried again before the object changes.
    if (dictionary === undefined) throw new PermanentError('spec.dictionary is missing', { reason: 'NoDictionary' });

    // Whatever the client throws is neither: shown at once when it is not passing by nature, tried again with growing pauses.
    const words = await ctx.client.find(ConfigMap, `${metadata!.namespace}/${dictionary}`);

    // Not there yet, which is normal and passes. Tried again after 10 s; shown from the third time on.
    if (words === undefined) {
      throw new TemporaryError(`waiting for the ConfigMap ${dictionary}`, { reason: 'DictionaryMissing', delayMs: 10_000 });
    }
    const word = words.data?.[language];
    if (word === undefined) throw new PermanentError(`${dictionary} has no word for ${language}`, { reason: 'UnknownLanguage' });

    ctx.status.set({ text: `${word}, ${name}!` });
    ctx.status.condition({ type: 'Ready', status: 'True', reason: 'Greeted', message: '' });
  }
}

export const handlers = [GreetingHandler];
