import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect } from 'chai';
import { parse } from 'yaml';
import { type RestRequest, type RestResponse, resolveBinaries, rest } from '../../../hack/control-plane';
import { poll } from '../../harness/poll';
import { sendMagicPackets } from '../../harness/udp-sender';

const MAIN = join(__dirname, '../../../hack/demo/main.js');
const SIGINT_EXIT = 130;
/** One complete run takes about 25 s on two cores, and a minute beside much else. */
const RUN_LIMIT_MS = 300_000;

/** The one of the explicit mapping: the first one has just been used, so that its packets still count as repeats. */
const OTHER_MAC_OF_DESKTOP = '02:00:00:00:01:01';

interface Kubeconfig {
  clusters: [{ cluster: { server: string; 'certificate-authority-data': string } }];
  users: [{ user: { token: string } }];
}

function asAdmin(kubeconfigPath: string, request: RestRequest): Promise<RestResponse> {
  const { clusters, users } = parse(readFileSync(kubeconfigPath, 'utf8')) as Kubeconfig;
  const [{ cluster }] = clusters;
  const ca = Buffer.from(cluster['certificate-authority-data'], 'base64').toString();
  return rest({ server: cluster.server, ca, token: users[0].user.token }, request);
}

/** The demo as a process that leads a group of its own and has a temporary folder of its own, so that what it leaves can be found. */
class DemoProcess {
  readonly temporary = mkdtempSync(join(tmpdir(), 'demo-'));
  output = '';
  private readonly child: ChildProcess;
  private readonly exited: Promise<number | null>;

