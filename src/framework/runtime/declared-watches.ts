/** Watches of handlers. A function among them is asked once, however many clusters there are, with access to the container. */
import type { Watch } from '../decorators/watches';
import type { ReconcileSpec } from '../registry/handler-spec';
import type { Instances } from './instances';

export class DeclaredWatches {
  private readonly known = new Map<ReconcileSpec, readonly Watch[]>();

  constructor(private readonly instances: Pick<Instances, 'container'>) {}

  readonly of = (spec: ReconcileSpec): readonly Watch[] => {
    const known = this.known.get(spec);
    if (known !== undefined) return known;
    const { container } = this.instances;
    const watches = typeof spec.watches === 'function' ? spec.watches((token) => container.resolve(token)) : spec.watches;
    this.known.set(spec, watches);
    return watches;
  };
}
