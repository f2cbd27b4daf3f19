/**
 * Lets expressions, which are evaluated without waiting, ask the cluster.
 *
 * Expected flow: an expression asks for what is not known yet -> its evaluation stops -> the answer is awaited -> it is evaluated again.
 * Guarantees: within one scope a question has one answer; a failed look-up fails whatever asked, also where the language would absorb
 * the error (`a || b`, optional access), so that nothing renders as if the object were not there.
 */
import type { KubernetesObject } from '../../framework';
import type { LookUps } from '../context/asset-context';
import { ExpressionError } from './expression-error';

type Answer = { readonly value: unknown } | { readonly error: unknown };

/** An evaluation cannot go on before a look-up is answered. Never leaves this folder. */
export class UnansweredLookUp extends Error {}

/** Enough for every chain of look-ups in which one answer decides the next question. */
const MAX_ROUNDS = 100;

export class LookUpMemo {
  private readonly answers = new Map<string, Answer>();
  private readonly unanswered = new Map<string, () => Promise<unknown>>();
  /** What fails the evaluation even if the expression went on without it. */
  private fatal: unknown;

  constructor(private readonly lookUps: LookUps) {}

  get(apiVersion: string, kind: string, namespace: string, name: string): KubernetesObject | undefined {
    const question = () => this.lookUps.get(apiVersion, kind, namespace, name);
    return this.answer(['get', apiVersion, kind, namespace, name], question) as KubernetesObject | undefined;
  }

  list(apiVersion: string, kind: string, namespace: string): readonly KubernetesObject[] {
    return this.answer(['list', apiVersion, kind, namespace], () => this.lookUps.list(apiVersion, kind, namespace)) as KubernetesObject[];
  }

  has(apiVersion: string, kind: string): boolean {
    return this.lookUps.has(apiVersion, kind);
  }

  schemaOf(apiVersion: string, kind: string): unknown {
    return this.answer(['schema', apiVersion, kind], () => this.lookUps.schemaOf(apiVersion, kind));
  }

  /** Remembers an error that no expression may absorb, and throws it. */
  fail(error: unknown): never {
    this.fatal ??= error;
    throw error;
  }

  /** Evaluates again and again, until every look-up that the evaluation made is answered. */
  async settled<T>(evaluate: () => T): Promise<T> {
    for (let round = 0; round < MAX_ROUNDS; round++) {
      const outcome = this.attempt(evaluate);
      if (this.unanswered.size === 0) return outcome();
      await this.ask();
    }
    throw new ExpressionError(`the expression made look-ups in more than ${MAX_ROUNDS} rounds`);
  }

  private attempt<T>(evaluate: () => T): () => T {
    this.fatal = undefined;
    try {
      const value = evaluate();
      const { fatal } = this;
      return () => {
        if (fatal !== undefined) throw fatal;
        return value;
      };
    } catch (error) {
      const fatal = this.fatal ?? error;
      return () => {
        throw fatal;
      };
    }
  }

  private answer(question: readonly string[], ask: () => Promise<unknown>): unknown {
    const key = JSON.stringify(question);
    const known = this.answers.get(key);
    if (known === undefined) {
      this.unanswered.set(key, ask);
      throw new UnansweredLookUp();
    }
    if ('value' in known) return known.value;
    const text = question.slice(1).filter((part) => part !== '');
    this.fail(
      new ExpressionError(`look-up of ${text.join(' ')} failed: ${messageOf(known.error)}`, { isTransient: true, cause: known.error }),
    );
  }

  private async ask(): Promise<void> {
    const questions = [...this.unanswered];
    this.unanswered.clear();
    const answers = await Promise.allSettled(questions.map(([, ask]) => ask()));
    for (const [index, answer] of answers.entries()) {
      this.answers.set(questions[index]![0], answer.status === 'fulfilled' ? { value: answer.value } : { error: answer.reason });
    }
  }
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
