/**
 * Watches of handlers. A function among them is asked once, however many clusters there are, with access to the container.
 *
 * Errors: ConfigError when such a function throws, or returns what would be refused in a list.
 */
import type { Watch, WatchesFunction } from '../decorators/watches';
import { ConfigError, type ConfigProblem } from '../errors/config-error';
import { compileWatches } from '../registry/compile-watches';
import type { ReconcileSpec } from '../registry/handler-spec';
import { OptionCheck, textOf } from '../registry/option-check';
import type { Instances } from './instances';

export class DeclaredWatches {
  private readonly known = new Map<ReconcileSpec, readonly Watch[]>();

  constructor(private readonly instances: Pick<Instances, 'container'>) {}

  readonly of = (spec: ReconcileSpec): readonly Watch[] => {
    const known = this.known.get(spec);
    if (known !== undefined) return known;
    const watches = typeof spec.watches === 'function' ? this.asked(spec, spec.watches) : spec.watches;
    this.known.set(spec, watches);
    return watches;
  };
  private asked({ Class, method, kind }: ReconcileSpec, decide: WatchesFunction): readonly Watch[] {
    const { container } = this.instances;
    const problems: ConfigProblem[] = [];
    const place = `${Class.name}.${method}`;
    try {
      const watches: unknown = decide((token) => container.resolve(token));
      if (Array.isArray(watches))
        compileWatches(new OptionCheck(Class, { decorator: 'Reconcile', method, kind, options: { watches } }, problems));
      else problems.push({ code: 'OPTION_RANGE', text: `${place}: the function of watches returned ${textOf(watches)}; allowed: a list` });
      if (problems.length === 0) return watches as readonly Watch[];
    } catch (error) {
      const cause = error instanceof Error ? error.message : String(error);
      problems.push({ code: 'WATCHES_FUNCTION', text: `${place}: the function of watches threw: ${cause}` });
    }
    throw new ConfigError(problems);
  }
}
