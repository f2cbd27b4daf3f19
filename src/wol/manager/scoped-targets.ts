/**
 * Targets whose scope is another object than themselves, by that object: an Explicit mapping names the object.
 *
 * Owns: the index. Never: knows targets of this cluster, which are their own scope.
 */
import type { WakeTarget } from '../../kubevirt/wake-target';
import { scopeKeyOf } from './claimed-macs';
import type { Holder } from './wake-claim';

export class ScopedTargets {
  private readonly byScope = new Map<string, Set<Holder>>();

  add(holder: Holder, target: WakeTarget): void {
    const scopeKey = scopeKeyOf(target);
    if (scopeKey === holder.key) return;
    const holders = this.byScope.get(scopeKey) ?? new Set();
    this.byScope.set(scopeKey, holders.add(holder));
  }

  remove(holder: Holder, target: WakeTarget): void {
    const scopeKey = scopeKeyOf(target);
    const holders = this.byScope.get(scopeKey);
    holders?.delete(holder);
    if (holders?.size === 0) this.byScope.delete(scopeKey);
  }

  *of(scopeKey: string): Iterable<WakeTarget> {
    for (const { target } of this.byScope.get(scopeKey) ?? []) if (target !== undefined) yield target;
  }
}
