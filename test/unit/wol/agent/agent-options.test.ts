import { expect } from 'chai';
import { UsageError } from '../../../../src/framework';
import { AGENT_FLAGS, type AgentFlagValues, modernizeAgentArguments } from '../../../../src/wol/agent/agent-flags';
import { type AgentOptions, compileAgentOptions } from '../../../../src/wol/agent/agent-options';

const compile = (flags: AgentFlagValues = {}, env: Record<string, string> = {}): AgentOptions =>
  compileAgentOptions({ nodeName: 'node-a', grpcInsecure: true, ...flags }, env);

describe('agent options', () => {
  it('have the documented defaults', () => {
    expect(compile()).to.deep.equal({
      nodeName: 'node-a',
      operatorAddress: 'virt-steward-grpc.virt-steward-system.svc:9090',
      ports: [9],
      healthAddress: { host: undefined, port: 8_080 },
      configName: '',
      credentials: undefined,
      rawEthernet: false,
      dedupWindowMs: 2_000,
      queueSize: 4_096,
      logLevel: 'info',
      logFormat: 'json',
    });
  });

  it('expect the files of the pod for TLS, unless others are named', () => {
    const { credentials } = compileAgentOptions({ nodeName: 'node-a' }, {});
    const named = compileAgentOptions(
      { nodeName: 'node-a', grpcCaFile: '/ca', grpcCertFile: '/cert', grpcKeyFile: '/key' },
      { GRPC_TOKEN_FILE: '/token' },
    );

    expect(credentials).to.deep.equal({
      caFile: '/var/run/secrets/virt-steward/grpc/ca.crt',
      tokenFile: '/var/run/secrets/virt-steward/grpc/token',
      pair: undefined,
    });
    expect(named.credentials).to.deep.equal({ caFile: '/ca', tokenFile: '/token', pair: { certFile: '/cert', keyFile: '/key' } });
  });

  it('come from the environment where no flag is given', () => {
    const env = {
      NODE_NAME: 'node-b',
      OPERATOR_ADDRESS: 'manager:1234',
      PORTS: '7,9',
      HEALTH_PROBE_BIND_ADDRESS: '127.0.0.1:8179',
      WOLCONFIG_NAME: 'home',
      GRPC_INSECURE: 'true',
      RAW_ETHERNET: 'true',
      DEDUP_WINDOW: '500ms',
      QUEUE_SIZE: '64',
      LOG_LEVEL: 'debug',
      LOG_FORMAT: 'text',
    };
    expect(compileAgentOptions({}, env)).to.deep.equal({
      nodeName: 'node-b',
      operatorAddress: 'manager:1234',
      ports: [7, 9],
      healthAddress: { host: '127.0.0.1', port: 8_179 },
      configName: 'home',
      credentials: undefined,
      rawEthernet: true,
      dedupWindowMs: 500,
      queueSize: 64,
      logLevel: 'debug',
      logFormat: 'text',
    });
    const files = ['GRPC_CA_FILE', 'GRPC_TOKEN_FILE', 'GRPC_CERT_FILE', 'GRPC_KEY_FILE'];
    expect([...Object.keys(env), ...files].sort()).to.deep.equal(AGENT_FLAGS.map((flag) => flag.env).sort());
  });

  it('prefer a flag to its variable and treat an empty variable as absent', () => {
    expect(compile({ ports: '7' }, { PORTS: '9', QUEUE_SIZE: '' })).to.deep.include({ ports: [7], queueSize: 4_096 });
  });

  for (const [text, ports] of [
    ['', [9]],
    [' , ,', [9]],
    ['7', [7]],
    [' 9 , 7,9,, 40000 ', [9, 7, 40_000]],
    ['1,65535', [1, 65_535]],
    ['1,2,3,4,5,6,7,8,9,10,10', [1, 2, 3, 4, 5, 6, 7, 8, 9, 10]],
  ] as const) {
    it(`read the port list ${JSON.stringify(text)} as ${ports.join(' ')}`, () => {
      expect(compile({ ports: text }).ports).to.deep.equal(ports);
    });
  }

  for (const [text, address] of [
    ['0', undefined],
    [':8081', { host: undefined, port: 8_081 }],
    ['127.0.0.1:1', { host: '127.0.0.1', port: 1 }],
    ['[::1]:8080', { host: '::1', port: 8_080 }],
  ] as const) {
    it(`read the health address ${text}`, () => {
      expect(compile({ healthProbeBindAddress: text }).healthAddress).to.deep.equal(address);
    });
  }

  for (const address of ['manager:9090', 'virt-steward-grpc.ns.svc:9090', '192.0.2.1:1', '[2001:db8::1]:9090']) {
    it(`take the operator address ${address}`, () => {
      expect(compile({ operatorAddress: address }).operatorAddress).to.equal(address);
    });
  }

  for (const [flags, message] of [
    [{ nodeName: '' }, '--node-name is ""; allowed: 1 to 253 characters'],
    [{ nodeName: 'x'.repeat(254) }, 'allowed: 1 to 253 characters'],
    [
      { operatorAddress: 'manager' },
      '--operator-address is "manager"; allowed: host:port with a port from 1 to 65535, IPv6 hosts in brackets',
    ],
    [{ operatorAddress: '::1:9090' }, '--operator-address is "::1:9090"; allowed: host:port'],
    [{ operatorAddress: 'manager:70000' }, '--operator-address is "manager:70000"; allowed: host:port'],
    [{ operatorAddress: ':9090' }, '--operator-address is ":9090"; allowed: host:port'],
    [{ ports: '0' }, '--ports is "0"; allowed: at most 10 ports from 1 to 65535, joined by commas'],
    [{ ports: '9,70000' }, '--ports is "9,70000"; allowed: at most 10 ports'],
    [{ ports: '9;7' }, '--ports is "9;7"; allowed: at most 10 ports'],
    [{ ports: '1e1' }, '--ports is "1e1"; allowed: at most 10 ports'],
    [{ ports: '1,2,3,4,5,6,7,8,9,10,11' }, 'allowed: at most 10 ports'],
    [{ healthProbeBindAddress: '8080' }, '--health-probe-bind-address is "8080"; allowed: [host]:port, or 0 for off'],
    [{ healthProbeBindAddress: ':70000' }, '--health-probe-bind-address is ":70000"; allowed: [host]:port'],
    [{ dedupWindow: '61s' }, '--dedup-window is "61s"; allowed: 0s to 60s'],
    [{ dedupWindow: '-1s' }, '--dedup-window is "-1s"; allowed: 0s to 60s'],
    [{ dedupWindow: '2' }, '--dedup-window is "2"; allowed: 0s to 60s'],
    [{ queueSize: '63' }, '--queue-size is "63"; allowed: whole numbers from 64 to 65536'],
    [{ queueSize: '65537' }, '--queue-size is "65537"; allowed: whole numbers from 64 to 65536'],
    [{ queueSize: 'many' }, '--queue-size is "many"; allowed: whole numbers from 64 to 65536'],
    [{ logLevel: 'loud' }, '--log-level is "loud"; allowed: error, warn, info, debug'],
    [{ logFormat: 'xml' }, '--log-format is "xml"; allowed: json, text'],
    [{ grpcInsecure: 'maybe' }, '--grpc-insecure is "maybe"; allowed: true or false'],
    [{ grpcInsecure: 'false', grpcCertFile: '/tls.crt' }, '--grpc-key-file is ""; allowed: a file, because --grpc-cert-file is given'],
    [{ grpcInsecure: 'false', grpcKeyFile: '/tls.key' }, '--grpc-cert-file is ""; allowed: a file, because --grpc-key-file is given'],
  ] satisfies [AgentFlagValues, string][]) {
    it(`refuse ${JSON.stringify(flags).slice(0, 60)} in one line`, () => {
      expect(() => compile(flags))
        .to.throw(UsageError, message)
        .with.property('message')
        .that.does.not.include('\n');
    });
  }

  it('name the variable that a wrong value came from', () => {
    expect(() => compile({}, { PORTS: 'nine' })).to.throw(UsageError, '--ports (from PORTS) is "nine"; allowed:');
  });

  it('take the edges of every range', () => {
    expect(compile({ dedupWindow: '0', queueSize: '65536' })).to.deep.include({ dedupWindowMs: 0, queueSize: 65_536 });
    expect(compile({ dedupWindow: '1m' }).dedupWindowMs).to.equal(60_000);
  });
});

describe('arguments of older agents', () => {
  for (const [given, args, ignored] of [
    [['--node-name=a', '--ports', '9'], ['--node-name=a', '--ports', '9'], []],
    [['-node-name=a', '-ports', '9', '-grpc-insecure'], ['--node-name=a', '--ports', '9', '--grpc-insecure'], []],
    [['--zap-log-level=debug'], ['--log-level=debug'], []],
    [['-zap-log-level', 'debug'], ['--log-level', 'debug'], []],
    [
      ['--zap-devel', '--ports=9', '--zap-encoder', 'json', '--zap-time-encoding=iso8601'],
      ['--ports=9'],
      ['--zap-devel', '--zap-encoder', '--zap-time-encoding'],
    ],
    [['--kubeconfig', '/etc/kubeconfig', '--ports=9'], ['--ports=9'], ['--kubeconfig']],
    [['-h'], ['-h'], []],
    [['--ports', '-5'], ['--ports', '-5'], []],
  ] as const) {
    it(`${given.join(' ')} become ${args.join(' ') || 'nothing'}`, () => {
      expect(modernizeAgentArguments(given)).to.deep.equal({ args, ignored });
    });
  }
});
