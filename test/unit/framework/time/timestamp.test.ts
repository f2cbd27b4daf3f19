import { expect } from 'chai';
import fc from 'fast-check';
import { microTimestampOf, timestampMs, timestampOf } from '../../../../src/framework/time/timestamp';

describe('time stamps', () => {
  it('are read with seconds, fractions and offsets', () => {
    expect(timestampMs('2026-01-01T00:00:00Z')).to.equal(Date.UTC(2026, 0, 1));
    expect(timestampMs('2026-01-01T00:00:00.123456Z')).to.equal(Date.UTC(2026, 0, 1) + 123);
    expect(timestampMs('2026-01-01T01:00:00+01:00')).to.equal(Date.UTC(2026, 0, 1));
  });

  for (const text of [undefined, '', 'yesterday', '5', '2026', 'Jan 1 2026', '2026-01-01', '2026-01-01T00:00:00', '2026-13-01T00:00:00Z']) {
    it(`are not found in ${JSON.stringify(text) ?? 'nothing'}`, () => {
      expect(timestampMs(text)).to.equal(undefined);
    });
  }

  it('are written in UTC with whole seconds, or with microseconds', () => {
    const timeMs = Date.UTC(2026, 6, 9, 8, 7, 6, 54);

    expect(timestampOf(timeMs)).to.equal('2026-07-09T08:07:06Z');
    expect(microTimestampOf(timeMs)).to.equal('2026-07-09T08:07:06.054000Z');
  });

  it('survive being written and read again', () => {
    fc.assert(
      fc.property(fc.integer({ min: 0, max: Date.UTC(2200, 0, 1) }), (timeMs) => {
        expect(timestampMs(microTimestampOf(timeMs))).to.equal(timeMs);
        expect(timestampMs(timestampOf(timeMs))).to.equal(Math.floor(timeMs / 1_000) * 1_000);
      }),
    );
  });
});
