import { expect } from 'chai';
import fc from 'fast-check';
import { isOperatorError } from '../../../../src/framework/errors/operator-error';
import { parseDurationMs } from '../../../../src/framework/settings/duration';
import { type Environment, type FlagValues, Settings } from '../../../../src/framework/settings/settings';
import { UsageError } from '../../../../src/framework/settings/usage-error';

const flag = (key: string, fallback: string) => ({
  key,
  flag: `--${key}`,
  env: key.toUpperCase(),
  value: 'VALUE',
  default: fallback,
  description: '',
});
const DEFINITIONS = [
  flag('address', ':8081'),
  flag('level', 'info'),
  flag('period', '2s'),
  flag('count', '4'),
  flag('dry', 'false'),
  flag('ports', '7,9'),
];

const settings = (flags: FlagValues = {}, env: Environment = {}): Settings => new Settings(DEFINITIONS, flags, env);

function refusalOf(read: () => unknown): string {
  try {
    read();
  } catch (error) {
    expect(error).to.be.instanceOf(UsageError);
    expect(isOperatorError(error, 'USAGE')).to.equal(true);
    return (error as UsageError).message;
  }
  throw new Error('was accepted');
}

describe('settings', () => {
  it('prefer the flag to the variable and the variable to the default', () => {
    expect(settings().text('level')).to.equal('info');
    expect(settings({}, { LEVEL: 'warn' }).text('level')).to.equal('warn');
    expect(settings({ level: 'debug' }, { LEVEL: 'warn' }).text('level')).to.equal('debug');
  });

  it('take an empty variable for none, and an empty flag for what it says', () => {
    expect(settings({}, { LEVEL: '' }).text('level')).to.equal('info');
    expect(settings({ level: '' }, { LEVEL: 'warn' }).text('level')).to.equal('');
  });

  it('take a switch without a value for true', () => {
    expect(settings({ dry: true }).boolean('dry')).to.equal(true);
    expect(settings({ dry: 'false' }).boolean('dry')).to.equal(false);
    expect(settings({}, { DRY: 'true' }).boolean('dry')).to.equal(true);
    expect(refusalOf(() => settings({ dry: 'yes' }).boolean('dry'))).to.equal('--dry is "yes"; allowed: true or false');
  });

  it('name the flag, the variable it came from, the value and what is allowed', () => {
    const allowed = ['info', 'debug'] as const;

    expect(settings({ level: 'debug' }).oneOf('level', allowed)).to.equal('debug');
    expect(refusalOf(() => settings({ level: 'loud' }).oneOf('level', allowed))).to.equal('--level is "loud"; allowed: info, debug');
    expect(refusalOf(() => settings({}, { LEVEL: 'loud' }).oneOf('level', allowed))).to.equal(
      '--level (from LEVEL) is "loud"; allowed: info, debug',
    );
  });

  it('stay on one line whatever the value', () => {
    expect(refusalOf(() => settings({ level: 'a\nb' }).oneOf('level', ['info']))).to.equal('--level is "a\\nb"; allowed: info');
  });

  it('read whole numbers within their range', () => {
    const range = { min: 1, max: 10 };

    expect(['1', '10'].map((count) => settings({ count }).wholeNumber('count', range))).to.deep.equal([1, 10]);
    for (const count of ['0', '11', '1.5', '-1', '1e1', '', ' 5', '0x5', '9'.repeat(20)]) {
      expect(refusalOf(() => settings({ count }).wholeNumber('count', range))).to.equal(
        `--count is ${JSON.stringify(count)}; allowed: whole numbers from 1 to 10`,
      );
    }
  });

  it('read durations within their range, bounds included', () => {
    const range = { minMs: 500, maxMs: 60_000 };

    expect(['500ms', '2s', '1m'].map((period) => settings({ period }).durationMs('period', range))).to.deep.equal([500, 2_000, 60_000]);
    for (const period of ['499ms', '61s', 'soon', '5']) {
      expect(refusalOf(() => settings({ period }).durationMs('period', range))).to.equal(
        `--period is ${JSON.stringify(period)}; allowed: 0.5s to 60s, for example 2s or 1m30s`,
      );
    }
  });

  it('read lists without blanks, empty items and repeats', () => {
    expect(settings({ ports: ' 9, 7 ,,9,' }).list('ports')).to.deep.equal(['9', '7']);
    expect(settings({ ports: '' }).list('ports')).to.deep.equal([]);
  });

  it('check listening addresses and hand them on as they stand', () => {
    expect(['0', ':0', '127.0.0.1:80'].map((address) => settings({ address }).listenAddress('address'))).to.deep.equal([
      '0',
      ':0',
      '127.0.0.1:80',
    ]);
    expect(refusalOf(() => settings({ address: 'nowhere' }).listenAddress('address'))).to.equal(
      '--address is "nowhere"; allowed: [host]:port, or 0 for off',
    );
  });
});

describe('durations', () => {
  const readable: [string, number][] = [
    ['0', 0],
    ['0s', 0],
    ['500ms', 500],
    ['2s', 2_000],
    ['1.5s', 1_500],
    ['1m30s', 90_000],
    ['1h', 3_600_000],
    ['1h2m3s4ms', 3_723_004],
  ];
  for (const [text, ms] of readable) {
    it(`reads ${text} as ${ms} ms`, () => {
      expect(parseDurationMs(text)).to.equal(ms);
    });
  }

  for (const text of ['', '5', '-1s', '1d', 's', '1 s', '1s ', '1.s', '.5s', '1s2', 'NaNs', '1e3ms']) {
    it(`does not read ${JSON.stringify(text)}`, () => {
      expect(parseDurationMs(text)).to.equal(undefined);
    });
  }

  it('adds its parts up', () => {
    const part = fc.integer({ min: 0, max: 1_000 });
    fc.assert(
      fc.property(part, part, part, part, (h, m, s, ms) => {
        expect(parseDurationMs(`${h}h${m}m${s}s${ms}ms`)).to.equal(((h * 60 + m) * 60 + s) * 1_000 + ms);
      }),
    );
  });
});
