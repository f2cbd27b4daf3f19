import { createSocket, type Socket } from 'node:dgram';
import { createServer } from 'node:net';
import { inspect } from 'node:util';
import { expect } from 'chai';
import { type Clock, type Logger, SystemClock } from '../../../../src/framework';
import { FakeClock } from '../../../../src/framework/testing/fake-clock';
import { RecordingLogger } from '../../../../src/framework/testing/recording-logger';
import type { AgentOptions } from '../../../../src/wol/agent/agent-options';
import { runAgent } from '../../../../src/wol/agent/run-agent';
import { Transport, type WOLEvent } from '../../../../src/wol/protocol/generated/wol-descriptor';
import { BURST_OVER_MS } from '../../../../src/wol/protocol/limits';
import { buildMagicPacket } from '../../../../src/wol/protocol/magic-packet';
import { timestampToMs } from '../../../../src/wol/protocol/timestamp';
import { freeTcpPort, freeUdpPort } from '../../../harness/free-port';
import { poll } from '../../../harness/poll';
import { ManagerDouble } from '../support/manager-double';

const mac = (i: number, group = 0): string => `02:00:00:${hex(group)}:${hex(i >> 8)}:${hex(i & 0xff)}`;
const hex = (byte: number): string => byte.toString(16).padStart(2, '0');