  constructor(args: readonly string[] = [], env: Readonly<Record<string, string>> = {}) {
    this.child = spawn(process.execPath, [MAIN, ...args], {
      detached: true,
      env: { ...process.env, ...env, TMPDIR: this.temporary },
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    for (const stream of [this.child.stdout!, this.child.stderr!]) {
      stream.setEncoding('utf8').on('data', (text: string) => {
        this.output += text;
      });
    }
    this.exited = new Promise((resolve) => void this.child.once('close', resolve));
  }

  async exitCode(): Promise<number | null> {
    return this.exited;
  }

  /** @returns the first group of the pattern. */
  async saying(pattern: RegExp): Promise<string> {
    const match = await poll(`the demo to say ${pattern}`, () => pattern.exec(this.output) ?? undefined, {
      timeoutMs: RUN_LIMIT_MS,
      onTimeout: () => this.output,
    });
    return match[1] ?? '';
  }

  /** As the terminal does it: to everything that was started. */
  pressCtrlC(): void {
    process.kill(-this.child.pid!, 'SIGINT');
  }

  /** As `kill` does it: to the demo alone. */
  signal(signal: NodeJS.Signals): void {
    this.child.kill(signal);
  }

  /** Files, and command lines of processes. */
  leftovers(): string[] {
    const { stdout } = spawnSync('ps', ['-ax', '-o', 'pgid=,args='], { encoding: 'utf8' });
    const isOurs = (line: string): boolean => Number.parseInt(line, 10) === this.child.pid || line.includes(this.temporary);
    return [...stdout.split('\n').filter(isOurs), ...readdirSync(this.temporary)];
  }

  /** Ends whatever a failed test has left. */
  remove(): void {
    try {
      process.kill(-this.child.pid!, 'SIGKILL');
    } catch {
      // Nothing is left, which is the rule.
    }
    rmSync(this.temporary, { recursive: true, force: true });
  }
}

/** Cells of the lines that begin so, with every time as `N ms`. */
function tableRows(output: string, beginning: RegExp): string[][] {
  const lines = output.split('\n').filter((line) => beginning.test(line));
  return lines.map((line) =>
    line
      .trim()
      .replace(/\d+ ms/g, 'N ms')
      .split(/ {2,}/),
  );
}

describe('the demo', function () {
  this.timeout(RUN_LIMIT_MS + 10_000);
  let demo: DemoProcess | undefined;

  before(async function () {
    this.timeout(0);
    await resolveBinaries();
  });

  afterEach(() => demo?.remove());

  it('shows what the three modules do, and what it measured, ends with 0 and leaves nothing', async () => {
    demo = new DemoProcess();

    const code = await demo.exitCode();

    expect(code, demo.output).to.equal(0);
    for (const machine of ['default/desktop', 'default/build-server', 'lab/ci-runner'])
      expect(demo.output).to.match(new RegExp(`${machine}: Stopped -> Starting[\\s\\S]*${machine}: Starting -> Running`));
    expect(demo.output).to.match(/\(LabelSelector\): packets may start one virtual machine\n/);
    expect(tableRows(demo.output, /^ {2}(default|lab)\//)).to.deep.equal([
      ['default/vault', 'Manual', 'none', 'not started', 'still Stopped'],
      ['default/desktop', 'Manual', 'labelled', 'N ms', 'N ms'],
      ['default/build-server', 'Halted', 'explicit', 'N ms', 'N ms'],
      ['lab/ci-runner', 'RerunOnFailure', 'lab', 'N ms', 'N ms'],
      ['lab/vm-web on east', 'Halted', 'lab', 'N ms', 'N ms'],
    ]);
    for (const [from, to] of [
      ['interval 60 s, mode Automatic', 'interval 3600 s, mode Automatic'],
      ['interval 3600 s, mode Automatic', 'interval 60 s, mode Automatic'],
      ['interval 60 s, mode Automatic', 'interval 120 s, mode Automatic'],
      ['interval 120 s, mode Automatic', 'interval 120 s, mode Predictive'],
      ['interval 120 s, mode Predictive', 'interval 120 s, mode Automatic'],
    ])
      expect(demo.output).to.contain(`KubeDescheduler cluster: ${from} -> ${to}\n`);
    expect(demo.output).to.match(/Event DriftCorrected: .+deschedulingIntervalSeconds/);
    expect(demo.output).to.match(/Machine lab\/web: \w+ -> Running\n[\s\S]+Machine lab\/web: \w+ -> Stopped\n[\s\S]+ -> Running\n/);
    expect(tableRows(demo.output, /^ {2}(KubeDescheduler|Machine) /)).to.deep.equal([
      ['KubeDescheduler cluster', 'interval 60 s -> 3600 s by hand', 'set back to 60 s', 'N ms'],
      ['KubeDescheduler cluster', 'annotation: interval 120 s', 'taken over: 120 s', 'N ms'],
      ['KubeDescheduler cluster', 'mode Automatic -> Predictive by hand', 'set back, and the interval stays 120 s', 'N ms'],
      ['Machine lab/web', 'created', 'lab/vm-web runs on east', 'N ms'],
    ]);
    expect(demo.leftovers()).to.deep.equal([]);
  });

  it('with --wait keeps everything running for the packets of others until Ctrl-C', async () => {
    demo = new DemoProcess(['--wait']);
    const kubeconfig = await demo.saying(/export KUBECONFIG=(\S+)/);
    const stop = await demo.saying(/kubectl replace --raw (\S+) -f -/);
    const port = Number(await demo.saying(/on UDP port (\d+)\n/));

    expect((await asAdmin(kubeconfig, { method: 'PUT', path: stop, body: {} })).status).to.equal(202);
    await demo.saying(/desktop: Stopping -> Stopped/);
    // Again, for the manager may hear of the stop after the demo has told it; a machine that runs is not started.
    await poll(
      'a packet to start it',
      async () => {
        await sendMagicPackets(port, [OTHER_MAC_OF_DESKTOP]);
        return /Changes of state:[\s\S]+desktop: Stopped -> /.test(demo!.output);
      },
      { intervalMs: 1_000 },
    );
    await demo.saying(/Changes of state:[\s\S]+desktop: Starting -> Running/);
    demo.pressCtrlC();

    expect(await demo.exitCode()).to.equal(SIGINT_EXIT);
    expect(demo.leftovers()).to.deep.equal([]);
  });

  for (const [when, line] of [
    ['while the control plane starts', / 1\/12 {2}/],
    ['while the manager starts', / 4\/12 {2}/],
    ['while the second control plane starts', / 10\/12 {2}/],
    ['while the second cluster is connected', /virt-steward kubeconfig --context/],
  ] as const) {
    it(`leaves nothing after Ctrl-C ${when}`, async () => {
      demo = new DemoProcess();
      await demo.saying(line);

      demo.pressCtrlC();

      expect(await demo.exitCode()).to.equal(SIGINT_EXIT);
      expect(demo.output).to.contain('SIGINT: taking everything down');
      expect(demo.output).not.to.contain('failed');
      expect(demo.leftovers()).to.deep.equal([]);
    });
  }

  it('shows the log of a manager that dies, ends with 1 and leaves nothing', async () => {
    demo = new DemoProcess();
    const manager = Number(await demo.saying(/process (\d+) is ready\n/));

    process.kill(manager, 'SIGKILL');

    expect(await demo.exitCode(), demo.output).to.equal(1);
    expect(demo.output).to.match(/failed in step \d+ \(.+manager/);
    expect(demo.output).to.match(/"level":"info","msg":"/);
    expect(demo.leftovers()).to.deep.equal([]);
  });

  it('names the step that failed and ends with 1', async () => {
    demo = new DemoProcess([], { KUBEBUILDER_ASSETS: '/no/such/folder' });

    expect(await demo.exitCode()).to.equal(1);
    expect(demo.output).to.match(/failed in step 1 \(starting etcd, [^)]+\): KUBEBUILDER_ASSETS is \/no\/such\/folder/);
    expect(demo.leftovers()).to.deep.equal([]);
  });

  for (const [args, message] of [
    [['--wiat'], "Unknown option '--wiat'"],
    [['now'], "Unexpected argument 'now'"],
    [['--port', '70000'], '--port is "70000"; allowed: 1 to 65535'],
  ] as const) {
    it(`refuses ${args.join(' ')} with 2`, async () => {
      demo = new DemoProcess(args);

      expect(await demo.exitCode()).to.equal(2);
      expect(demo.output).to.contain(`error: ${message}`);
      expect(demo.output).not.to.contain('1/12');
    });
  }

  it('explains itself with --help', async () => {
    demo = new DemoProcess(['--help']);

    expect(await demo.exitCode()).to.equal(0);
    expect(demo.output).to.contain('npm run demo -- --wait');
  });
});
