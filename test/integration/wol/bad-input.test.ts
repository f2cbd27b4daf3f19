import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer, type Server } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect } from 'chai';
import { TestProcess } from '../../harness/child-process';
import { freeTcpPort } from '../../harness/free-port';
import { MAIN, StewardCluster } from '../../harness/steward-cluster';
import { launchManager } from '../../harness/steward-processes';
import { aWolConfig } from '../../harness/virtual-machines';
import { untilCondition } from '../../harness/wol-objects';

/** Runs the program to its end. */
async function run(args: readonly string[], env: Readonly<Record<string, string>> = {}): Promise<{ code: number | null; lines: string[] }> {
  const process = new TestProcess('virt-steward', [MAIN, ...args], env);
  try {
    await process.until('to end by itself', () => !process.isRunning).catch(() => undefined);
    const { code } = await process.stop();
    return { code, lines: process.log.split('\n').filter((line) => line !== '') };
  } finally {
    await process.stop();
  }
}

const MANAGER = [
  'manager',
  '--modules=wol',
  '--grpc-insecure',
  '--metrics-bind-address=0',
  '--grpc-bind-address=127.0.0.1:0',
  '--health-probe-bind-address=0',
];
const AGENT = ['agent', '--node-name=n', '--grpc-insecure', '--health-probe-bind-address=0'];