describe('agent', () => {
  let manager: ManagerDouble;
  let sender: Socket;
  let logger: RecordingLogger;
  let options: AgentOptions;
  let firstPort: number;
  let secondPort: number;
  let stop: AbortController;
  let running: Promise<number>[];
  let clocks: FakeClock[];

  beforeEach(async () => {
    manager = new ManagerDouble();
    await manager.start();
    sender = createSocket('udp4');
    await new Promise<void>((resolve) => sender.bind(0, '127.0.0.1', resolve));
    logger = new RecordingLogger();
    firstPort = await freeUdpPort();
    secondPort = await freeUdpPort();
    stop = new AbortController();
    running = [];
    clocks = [];
    options = {
      nodeName: 'node-a',
      operatorAddress: manager.address,
      ports: [firstPort, secondPort],
      healthAddress: { host: '127.0.0.1', port: await freeTcpPort() },
      credentials: undefined,
      configName: 'home',
      rawEthernet: false,
      dedupWindowMs: 2_000,
      queueSize: 4_096,
      logLevel: 'info',
      logFormat: 'json',
    };
  });

  afterEach(async () => {
    stop.abort();
    let haveEnded = false;
    void Promise.all(running).then(() => {
      haveEnded = true;
    });
    // Where time stands still it goes by now: an end may wait for it.
    await poll('the end of every agent', async () => {
      for (const clock of clocks) await clock.advance(50);
      return haveEnded;
    });
    sender.close();
    await manager.stop();
  });

  const run = (
    fields: Partial<AgentOptions> = {},
    log: Logger = logger,
    onQuiet = (): void => undefined,
    clock: Clock = new SystemClock(),
  ): Promise<number> => {
    const deps = { clock, logger: log, signal: stop.signal, version: '1.2.3', onQuiet };
    if (clock instanceof FakeClock) clocks.push(clock);
    const ended = runAgent({ ...options, ...fields }, deps);
    running.push(ended);
    return ended;
  };
  const started = async (fields: Partial<AgentOptions> = {}, clock?: FakeClock): Promise<Promise<number>[]> => {
    void run(fields, logger, undefined, clock);
    const ports = fields.ports ?? options.ports;
    await poll('ports bound', () => boundPorts() === 2 * ports.length);
    if (clock !== undefined && manager.isUp) await connected(clock);
    return running;
  };
  /** A slow process may need more than one attempt, with pauses that go by on the clock. */
  const connected = (clock: FakeClock): Promise<unknown> =>
    poll('a connection', async () => {
      if (logger.messages('info').includes('manager connected')) return true;
      if (logger.messages('warn').some((message) => message.startsWith('manager not reached'))) await clock.advance(50);
      return false;
    });
  /** Its exit code. Time goes by on its clock, but no further than `limitMs`, while sockets take what they need. */
  const endWithin = async (limitMs: number, ended: Promise<number>, clock: FakeClock): Promise<number> => {
    const endsAtMs = clock.monotonicMs() + limitMs;
    let code: number | undefined;
    void ended.then((found) => {
      code = found;
    });
    return poll('the end', async () => {
      if (code === undefined && clock.monotonicMs() < endsAtMs) await clock.advance(50);
      return code === undefined ? undefined : { code };
    }).then((found) => found.code);
  };
  const boundPorts = (): number => logger.messages('info').filter((message) => message === 'UDP port bound').length;
  const send = (packet: Uint8Array, port = firstPort): void => sender.send(packet, port, '127.0.0.1');
  const ask = (path: string): Promise<Response> => fetch(`http://127.0.0.1:${options.healthAddress?.port}${path}`);
  /** It may begin to listen later than the ports are bound. */
  const health = async (path: string): Promise<Response> => {
    let refusal: unknown;
    const onTimeout = (): string => [refusal, ...logger.lines].map((part) => inspect(part)).join('\n');
    const answer = (): Promise<Response | undefined> =>
      ask(path).catch((error: unknown) => {
        refusal = error;
        return undefined;
      });
    return poll('the health endpoint', answer, { onTimeout });
  };
  const metric = async (line: string): Promise<boolean> => (await (await health('/metrics')).text()).split('\n').includes(line);

  it('tells the manager after connecting which ports it has, and at once when that changes', async () => {
    const holder = createSocket('udp4');
    await new Promise<void>((resolve) => holder.bind(secondPort, resolve));
    void run({ configName: 'home' });
    const last = () => manager.statuses.at(-1);
    await poll('a status with one port', () => last()?.ports.some(({ port, error }) => port === secondPort && error !== ''));
    expect(last()).to.include({ nodeName: 'node-a', configName: 'home', version: '1.2.3', healthError: '' });
    await new Promise<void>((resolve) => holder.close(() => resolve()));

    await poll('a status without a problem', () => last()?.ports.every(({ ipv4, error }) => ipv4 && error === ''));
    expect(last()?.ports.map(({ port }) => port)).to.deep.equal([firstPort, secondPort]);
  });

  it('reports a packet on each of its ports with all that the manager needs to know', async () => {
    await started();
    const beforeMs = Date.now();
    send(buildMagicPacket(mac(1), Uint8Array.of(1, 2, 3, 4, 5, 6)));
    send(buildMagicPacket(mac(2)), secondPort);
    await poll('two events', () => manager.events.length === 2);

    const [first, second] = manager.events as [WOLEvent, WOLEvent];
    expect(first).to.deep.include({
      macAddress: mac(1),
      nodeName: 'node-a',
      sourceIp: '127.0.0.1',
      sourcePort: sender.address().port,
      packetSize: 108,
      destPort: firstPort,
      transport: Transport.TRANSPORT_UDP4,
      configName: 'home',
    });
    expect([...first.secureOn]).to.deep.equal([1, 2, 3, 4, 5, 6]);
    expect(timestampToMs(first.timestamp)).to.be.within(beforeMs, Date.now());
    expect(second).to.deep.include({ macAddress: mac(2), destPort: secondPort, packetSize: 102 });
  });

  it('delivers every one of 1,000 different packets sent in one loop', async () => {
    await started();
    const wanted = Array.from({ length: 1_000 }, (_, i) => mac(i));
    for (const address of wanted) send(buildMagicPacket(address));
    await poll('1,000 events', () => manager.events.length >= 1_000);

    expect(manager.macs().sort()).to.deep.equal(wanted);
    expect(await metric('wol_agent_packets_total{transport="udp4",result="accepted",node="node-a"} 1000')).to.equal(true);
  });

  it('reports every one of 10,000 different packets of one sender, but for those that the kernel says it dropped', async () => {
    // The kernel is asked every 10 s. Time goes by slowly, so that no event gets too old in a slow process.
    const clock = new FakeClock();
    await started({}, clock);
    for (let i = 0; i < 10_000; i++) send(buildMagicPacket(mac(i)));
    const drops = new RegExp(`wol_agent_kernel_drops_total\\{port="${firstPort}",family="ipv4",node="node-a"\\} (\\d+)`);
    await poll(
      'all accounted for',
      async () => {
        const text = await (await health('/metrics')).text();
        if (manager.events.length + Number(drops.exec(text)?.[1]) === 10_000) return true;
        await clock.advance(text.includes('wol_agent_queue_depth{node="node-a"} 0\n') ? 1_000 : BURST_OVER_MS);
        return false;
      },
      { intervalMs: 200, onTimeout: () => `${manager.events.length} events` },
    );
    expect(new Set(manager.macs()).size).to.equal(manager.events.length);
  });

  it('reports a wake of another sender before all of a flood that is beyond its share, and refuses what is too much', async () => {
    const answers = Promise.withResolvers<void>();
    manager.answer = async () => {
      await answers.promise;
      return { status: 4 };
    };
    // Time stands still: the share of the flood does not grow.
    const clock = new FakeClock();
    await started({}, clock);
    for (let chunk = 0; chunk < 16; chunk++) {
      for (let i = 0; i < 1_000; i++) send(buildMagicPacket(mac(chunk * 1_000 + i)));
      await poll('the chunk to be read', async () => (await packetsRead()) === (chunk + 1) * 1_000);
    }
    const other = createSocket('udp4');
    await new Promise<void>((resolve) => other.bind(0, '127.0.0.2', resolve));
    other.send(buildMagicPacket(mac(0, 1)), firstPort, '127.0.0.1');
    await poll('the wake to be read', async () => (await packetsRead()) === 16_001);
    other.close();
    answers.resolve();
    await clock.advance(BURST_OVER_MS);
    await poll('all reported', () => metric('wol_agent_queue_depth{node="node-a"} 0'));

    // Of the flood, what was sent before anything waited and 64 in line are before the wake; 12,288 waited aside; the rest was refused.
    const position = manager.macs().indexOf(mac(0, 1));
    expect(position).to.be.within(64, 64 + 256);
    expect(manager.events).to.have.length(position + 1 + 12_288);
    expect(await metric(`wol_agent_packets_total{transport="udp4",result="limited",node="node-a"} ${16_000 - 12_288 - position}`)).to.equal(
      true,
    );
  });

  const packetsRead = async (): Promise<number> =>
    [...(await (await health('/metrics')).text()).matchAll(/^wol_agent_packets_total\{.*\} (\d+)$/gm)].reduce(
      (sum, [, count]) => sum + Number(count),
      0,
    );

  it('loses no packet that arrives while the manager restarts', async () => {
    await started();
    await poll('connected', () => logger.messages('info').includes('manager connected'));
    await manager.stop();
    for (let i = 0; i < 100; i++) send(buildMagicPacket(mac(i)));
    await poll('packets read', () => metric('wol_agent_queue_depth{node="node-a"} 100'));
    await manager.start();
    await poll('100 events', () => manager.events.length === 100);

    expect(manager.macs()).to.deep.equal(Array.from({ length: 100 }, (_, i) => mac(i)));
    await poll('queue empty', () => metric('wol_agent_queue_depth{node="node-a"} 0'));
  });

  it('starts without a manager and delivers when there is one', async () => {
    await manager.stop();
    await started();
    send(buildMagicPacket(mac(1)));
    await poll('said so', () => logger.messages('warn').includes('manager not reached; events are kept and sent again'));
    await manager.start();
    await poll('the event', () => manager.events.length === 1);
  });

  it('keeps its events from a manager that is not ready', async () => {
    manager.setServing(false);
    await started();
    send(buildMagicPacket(mac(1)));
    await poll('refused', () => logger.lines.some(({ fields }) => fields['cause'] === 'UNAVAILABLE: the manager is not ready'));
    expect(manager.events).to.deep.equal([]);
    manager.setServing(true);
    await poll('the event', () => manager.events.length === 1);
  });

  it('drops junk, unusable addresses and repeats, and counts each', async () => {
    // Time stands still: a repeat stays one.
    await started({}, new FakeClock());
    send(Buffer.from('hello'));
    send(Buffer.alloc(0));
    send(buildMagicPacket('ff:ff:ff:ff:ff:ff'));
    for (let i = 0; i < 5; i++) send(buildMagicPacket(mac(1)));
    send(buildMagicPacket(mac(1)), secondPort);
    await poll('all packets counted', async () => {
      const figures = await (await health('/metrics')).text();
      return [
        'malformed",node="node-a"} 2',
        'unusable",node="node-a"} 1',
        'duplicate",node="node-a"} 4',
        'accepted",node="node-a"} 2',
      ].every((line) => figures.includes(line));
    });

    await poll('two events', () => manager.events.length === 2);
    expect(manager.events.map(({ destPort }) => destPort).sort()).to.deep.equal([firstPort, secondPort].sort());
  });

  it('refuses what its queue cannot hold and lets the sender try again', async () => {
    await manager.stop();
    await started({ queueSize: 64 });
    for (let i = 0; i < 65; i++) send(buildMagicPacket(mac(i)));
    await poll('one refused', () => metric('wol_agent_queue_dropped_total{reason="full",node="node-a"} 1'));
    await manager.start();
    await poll('64 events answered', () => metric('wol_agent_queue_depth{node="node-a"} 0'));
    expect(manager.events).to.have.length(64);
    send(buildMagicPacket(mac(64)));
    await poll('the refused one', () => manager.macs().includes(mac(64)));
  });

  it('shares a port with another agent on the node', async () => {
    await started();
    void run({ healthAddress: undefined });
    await poll('both bound', () => boundPorts() === 8);
    send(buildMagicPacket(mac(1)));
    await poll('an event', () => manager.events.length === 1);
  });

  it('works on with the ports it has when another is taken, is not ready meanwhile, and says why', async () => {
    const holder = createSocket('udp4');
    await new Promise<void>((resolve) => holder.bind(secondPort, resolve));
    try {
      void run();
      await poll('one bound', () => logger.messages('info').includes('UDP port bound'));
      send(buildMagicPacket(mac(1)));
      await poll('an event', () => manager.events.length === 1);
      const answer = await health('/readyz');
      expect(answer.status).to.equal(503);
      expect(await answer.text()).to.match(new RegExp(`^udp4 port ${secondPort}: .*EADDRINUSE`));
    } finally {
      holder.close();
    }
  });

  it('ends with 1 when no port can be bound for 3 s, naming port and cause', async () => {
    // Dual-stack: taken in both families.
    const holder = createSocket('udp6');
    await new Promise<void>((resolve) => holder.bind(firstPort, resolve));
    try {
      const clock = new FakeClock();
      expect(await endWithin(4_000, run({ ports: [firstPort] }, logger, undefined, clock), clock)).to.equal(1);
      expect(clock.monotonicMs()).to.be.at.least(3_000);
      const [line] = logger.lines.filter(({ level }) => level === 'error');
      expect(line?.message).to.equal('no UDP port could be bound');
      expect(String(line?.fields['problems'])).to.match(new RegExp(`UDP port ${firstPort} \\(ipv4\\) is not bound: .*EADDRINUSE`));
    } finally {
      holder.close();
    }
  });

  it('ends with 1 when its health address was in use for 60 s, naming it', async () => {
    const holder = createServer();
    await new Promise<void>((resolve) => holder.listen(options.healthAddress?.port, '127.0.0.1', resolve));
    const clock = new FakeClock();
    let code: number | undefined;
    void run({}, logger, undefined, clock).then((ended) => {
      code = ended;
    });
    try {
      // Each attempt is a real one: time goes by only once it has failed.
      await poll('the end', async () => {
        await clock.advance(250);
        return code !== undefined;
      });
      expect(code).to.equal(1);
      expect(clock.monotonicMs()).to.be.at.least(60_000);
      const [line] = logger.lines.filter(({ level }) => level === 'error');
      expect(line?.message).to.equal('health endpoint cannot be served');
      expect(line?.fields['cause']).to.match(/EADDRINUSE.*127\.0\.0\.1/);
    } finally {
      holder.close();
    }
  });

  it('is alive and ready once its ports are bound', async () => {
    await started();
    await poll('health endpoint', async () => (await health('/healthz').catch(() => undefined))?.status === 200);
    expect(await (await health('/healthz')).text()).to.equal('ok');
    expect(await (await health('/readyz')).text()).to.equal('ready');
    expect((await (await health('/readyz?verbose')).text()).split('\n')).to.deep.equal([
      `[+] udp4 port ${firstPort}`,
      `[+] udp6 port ${firstPort}`,
      `[+] udp4 port ${secondPort}`,
      `[+] udp6 port ${secondPort}`,
      '[+] manager',
    ]);
  });

  it('exports metrics without any address or machine in them', async () => {
    await started({}, new FakeClock());
    send(buildMagicPacket(mac(1)));
    await poll('an answer', () => metric('wol_agent_reports_total{status="vm_start_initiated",node="node-a"} 1'));
    const answer = await health('/metrics');
    const text = await answer.text();

    expect(answer.headers.get('content-type')).to.equal('text/plain; version=0.0.4; charset=utf-8');
    expect(text).to.include(
      `wol_agent_info{port="${firstPort},${secondPort}",operator="${manager.address}",version="1.2.3",config="home",node="node-a"} 1`,
    );
    for (const line of [
      'wol_agent_connected{node="node-a"} 1',
      'wol_agent_dedupe_cache_size{node="node-a"} 1',
      `wol_agent_port_bound{port="${firstPort}",family="ipv4",node="node-a"} 1`,
      `wol_agent_port_bound{port="${firstPort}",family="ipv6",node="node-a"} 1`,
      `wol_agent_kernel_drops_total{port="${firstPort}",family="ipv4",node="node-a"} 0`,
      `wol_agent_kernel_drops_total{port="${firstPort}",family="ipv6",node="node-a"} 0`,
      'wol_agent_packets_total{transport="udp6",result="accepted",node="node-a"} 0',
      'wol_agent_packets_total{transport="ethernet",result="accepted",node="node-a"} 0',
      'wol_agent_raw_interfaces{node="node-a"} 0',
      'wol_agent_report_seconds_count{node="node-a"} 1',
    ]) {
      expect(text.split('\n')).to.include(line);
    }
    expect(text).to.not.include(mac(1));
  });

  for (const traffic of ['without traffic', 'with events that nobody answers'] as const) {
    it(`ends with 0 in under 2 s ${traffic}`, async () => {
      if (traffic !== 'without traffic') manager.answer = () => new Promise(() => undefined);
      const clock = new FakeClock();
      const [ended] = await started({}, clock);
      if (traffic !== 'without traffic') {
        send(buildMagicPacket(mac(1)));
        await poll('an event', () => manager.events.length === 1);
      }
      stop.abort();

      expect(await endWithin(2_000, ended!, clock)).to.equal(0);
      const [rebound] = await Promise.all([ask('/healthz').catch(() => 'closed')]);
      expect(rebound).to.equal('closed');
    });
  }

  it('ends with 0 in under 2 s without a manager and with events in its queue', async () => {
    await manager.stop();
    const clock = new FakeClock();
    const [ended] = await started({}, clock);
    send(buildMagicPacket(mac(1)));
    await poll('queued', () => metric('wol_agent_queue_depth{node="node-a"} 1'));
    stop.abort();

    expect(await endWithin(2_000, ended!, clock)).to.equal(0);
  });

  it('delivers what it has read before it ends', async () => {
    let release: () => void = () => undefined;
    const answered = new Promise<void>((resolve) => {
      release = resolve;
    });
    manager.answer = async () => {
      await answered;
      return { status: 4 };
    };
    const clock = new FakeClock();
    const [ended] = await started({}, clock);
    for (let i = 0; i < 300; i++) send(buildMagicPacket(mac(i)));
    await poll('all read', () => metric('wol_agent_queue_depth{node="node-a"} 300'));
    stop.abort();
    release();
    // The time for it stands still meanwhile.
    await poll('all delivered', () => manager.events.length >= 300);

    expect(await endWithin(2_000, ended!, clock)).to.equal(0);
    expect(manager.events).to.have.length(300);
  });

  it('ends with 0 at once when it was asked to before it began', async () => {
    stop.abort();
    expect(await run()).to.equal(0);
  });

  it('tidies up once it is quiet after its start, and after many packets, not after a few', async () => {
    let times = 0;
    void run({}, logger, () => times++);
    await poll('tidied up after the start', () => times === 1);
    for (let i = 0; i < 5; i++) send(buildMagicPacket(mac(i, 1)));
    await poll('few packets', () => manager.events.length === 5);
    for (let i = 0; i < 600; i++) send(buildMagicPacket(mac(i)));
    await poll('tidied up again', () => times === 2);
    await poll('all packets', () => manager.events.length >= 605);
    expect(manager.events).to.have.length(605);
  });

  it('logs at most ten packets a second and the number of those left out, and never a password', async () => {
    const clock = new FakeClock();
    const [ended] = await started({}, clock);
    for (let i = 0; i < 50; i++) send(buildMagicPacket(mac(i), Buffer.from('secret')));
    await poll('50 events', () => manager.events.length === 50);
    stop.abort();
    await endWithin(2_000, ended!, clock);

    expect(logger.messages('info').filter((message) => message === 'magic packet accepted')).to.have.length(10);
    expect(logger.messages('info')).to.include('packet lines left out');
    expect(JSON.stringify(logger.lines)).to.not.match(/secret|736563726574/);
  });
});
