import { expect } from 'chai';
import fc from 'fast-check';
import { DueHeap } from '../../../../src/framework/queue/due-heap';

/** The same by the plainest means: a list that is searched from the front. */
class Reference {
  private entries: { key: string; dueMs: number; order: number }[] = [];
  private order = 0;

  set(key: string, dueMs: number): void {
    this.delete(key);
    this.entries.push({ key, dueMs, order: this.order++ });
  }

  delete(key: string): boolean {
    const before = this.entries.length;
    this.entries = this.entries.filter((entry) => entry.key !== key);
    return this.entries.length < before;
  }

  get size(): number {
    return this.entries.length;
  }

  peekDue(): number | undefined {
    return this.first()?.dueMs;
  }

  dueOf(key: string): number | undefined {
    return this.entries.find((entry) => entry.key === key)?.dueMs;
  }

  popDue(nowMs: number): string | undefined {
    const first = this.first();
    if (first === undefined || first.dueMs > nowMs) return undefined;
    this.delete(first.key);
    return first.key;
  }

  private first(): { key: string; dueMs: number } | undefined {
    return [...this.entries].sort((a, b) => a.dueMs - b.dueMs || a.order - b.order)[0];
  }
}

function popAll(heap: DueHeap, nowMs = Number.POSITIVE_INFINITY): string[] {
  const keys: string[] = [];
  for (let key = heap.popDue(nowMs); key !== undefined; key = heap.popDue(nowMs)) keys.push(key);
  return keys;
}

describe('due heap', () => {
  it('gives keys in the order of their due times', () => {
    const heap = new DueHeap();
    for (const [key, dueMs] of [
      ['c', 30],
      ['a', 10],
      ['d', 40],
      ['b', 20],
    ] as const)
      heap.set(key, dueMs);

    expect(popAll(heap)).to.deep.equal(['a', 'b', 'c', 'd']);
    expect(heap.size).to.equal(0);
  });

  it('gives keys that fall due together in the order they were set', () => {
    const heap = new DueHeap();
    for (const key of ['x', 'y', 'z']) heap.set(key, 5);

    expect(popAll(heap)).to.deep.equal(['x', 'y', 'z']);
  });

  it('keeps a key until it is due, to the millisecond', () => {
    const heap = new DueHeap();
    heap.set('a', 100);

    expect(heap.popDue(99)).to.equal(undefined);
    expect(heap.popDue(100)).to.equal('a');
    expect(heap.popDue(100)).to.equal(undefined);
  });

  it('holds a key once, at the time it was set to last, earlier or later', () => {
    const heap = new DueHeap();
    heap.set('a', 100);
    heap.set('a', 10);
    expect(heap.dueOf('a')).to.equal(10);
    heap.set('a', 200);

    expect(heap.size).to.equal(1);
    expect(heap.peekDue()).to.equal(200);
    expect(popAll(heap)).to.deep.equal(['a']);
  });

  it('does not give a key that was deleted, and says whether there was one', () => {
    const heap = new DueHeap();
    heap.set('a', 1);
    heap.set('b', 2);

    expect(heap.delete('a')).to.equal(true);
    expect(heap.delete('a')).to.equal(false);
    expect(heap.peekDue()).to.equal(2);
    expect(popAll(heap)).to.deep.equal(['b']);
    expect(heap.peekDue()).to.equal(undefined);
  });

  it('behaves as a sorted list, whatever is set, deleted and taken in whatever order', () => {
    const key = fc.constantFrom(...'abcdefgh');
    const command = fc.oneof(
      fc.record({ do: fc.constant('set' as const), key, dueMs: fc.integer({ min: 0, max: 20 }) }),
      fc.record({ do: fc.constant('delete' as const), key }),
      fc.record({ do: fc.constant('pop' as const), nowMs: fc.integer({ min: 0, max: 20 }) }),
    );
    fc.assert(
      // More than 64 steps, so that the heap also clears out entries that are no longer current.
      fc.property(fc.array(command, { maxLength: 300, size: 'max' }), (commands) => {
        const heap = new DueHeap();
        const reference = new Reference();
        for (const step of commands) {
          if (step.do === 'set') {
            heap.set(step.key, step.dueMs);
            reference.set(step.key, step.dueMs);
            expect(heap.dueOf(step.key)).to.equal(reference.dueOf(step.key));
          } else if (step.do === 'delete') {
            expect(heap.delete(step.key)).to.equal(reference.delete(step.key));
          } else {
            expect(heap.popDue(step.nowMs)).to.equal(reference.popDue(step.nowMs));
          }
          expect(heap.size).to.equal(reference.size);
          expect(heap.peekDue()).to.equal(reference.peekDue());
        }
      }),
      { numRuns: 60 },
    );
  });

  it('does not grow with the number of times a key is moved', () => {
    const heap = new DueHeap();
    for (let moves = 0; moves < 10_000; moves++) heap.set(`key-${moves % 10}`, 10_000 - moves);
    const { heap: entries } = heap as unknown as { heap: unknown[] };

    expect(heap.size).to.equal(10);
    expect(entries.length).to.be.at.most(65);
  });
});
