/** Who wants to know of each announcement of single targets. Owns: the listeners, which are as many as wakes in flight. */
export class TargetWatchers {
  private readonly listeners = new Map<string, Set<() => void>>();

  /** @returns ends it. */
  watch(key: string, listener: () => void): () => void {
    const listeners = this.listeners.get(key) ?? new Set();
    this.listeners.set(key, listeners.add(listener));
    return () => {
      listeners.delete(listener);
      if (listeners.size === 0 && this.listeners.get(key) === listeners) this.listeners.delete(key);
    };
  }

  tell(key: string): void {
    for (const listener of [...(this.listeners.get(key) ?? [])]) listener();
  }
}
