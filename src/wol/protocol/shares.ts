/**
 * Counts what is held under a key, so that no key has more than its share.
 *
 * Invariant: at most `total` in all, `perKey` of them under one key; a key with nothing costs nothing.
 */
export class Shares {
  private readonly held = new Map<string, number>();
  private count = 0;

  constructor(private readonly limits: { readonly perKey: number; readonly total: number }) {}

  get size(): number {
    return this.count;
  }

  /** @returns what gives it back, once however often it is called; `undefined` when there is none left. */
  take(key: string): (() => void) | undefined {
    const held = this.held.get(key) ?? 0;
    if (held >= this.limits.perKey || this.count >= this.limits.total) return undefined;
    this.held.set(key, held + 1);
    this.count++;
    let isBack = false;
    return () => {
      if (isBack) return;
      isBack = true;
      this.giveBack(key);
    };
  }

  private giveBack(key: string): void {
    this.count--;
    const left = (this.held.get(key) ?? 1) - 1;
    if (left === 0) this.held.delete(key);
    else this.held.set(key, left);
  }
}
