import { expect } from 'chai';
import { Faults } from '../../kubevirt/virt-api/faults';
import { Journal, type JournalEntry } from '../../kubevirt/virt-api/journal';

function anEntry(fields: Partial<JournalEntry>): JournalEntry {
  return {
    verb: 'start',
    namespace: 'default',
    name: 'web',
    user: 'u',
    code: 202,
    wrote: true,
    receivedMs: 0,
    answeredMs: 1,
    receivedAtMs: 0,
    ...fields,
  };
}

describe('the journal of the KubeVirt stand-in', () => {
  it('finds calls by every field that is asked for', () => {
    const journal = new Journal();
    journal.record(anEntry({ name: 'a' }));
    journal.record(anEntry({ name: 'a', code: 409, wrote: false }));
    journal.record(anEntry({ name: 'b' }));

    expect(journal.calls({ name: 'a' })).to.have.length(2);
    expect(journal.calls({ name: 'a', wrote: true })).to.have.length(1);
    expect(journal.calls({ verb: 'stop' })).to.deep.equal([]);
    journal.clear();
    expect(journal.calls()).to.deep.equal([]);
  });

  it('tells subscribers until they unsubscribe', () => {
    const journal = new Journal();
    const seen: string[] = [];
    const unsubscribe = journal.subscribe((entry) => void seen.push(entry.name));

    journal.record(anEntry({ name: 'a' }));
    unsubscribe();
    journal.record(anEntry({ name: 'b' }));

    expect(seen).to.deep.equal(['a']);
  });
});

describe('the faults of the KubeVirt stand-in', () => {
  it('meet calls of their verb in order, as often as asked for', () => {
    const faults = new Faults();
    faults.failNext('start', { kind: 'answer', code: 500 }, 2);
    faults.failNext('start', { kind: 'cut' });

    expect(faults.take('stop')).to.equal(undefined);
    expect(
      [faults.take('start'), faults.take('start'), faults.take('start'), faults.take('start')].map((fault) => fault?.kind),
    ).to.deep.equal(['answer', 'answer', 'cut', undefined]);
  });
});
