import { Writable } from 'node:stream';
import { expect } from 'chai';
import { ApiError, TransportError } from '../../../../src/framework/errors/api-error';
import { WinstonLogger, type WinstonLoggerOptions } from '../../../../src/framework/logging/winston-logger';
import { FakeClock } from '../../../../src/framework/testing/fake-clock';

describe('logger', () => {
  const start = (options: WinstonLoggerOptions = {}) => {
    const lines: string[] = [];
    const stream = new Writable({
      write(chunk, _encoding, done) {
        lines.push(String(chunk));
        done();
      },
    });
    const clock = new FakeClock();
    const log = WinstonLogger.create({ stream, clock, ...options });
    return { log, clock, lines, parsed: () => lines.map((line) => JSON.parse(line) as Record<string, unknown>) };
  };

  it('writes one JSON object a line: time, level, sentence, fields', () => {
    const { log, lines } = start();

    log.child({ logger: 'wol', kind: 'WolConfig' }).info('agent connected', { node: 'n1', missing: undefined });

    expect(lines).to.deep.equal([
      '{"time":"2026-01-01T00:00:00.000Z","level":"info","msg":"agent connected","logger":"wol","kind":"WolConfig","node":"n1"}\n',
    ]);
  });

  it('writes text for people', () => {
    const { log, lines } = start({ format: 'text' });

    log.warn('agent lost', { node: 'n1', text: 'two words', count: 2 });

    expect(lines).to.deep.equal(['2026-01-01T00:00:00.000Z WARN  agent lost node=n1 text="two words" count=2\n']);
  });

  it('leaves out what is below its level, which can be changed for all children', () => {
    const { log, lines } = start();
    const child = log.child({ a: 1 });
    child.debug('hidden');

    log.setLevel('debug');
    child.debug('shown');

    expect(lines).to.have.length(1);
    expect(lines[0]).to.include('shown');
  });

  it('does not let fields replace time, level or sentence', () => {
    const { log, parsed } = start();

    log.info('real', { msg: 'forged', level: 'error', time: 'never' });

    expect(parsed()[0]).to.include({ msg: 'real', level: 'info', _msg: 'forged', _level: 'error', _time: 'never' });
  });

  it('keeps one line for one call, whatever is in it', () => {
    const { log, lines } = start({ format: 'text' });

    log.error('broken\nmsg="forged"', { note: 'a\nERROR forged' });

    expect(lines.join('').split('\n')).to.have.length(2);
  });

  describe('errors', () => {
    it('carry type, code, message and causes; a stack only when nobody expected them', () => {
      const { log, parsed } = start();
      const cause = Object.assign(new Error('connect ECONNREFUSED'), { code: 'ECONNREFUSED' });

      log.error('expected', { error: new TransportError('connect', 'not-sent', 'GET /x: refused', cause) });
      log.error('unexpected', { error: new TypeError('x is undefined') });

      const [expected, unexpected] = parsed().map(({ error }) => error as Record<string, unknown>);
      expect(expected).to.deep.equal({
        type: 'TransportError',
        code: 'TRANSPORT',
        message: 'GET /x: refused',
        cause: { type: 'Error', code: 'ECONNREFUSED', message: 'connect ECONNREFUSED' },
      });
      expect(unexpected).to.include({ type: 'TypeError', message: 'x is undefined' });
      expect(unexpected?.['stack']).to.be.a('string').and.include('winston-logger.test');
    });

    it('do not bring their other fields along', () => {
      const { log, lines } = start();

      log.error('x', {
        error: new ApiError({ status: 500, reason: '', message: 'm', method: 'GET', path: '/', details: { a: 'quoted object' } }),
      });

      expect(lines[0]).not.to.include('quoted object');
    });
  });

  it('masks sentence, fields, errors and stacks as the last step', () => {
    const { log, lines } = start();
    const error = new Error('token=hunter2', { cause: { password: 'hunter2' } });

    log.error('Bearer hunter2hunter2', { userData: 'hunter2', nested: [{ authorization: 'hunter2' }], error });
    log.child({ clientSecret: 'hunter2' }).info('https://u:hunter2@host');

    expect(lines.join('')).not.to.include('hunter2');
  });

  describe('repeats', () => {
    it('at warn and error are folded to one a minute with their number', async () => {
      const { log, clock, parsed } = start();
      for (let second = 0; second < 61; second++) {
        log.warn('agent lost', { kind: 'WolConfig', name: 'a', attempt: second });
        await clock.advance(1_000);
      }

      expect(parsed().map(({ attempt, repeated }) => [attempt, repeated])).to.deep.equal([
        [0, undefined],
        [60, 59],
      ]);
    });

    it('about another object, or with another sentence or level, are not folded', () => {
      const { log, lines } = start();
      log.warn('agent lost', { name: 'a' });
      log.warn('agent lost', { name: 'b' });
      log.warn('agent lost', { name: 'a', cluster: 'east' });
      log.warn('agent gone', { name: 'a' });
      log.error('agent lost', { name: 'a' });

      expect(lines).to.have.length(5);
    });

    it('at info are written each time', () => {
      const { log, lines } = start();
      log.info('same');
      log.info('same');

      expect(lines).to.have.length(2);
    });

    it('that stopped are told of with the next line after their minute, and at a flush', async () => {
      const { log, clock, parsed } = start();
      log.error('a');
      log.error('a');
      log.error('b');
      log.error('b');
      log.error('b');
      await clock.advance(60_000);
      log.warn('c');
      log.warn('c');
      await log.flush();

      expect(parsed().map(({ msg, repeated }) => [msg, repeated])).to.deep.equal([
        ['a', undefined],
        ['b', undefined],
        ['a', 1],
        ['b', 2],
        ['c', undefined],
        ['c', 1],
      ]);
    });

    it('are remembered for a bounded number of lines', () => {
      const { log, lines } = start();
      log.warn('first');
      log.warn('first');
      for (let index = 0; index < 5_000; index++) log.warn('line', { name: String(index) });

      expect(lines).to.have.length(5_002);
    });
  });
});
