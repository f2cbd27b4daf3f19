import { expect } from 'chai';
import { FoldedEvents } from '../../../../src/framework/runtime/folded-events';
import type { ResourceEventType } from '../../../../src/framework/watch/resource-event';
import { aWidget } from './controller-bench';

const INITIALS: Readonly<Record<string, ResourceEventType>> = { A: 'ADDED', M: 'MODIFIED', D: 'DELETED' };

function pushed(events: FoldedEvents, text: string): FoldedEvents {
  for (const word of text.split(' ')) events.push({ type: INITIALS[word[0]!]!, object: aWidget({ generation: Number(word.slice(1)) }) });
  return events;
}

/** Handles all that waits, in short form. */
function rest(events: FoldedEvents): string {
  const told: string[] = [];
  for (let event = events.begin(); event !== undefined; event = events.begin()) {
    told.push(`${event.type[0]}${event.object.metadata?.generation}`);
    events.done();
  }
  return told.join(' ');
}

describe('events of one object that wait', () => {
  const rows: [string, string][] = [
    ['A1 M2 M3', 'A3'],
    ['M2 M3', 'M3'],
    ['M2 D3', 'D3'],
    ['D1 A2', 'D1 A2'],
    ['D1 A2 D3 A4 M5', 'D1 A5'],
  ];
  for (const [given, told] of rows) {
    it(`are folded from ${given} to ${told}`, () => {
      expect(rest(pushed(new FoldedEvents(), given))).to.equal(told);
    });
  }

  for (const [meanwhile, told] of [
    ['M2 M3', 'M3'],
    ['D2', 'D2'],
    ['M2 D3', 'D3'],
    ['D2 A3', 'D2 A3'],
  ] as const) {
    it(`are all told when ${meanwhile} comes while an earlier one is handled`, () => {
      const events = pushed(new FoldedEvents(), 'A1');
      events.begin();
      pushed(events, meanwhile);
      events.done();
      expect(rest(events)).to.equal(told);
    });
  }

  it('are folded with one that failed', () => {
    const events = pushed(new FoldedEvents(), 'A1');
    events.begin();
    pushed(events, 'M2 M3');
    events.failed();
    expect(rest(events)).to.equal('A3');
  });
});