describe('bad input on the command line ends with code 2 and one line that names flag, value and what is allowed', () => {
  const folder = mkdtempSync(join(tmpdir(), 'virt-steward-bad-input-'));
  const garbage = join(folder, 'garbage.kubeconfig');
  const noContext = join(folder, 'no-context.kubeconfig');

  before(() => {
    writeFileSync(garbage, 'clusters: [{ name: ]');
    writeFileSync(noContext, 'apiVersion: v1\nkind: Config\nclusters: []\n');
  });

  after(() => rmSync(folder, { recursive: true }));

  interface Row {
    readonly what: string;
    readonly args: readonly string[];
    readonly env?: Readonly<Record<string, string>>;
    /** Each has to be in the one line. */
    readonly says: readonly string[];
  }

  const rows: readonly Row[] = [
    { what: 'an unknown command', args: ['wakeup'], says: ["'wakeup'", 'virt-steward --help'] },
    { what: 'an unknown flag of the manager', args: ['manager', '--bogus=1'], says: ["'--bogus", 'virt-steward manager --help'] },
    { what: 'a mistyped flag', args: ['agent', '--port=9'], says: ["'--port", '--ports', 'virt-steward agent --help'] },
    { what: 'a flag without its value', args: ['agent', '--ports'], says: ['--ports', 'virt-steward agent --help'] },
    { what: 'an argument too many', args: ['manager', 'now'], says: ['now', 'virt-steward manager --help'] },
    { what: 'an agent without a node name', args: ['agent'], says: ['--node-name', '""', '1 to 253 characters'] },
    { what: 'an empty node name by environment', args: ['agent'], env: { NODE_NAME: ' ' }, says: ['--node-name', 'NODE_NAME', '1 to 253'] },
    {
      what: 'an agent with a client certificate and no key',
      args: ['agent', '--node-name=n', '--grpc-cert-file=/tls.crt'],
      says: ['--grpc-key-file', '""', '--grpc-cert-file is given'],
    },
    { what: 'a port that is too high', args: [...AGENT, '--ports=9,70000'], says: ['--ports', '"9,70000"', '1 to 65535'] },
    { what: 'a port that is a word', args: [...AGENT, '--ports=nine'], says: ['--ports', '"nine"', '1 to 65535'] },
    { what: 'eleven ports', args: [...AGENT, '--ports=1,2,3,4,5,6,7,8,9,10,11'], says: ['--ports', 'at most 10'] },
    { what: 'bad ports by environment', args: AGENT, env: { PORTS: '0' }, says: ['--ports (from PORTS)', '"0"', '1 to 65535'] },
    {
      what: 'a manager address without a port',
      args: [...AGENT, '--operator-address=manager'],
      says: ['--operator-address', '"manager"', 'host:port'],
    },
    {
      what: 'a health address without a port',
      args: ['agent', '--node-name=n', '--grpc-insecure', '--health-probe-bind-address=here'],
      says: ['--health-probe-bind-address', '"here"', '[host]:port'],
    },
    { what: 'a window that is too long', args: [...AGENT, '--dedup-window=2m'], says: ['--dedup-window', '"2m"', '0s to 60s'] },
    { what: 'an unknown log level', args: [...AGENT, '--log-level=loud'], says: ['--log-level', '"loud"', 'error, warn, info, debug'] },
    {
      what: 'a TLS mode that is none',
      args: ['manager', '--modules=wol', '--metrics-bind-address=0', '--grpc-tls-mode=off'],
      says: ['--grpc-tls-mode', '"off"', 'self, cert-manager, service-ca, existingSecret'],
    },
    { what: 'an unknown module', args: [...MANAGER, '--modules=wol,vol'], says: ['--modules', '"vol"', 'wol'] },
    { what: 'no module', args: [...MANAGER, '--modules=,'], says: ['--modules', '","', 'wol'] },
    {
      what: 'a gRPC address that is none',
      args: [...MANAGER, '--grpc-bind-address=localhost'],
      says: ['--grpc-bind-address', '"localhost"', '[host]:port'],
    },
    {
      what: 'a metrics address that is none',
      args: [...MANAGER, '--metrics-bind-address=:99999'],
      says: ['--metrics-bind-address', '":99999"', '[host]:port'],
    },
    { what: 'a namespace that cannot be', args: [...MANAGER, '--namespace=Big_One'], says: ['--namespace', '"Big_One"', '63 characters'] },
    { what: 'a start timeout out of range', args: [...MANAGER, '--wol-start-timeout=1h'], says: ['--wol-start-timeout', '"1h"', '600s'] },
    {
      what: 'a kubeconfig that is not there',
      args: [...MANAGER, `--kubeconfig=${join(folder, 'absent')}`],
      says: ['--kubeconfig', 'absent"', 'no such file'],
    },
    { what: 'a kubeconfig that is a folder', args: [...MANAGER, `--kubeconfig=${folder}`], says: ['--kubeconfig', 'it is a folder'] },
    {
      what: 'a kubeconfig that is no YAML',
      args: [...MANAGER, `--kubeconfig=${garbage}`],
      says: ['--kubeconfig', garbage, 'not valid YAML (line 1)'],
    },
    {
      what: 'a kubeconfig without a context, by environment',
      args: MANAGER,
      env: { KUBECONFIG: noContext },
      says: ['--kubeconfig (from KUBECONFIG)', noContext, 'no usable current context'],
    },
    { what: 'no kubeconfig and no pod around', args: MANAGER, says: ['--kubeconfig', 'KUBECONFIG', 'run in a pod'] },
    { what: 'a MAC address that is none', args: ['wake', '02:00:00:00:00'], says: ['"02:00:00:00:00"', 'aa:bb:cc:dd:ee:ff'] },
    { what: 'no MAC address', args: ['wake'], says: ['MAC', 'virt-steward wake --help'] },
    { what: 'a list and a packet at once', args: ['wake', '--list', '--dry-run'], says: ['--dry-run', '--list'] },
    { what: 'a machine without its namespace', args: ['doctor', 'desktop'], says: ['"desktop"', 'NAMESPACE/NAME'] },
    { what: 'an output format that is none', args: ['rbac', '--output=xml'], says: ['--output', 'xml', 'yaml, json'] },
  ];
  for (const { what, args, env, says } of rows) {
    it(what, async () => {
      const { code, lines } = await run(args, env);

      expect(code, lines.join('\n')).to.equal(2);
      expect(lines, 'lines').to.have.length(1);
      expect(lines[0]).to.match(/^error: /);
      for (const text of says) expect(lines[0]).to.contain(text);
    });
  }
});

describe('good input on the command line', () => {
  for (const args of [['--help'], ['manager', '--help'], ['agent', '--help'], ['wake', '--help'], ['rbac'], ['--version']]) {
    it(`ends with code 0: ${args.join(' ')}`, async () => {
      const { code, lines } = await run(args);

      expect(code, lines.join('\n')).to.equal(0);
      expect(lines).to.not.have.length(0);
    });
  }
});

