import { EventEmitter } from 'node:events';
import { expect } from 'chai';
import { nullLogger } from '../../../../src/framework/logging/logger';
import { listenForProcessErrors } from '../../../../src/framework/runtime/process-errors';
import { TestProcess } from '../../../harness/child-process';

describe('errors that nobody caught', () => {
  it('are told apart, logged, and no longer listened for afterwards', () => {
    const emitter = new EventEmitter();
    const seen: string[] = [];
    const stop = listenForProcessErrors(
      {
        log: { ...nullLogger, error: (message) => void seen.push(message) },
        onRejection: () => void seen.push('rejection'),
        onException: (error) => void seen.push(String(error)),
      },
      emitter,
    );
    emitter.emit('unhandledRejection', new Error('forgotten'));
    emitter.emit('uncaughtException', new Error('thrown'));
    stop();
    emitter.emit('unhandledRejection', new Error('later'));

    expect(seen).to.deep.equal([
      'a promise was rejected and nobody waited for it',
      'rejection',
      'an exception was not caught, the process has to end',
      'Error: thrown',
    ]);
    expect(emitter.listenerCount('uncaughtException')).to.equal(0);
  });

  /** An operator without handlers in a process of its own, in which `script` happens once it has started. */
  const anOperator = (script: string, options = ''): TestProcess =>
    new TestProcess('operator', [
      '-e',
      `const { createOperator, Registry } = require(${JSON.stringify(require.resolve('../../../../src/framework'))});
       const { KubeConfig } = require(${JSON.stringify(require.resolve('@kubernetes/client-node'))});
       const kubeConfig = new KubeConfig();
       kubeConfig.loadFromClusterAndUser({ name: 'c', server: 'http://127.0.0.1:9' }, { name: 'u' });
       const logger = { error: console.error, warn() {}, info() {}, debug() {}, child: () => logger };
       (async () => {
         const operator = await createOperator({ name: 'test', handlers: [], kubeConfig, logger, ${options} });
         operator.finished.then((code) => { console.log('finished ' + code); process.exit(code); });
         await operator.start();
         ${script}
       })();`,
    ]);

  it('end an operator with exit code 1 when they were thrown', async () => {
    const operator = anOperator(`setTimeout(() => { throw new Error('out of a callback'); }, 1);`);
    const { code } = await operator.exited;
    expect([code, operator.log]).to.satisfy(([c, log]: [number, string]) => c === 1 && log.includes('finished 1'));
    expect(operator.log).to.contain('out of a callback');
  });

  it('do not end it when they were rejections', async () => {
    const operator = anOperator(`Promise.reject(new Error('forgotten')); setTimeout(() => operator.stop(), 50);`);
    const { code } = await operator.exited;
    expect([code, operator.log]).to.satisfy(([c, log]: [number, string]) => c === 0 && log.includes('finished 0'));
    expect(operator.log).to.contain('forgotten');
  });

  it('end it within five seconds although something hangs', async () => {
    const script = `operator.engine.stop = () => new Promise(() => setInterval(() => undefined, 1e6));
      setTimeout(() => { throw new Error('out of a callback'); }, 1);`;
    const hurried = `clock: {
      now: Date.now,
      monotonicMs: () => performance.now(),
      setTimer(ms, callback) {
        if (ms >= 5000) console.log('timer of ' + ms);
        const handle = setTimeout(callback, ms / 100);
        return { cancel: () => clearTimeout(handle) };
      },
    }`;
    const operator = anOperator(script, hurried);
    const { code } = await operator.exited;
    expect(code).to.equal(1);
    expect(operator.log).to.contain('timer of 5000').and.to.contain('finished 1');
  });
});
