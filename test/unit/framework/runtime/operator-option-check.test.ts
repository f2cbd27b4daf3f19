import { expect } from 'chai';
import { Handler, Reconcile } from '../../../../src/framework/decorators';
import { ConfigError } from '../../../../src/framework/errors/config-error';
import { ConfigMap } from '../../../../src/framework/kinds/core-kinds';
import { compileOperatorOptions, type OperatorOptions } from '../../../../src/framework/runtime/operator-options';
import { createOperator } from '../../../../src/framework/runtime/steward-operator';

const GOOD: OperatorOptions = { name: 'test', handlers: [] };

function problemsWith(options: unknown): string[] {
  try {
    compileOperatorOptions(options as OperatorOptions);
    return [];
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error;
    return error.problems.map(({ code, text }) => `${code}: ${text}`);
  }
}

describe('an option of the operator', () => {
  const LABEL = 'lower-case letters, digits and -, at most 63';
  for (const [option, expected] of [
    [{ name: undefined }, `OPTION_RANGE: createOperator: name is undefined; allowed: ${LABEL}`],
    [{ name: '' }, `OPTION_RANGE: createOperator: name is ""; allowed: ${LABEL}`],
    [{ name: 'Has Space' }, `OPTION_RANGE: createOperator: name is Has Space; allowed: ${LABEL}`],
    [{ namespace: 'A/B' }, `OPTION_RANGE: createOperator: namespace is A/B; allowed: ${LABEL}`],
    [
      { domain: 'not a domain' },
      'OPTION_RANGE: createOperator: domain is not a domain; allowed: a domain name in lower case such as example.org',
    ],
    [
      { leaderElection: {} },
      'OPTION_RANGE: createOperator: leaderElection.lease is undefined; allowed: a lower-case object name of at most 253 characters',
    ],
    [
      { leaderElection: true },
      'OPTION_RANGE: createOperator: leaderElection is true; allowed: an object with the options lease, leaseDurationMs, renewDeadlineMs, retryMs',
    ],
    [
      { leaderElection: { lease: 'l', leaseMs: 1 } },
      'OPTION_UNKNOWN: createOperator: leaderElection has no option leaseMs; allowed: lease, leaseDurationMs, renewDeadlineMs, retryMs',
    ],
    [
      { metrics: '127.0.0.1:8080' },
      'OPTION_RANGE: createOperator: metrics is 127.0.0.1:8080; allowed: an object with the options address, certFile, keyFile, secure, certificateOf',
    ],
    [{ metrics: { certFile: 'a' } }, 'OPTION_RANGE: createOperator: metrics.keyFile is missing; allowed: both files, or none'],
    [{ metrics: { address: '8080' } }, 'OPTION_RANGE: createOperator: metrics.address is 8080; allowed: [host]:port, or 0 for off'],
    [{ metrics: { secure: 'yes' } }, 'OPTION_RANGE: createOperator: metrics.secure is yes; allowed: true, false'],
    [{ healthAddress: 8080 }, 'OPTION_RANGE: createOperator: healthAddress is 8080; allowed: [host]:port, or 0 for off'],
    [{ shutdownTimeoutMs: -1 }, 'OPTION_RANGE: createOperator: shutdownTimeoutMs is -1; allowed: 0 to 3599999'],
    [{ modules: 'wol' }, 'OPTION_RANGE: createOperator: modules is wol; allowed: a list of texts'],
    [
      { version: '1\r\nx: y' },
      'OPTION_RANGE: createOperator: version is "1\\r\\nx: y"; allowed: printable ASCII text of 1 to 128 characters',
    ],
  ] as [object, string][]) {
    it(`is refused: ${expected}`, () => {
      expect(problemsWith({ ...GOOD, ...option })).to.deep.equal([expected]);
    });
  }

  it('is refused when there is none of that name', () => {
    expect(problemsWith({ ...GOOD, leaderElections: {} })[0]).to.match(
      /^OPTION_UNKNOWN: createOperator: there is no option leaderElections; allowed: adoptedManagers, clock, .+, version$/,
    );
  });

  it('is refused whatever its name when its value is of a type that no option has', () => {
    for (const name of [
      'domain',
      'logger',
      'clock',
      'random',
      'freezeCache',
      'instance',
      'onRun',
      'kubeConfig',
      'container',
      'fieldManager',
    ]) {
      expect(problemsWith({ ...GOOD, [name]: 5 }), name).to.have.length(1);
      expect(problemsWith({ ...GOOD, [name]: undefined }), name).to.deep.equal([]);
    }
    for (const options of [undefined, null, 'test', []]) expect(problemsWith(options)).to.have.length(1);
  });

  it('is reported with all others, and with what is wrong with the handlers', async () => {
    @Handler()
    class Wrong {
      @Reconcile(ConfigMap, { concurrency: 0, owns: [undefined as never] })
      async sync(): Promise<void> {}
    }
    const refused = await createOperator({
      name: 'A',
      handlers: [Wrong, undefined as never],
      kubeConfig: 5 as never,
      leaderElection: { lease: 'l', leaseDurationMs: 1, retryMs: -1 },
    }).then(
      () => [],
      (error: unknown) => (error as ConfigError).problems.map(({ text }) => text.split(' is ')[0]!.split(';')[0]!),
    );
    expect(refused).to.deep.equal([
      'createOperator: name',
      'createOperator: kubeConfig',
      'createOperator: leaderElection.leaseDurationMs',
      'createOperator: leaderElection.renewDeadlineMs',
      'createOperator: leaderElection.retryMs',
      'handlers[1]',
      'Wrong.sync: @Reconcile got no kind in owns[0]',
      'Wrong.sync: concurrency',
    ]);
  });
});
