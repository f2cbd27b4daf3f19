/** Greets people in their language. Nothing special: the example is its test. */
import {
  ConfigMap,
  createContainer,
  defineKind,
  Handler,
  type InjectionToken,
  inject,
  type KubernetesObject,
  PermanentError,
  Reconcile,
  type ReconcileContext,
  type ReconcileResult,
} from 'virt-steward/framework';

export interface Greeting extends KubernetesObject {
  spec: { name: string; language?: string };
  status?: { text?: string };
}
export const Greeting = defineKind<Greeting>('example.org/v1', 'Greeting', 'greetings', {
  scope: 'Namespaced',
  observedGeneration: true,
  conditions: true,
});

/** The world outside, which a test replaces. @returns `undefined` for a language nobody speaks. */
export type Dictionary = (language: string, signal: AbortSignal) => Promise<string | undefined>;
export const DICTIONARY: InjectionToken<Dictionary> = Symbol('Dictionary');
export const LOOK_AGAIN_MS = 3_600_000;

@Handler({ rbac: [{ kind: ConfigMap, verbs: ['create', 'patch'], why: 'one ConfigMap for each Greeting' }] })
export class GreetingHandler {
  constructor(@inject(DICTIONARY) private readonly hello: Dictionary) {}

  @Reconcile(Greeting, { owns: [ConfigMap] })
  async reconcile(greeting: Greeting, ctx: ReconcileContext<Greeting>): Promise<ReconcileResult> {
    const { name: person, language = 'en' } = greeting.spec;
    const word = await this.hello(language, ctx.signal);
    if (word === undefined) throw new PermanentError(`nobody speaks ${language}`, { reason: 'UnknownLanguage' });

    const text = `${word}, ${person}!`;
    const { namespace, name } = greeting.metadata!;
    const { changed } = await ctx.client.applyChild(greeting, ConfigMap, { metadata: { namespace, name }, data: { text } });
    if (changed) ctx.events.normal('Greeted', text);
    ctx.status.set({ text });
    ctx.status.condition({ type: 'Ready', status: 'True', reason: 'Greeted', message: '' });
    return { requeueAfterMs: LOOK_AGAIN_MS };
  }
}

const WORDS: Readonly<Record<string, string>> = { da: 'Hej', en: 'Hello', nb: 'Hei' };
const spoken: Dictionary = async (language) => WORDS[language];
const container = createContainer();
container.registerInstance(DICTIONARY, spoken);

export const handlers = [GreetingHandler];
export const options = { container };