describe('an address that is taken ends a process with code 1 and a last line that names it', () => {
  let holder: Server;
  let port: number;

  before(async () => {
    port = await freeTcpPort();
    holder = createServer();
    await new Promise<void>((resolve) => {
      holder.listen(port, '127.0.0.1', resolve);
    });
  });

  after(() => holder.close());

  for (const flag of ['--health-probe-bind-address', '--grpc-bind-address', '--metrics-bind-address']) {
    it(`${flag} of the manager`, async () => {
      const folder = mkdtempSync(join(tmpdir(), 'virt-steward-taken-'));
      try {
        const kubeconfig = unreachable(folder);
        const { code, lines } = await run([
          ...MANAGER,
          '--metrics-secure=false',
          `--kubeconfig=${kubeconfig}`,
          `${flag}=127.0.0.1:${port}`,
        ]);

        expect(code, lines.join('\n')).to.equal(1);
        const last = lines[lines.length - 1];
        expect(last).to.match(/^error: /);
        expect(last).to.contain(flag).and.to.contain(String(port));
      } finally {
        rmSync(folder, { recursive: true });
      }
    });
  }
});

describe('a manager', () => {
  let cluster: StewardCluster;

  before(async function () {
    this.timeout(0);
    cluster = await StewardCluster.start({ modules: 'wol' });
  });

  after(() => cluster?.stop());

  it('whose API server cannot be reached stays, is not ready, says so once, and leaves packets with the agents', async () => {
    const kubeconfig = unreachable(cluster.controlPlane.directory);
    const manager = await launchManager(cluster, { kubeconfig });
    try {
      await manager.process.until('says it', () => manager.process.log.includes('API server cannot be reached'));
      await manager.process.until('/readyz to say it', async () => {
        const { status, text } = await manager.health('/readyz?verbose').catch(() => ({ status: 0, text: '' }));
        return status === 503 && text.includes('[-]informers') && text.includes('127.0.0.1:1');
      });
      expect((await manager.health('/healthz')).status).to.equal(200);
      expect(manager.process.isRunning).to.equal(true);
      expect(manager.process.log.match(/API server cannot be reached/g)).to.have.length(1);
    } finally {
      expect(await manager.process.stop()).to.deep.equal({ code: 0, signal: null });
    }
  });

  it('never sees what the API refuses, and calls what it cannot act on InvalidConfig', async () => {
    const manager = await launchManager(cluster);
    try {
      const refused: readonly (readonly [string, object])[] = [
        ['spec.wolPorts[0]', { wolPorts: [70_000] }],
        ['spec.wolPort', { wolPort: 0 }],
        ['spec.explicitMappings[0].macAddress', { explicitMappings: [{ macAddress: '02:00:00', vmName: 'a', namespace: 'b' }] }],
        ['spec.discoveryMode', { discoveryMode: 'Everything' }],
      ];
      for (const [field, spec] of refused) {
        const refusal = await cluster.api.apply(aWolConfig('refused', spec)).catch((error: Error) => error.message);
        expect(refusal).to.be.a('string').and.to.contain(field).and.to.contain('422');
      }
      await cluster.api.apply(aWolConfig('aimless', { discoveryMode: 'LabelSelector' }));
      const { message } = await untilCondition(cluster.api, 'aimless', 'Ready', 'False', 'InvalidConfig');
      expect(message).to.match(/^spec\.vmSelector is not set; allowed/);
    } finally {
      await manager.process.stop();
    }
  });
});

/** A kubeconfig file whose server is nowhere. */
function unreachable(folder: string): string {
  const path = join(folder, 'unreachable.kubeconfig');
  const lines = [
    'apiVersion: v1',
    'kind: Config',
    'current-context: nowhere',
    'contexts: [{ name: nowhere, context: { cluster: nowhere, user: nobody } }]',
    'clusters: [{ name: nowhere, cluster: { server: "https://127.0.0.1:1" } }]',
    'users: [{ name: nobody, user: { token: none } }]',
  ];
  writeFileSync(path, lines.join('\n'));
  return path;
}
