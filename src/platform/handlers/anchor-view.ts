/**
 * The anchor as people have annotated it, and what they have to correct there.
 *
 * Owns: reading its annotations. Never: chooses the anchor; that is up to the context.
 */
import type { KubernetesObject } from '../../framework';
import { anchorMistakesOf } from '../context/anchor-mistakes';
import type { ContextState } from '../context/context-state';
import { EXCLUSIONS_ANNOTATION, ROLLOUT_ANNOTATION } from '../keys';
import type { ModuleReporter } from '../observability/module-reporter';
import type { Exclusions } from '../overrides/exclusions';
import type { RolloutMode } from '../rollout/rollout-mode';
import { rolloutModeOf } from '../rollout/rollout-mode';

type Mistakes = ReturnType<ConstructorParameters<typeof ModuleReporter>[0]['mistakes']>;

export class AnchorView {
  constructor(
    private readonly state: () => ContextState | undefined,
    private readonly exclusions: Exclusions,
  ) {}

  get object(): KubernetesObject | undefined {
    const choice = this.state()?.anchor;
    return choice !== undefined && 'object' in choice ? choice.object : undefined;
  }

  get rolloutMode(): RolloutMode {
    return rolloutModeOf(this.annotation(ROLLOUT_ANNOTATION)).mode;
  }

  /** Takes the exclusions that it names now. @returns whether they are others than before; without an anchor they stay. */
  updateExclusions(): boolean {
    return this.object !== undefined && this.exclusions.update(this.annotation(EXCLUSIONS_ANNOTATION));
  }

  /** What the user has to correct on it. */
  mistakes(): Mistakes {
    const { problem } = rolloutModeOf(this.annotation(ROLLOUT_ANNOTATION));
    const options = [...(problem === undefined ? [] : [problem]), ...(this.object === undefined ? [] : anchorMistakesOf(this.object))];
    return [
      ...this.exclusions.problems.map((message) => ({ reason: 'InvalidExclusions', message }) as const),
      ...options.map((message) => ({ reason: 'InvalidOption', message }) as const),
    ];
  }

  private annotation(name: string): string | undefined {
    return this.object?.metadata?.annotations?.[name];
  }
}
