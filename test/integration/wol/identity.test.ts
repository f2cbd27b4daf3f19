import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { status } from '@grpc/grpc-js';
import { expect } from 'chai';
import { TestCertificateAuthority } from '../../../src/framework/testing';
import { verifiedCredentials } from '../../../src/wol/agent/agent-credentials';
import type { RpcStatusError } from '../../../src/wol/protocol/rpc-status-error';
import { WolClient } from '../../../src/wol/protocol/wol-client';
import { AgentIdentities } from '../../harness/agent-identities';
import { freeUdpPort } from '../../harness/free-port';
import { PATIENCE_MS, poll } from '../../harness/poll';
import { StewardCluster } from '../../harness/steward-cluster';
import { type AgentProcess, launchAgent, type ManagerProcess, startAgent, startManager } from '../../harness/steward-processes';
import { sendMagicPackets } from '../../harness/udp-sender';
import { aVm, aWolConfig, testMac } from '../../harness/virtual-machines';
import { untilStatus } from '../../harness/wol-objects';

const NODE = 'node-a';

describe('reports of agents', () => {
  let cluster: StewardCluster;
  let identities: AgentIdentities;
  let manager: ManagerProcess;
  let udpPort: number;
  const processes: AgentProcess[] = [];

  before(async function () {
    this.timeout(0);
    cluster = await StewardCluster.start({ modules: 'wol' });
    identities = await AgentIdentities.create(cluster);
    udpPort = await freeUdpPort();
    await cluster.api.apply(aWolConfig('all', { wolPorts: [9, udpPort] }));
    for (const [n, name] of ['one', 'two', 'three'].entries()) await cluster.api.apply(aVm({ name, mac: testMac(n + 1) }));
    manager = await startManager(cluster, { secure: true });
    await untilStatus(cluster.api, 'all', 'to count all', ({ managedVMs }) => managedVMs === 3);
  });

  after(async () => {
    await Promise.all(processes.map(({ process }) => process.stop()));
    await manager?.process.stop();
    await cluster?.stop();
  });

  async function clientWith(token: string | undefined): Promise<WolClient> {
    const files = { authorities: await identities.authorities(), token: token ?? '', pair: undefined };
    const { channel, authorization } = verifiedCredentials(files, 'localhost');
    return new WolClient(`localhost:${manager.grpcPort}`, channel, token === undefined ? {} : { authorization });
  }

  /** The status of a report by a single call, and by a stream. */
  async function codesOf(token: string | undefined, nodeName: string): Promise<{ unary: status; stream: status; status: status }> {
    const client = await clientWith(token);
    const event = { macAddress: testMac(1), nodeName, destPort: 9 };
    const codeOf = (answer: Promise<unknown>): Promise<status> =>
      answer.then(
        () => status.OK,
        (error: unknown) => (error as RpcStatusError).status,
      );
    try {
      const unary = await codeOf(client.reportEvent(event).response);
      const stream = client.streamEvents();
      const ended = new Promise<status>((resolve) => stream.on('status', ({ code }) => resolve(code)));
      stream.on('error', () => undefined).on('data', () => stream.end());
      stream.write(event);
      return { unary, stream: await ended, status: await codeOf(client.reportStatus({ nodeName }, PATIENCE_MS).response) };
    } finally {
      client.close();
    }
  }

  const refusals: readonly { what: string; token: () => Promise<string | undefined>; node?: string; code: status; reason: string }[] = [
    { what: 'no token', token: async () => undefined, code: status.UNAUTHENTICATED, reason: 'no_token' },
    { what: 'a token that is made up', token: async () => 'not.a.token', code: status.UNAUTHENTICATED, reason: 'invalid' },
    {
      what: 'a token of another audience',
      token: () => identities.token({ audience: 'https://kubernetes.default.svc' }),
      code: status.UNAUTHENTICATED,
      reason: 'audience',
    },
    {
      what: 'a token of another service account',
      token: () => identities.token({ account: 'somebody' }),
      code: status.PERMISSION_DENIED,
      reason: 'account',
    },
    {
      what: 'the token of an agent on another node',
      token: async () => identities.token({ pod: await identities.pod('node-b') }),
      code: status.PERMISSION_DENIED,
      reason: 'node',
    },
    {
      what: 'an expired token',
      token: async () => {
        const [now, token] = [Math.floor(Date.now() / 1_000), await identities.token()];
        return identities.signed(token, { iat: now - 7_200, nbf: now - 7_200, exp: now - 3_600 });
      },
      code: status.UNAUTHENTICATED,
      reason: 'expired',
    },
  ];

  const isAbout = (token: string | undefined, text: string): boolean => token !== undefined && text.includes(token);

  for (const { what, token: tokenOf, code, reason } of refusals) {
    it(`with ${what} are refused with ${status[code]}, counted, told once without the token, and start nothing`, async () => {
      const before = await refusalsOf(reason);
      const told = (): number => manager.process.log.split('\n').filter((line) => line.includes(`"reason":"${reason}"`)).length;
      const token = await tokenOf();

      const codes = await codesOf(token, NODE);

      expect(codes).to.deep.equal({ unary: code, stream: code, status: code });
      expect(await refusalsOf(reason)).to.equal(before + 3);
      await manager.process.until('to tell it', () => told() >= 1);
      expect(told(), manager.process.log).to.equal(1);
      expect(isAbout(token, manager.process.log)).to.equal(false);
      expect(cluster.kubevirt.journal.calls({ verb: 'start' })).to.deep.equal([]);
    });
  }

  it('over plaintext, or by a client that trusts another authority, do not get a connection', async () => {
    const folder = await identities.folder('node-d');
    writeFileSync(join(folder, 'ca.crt'), new TestCertificateAuthority().cert);
    const strangers = [await launchAgent(manager.grpcPort), await launchAgent(manager.grpcPort, { nodeName: 'node-d', identity: folder })];
    processes.push(...strangers);

    for (const { process, health } of strangers) {
      await process.until('to have tried', () => process.log.includes('manager not reached'));
      expect((await health('/metrics')).text).to.match(/^wol_agent_connected[^ ]* 0$/m);
    }
  });

  it('with the token of their own node wake the machine, by a stream of the real agent', async () => {
    const agent = await startAgent(manager.grpcPort, { nodeName: NODE, udpPorts: [udpPort], identity: await identities.folder(NODE) });
    processes.push(agent);

    await sendMagicPackets(udpPort, [testMac(2)]);

    await poll('the machine to be started', () => cluster.kubevirt.journal.calls({ verb: 'start', name: 'two', code: 202 }).length === 1);
    const metrics = await manager.process.until("to have no stream but the agent's", async () => {
      const text = await manager.metrics();
      return /^wol_grpc_streams 1$/m.test(text) && text;
    });
    expect(metrics).to.match(/^wol_grpc_insecure 0$/m);
    expect(metrics).to.match(/^wol_agents_connected\{config="all"\} \d$/m);
    expect(metrics).to.match(/^wol_grpc_certificate_expiry_seconds\{which="server"\} \d/m);
  });

  it('of an agent with a wrong token wait in the agent, which says why and is not connected, until the token is right', async () => {
    const folder = await identities.folder('node-c', await identities.token({ account: 'somebody' }));
    // A first attempt that takes too long is the one it warns of; why the next one failed is told for those who look closely.
    const agent = await launchAgent(manager.grpcPort, { nodeName: 'node-c', identity: folder, flags: ['--log-level=debug'] });
    processes.push(agent);
    await cluster.api.apply(aWolConfig('late', { wolPorts: [...agent.udpPorts] }));
    await untilStatus(cluster.api, 'late', 'to count all', ({ managedVMs }) => managedVMs === 3);
    await agent.process.until('to be refused', () => agent.process.log.includes('PERMISSION_DENIED'));
    const [warning] = agent.process.logLines('manager not reached; events are kept and sent again');
    expect(warning?.['cause']).to.match(/^(PERMISSION_DENIED|DEADLINE_EXCEEDED): /);
    await sendMagicPackets(agent.udpPorts[0]!, [testMac(3)]);

    await identities.replaceToken(folder, 'node-c');

    await poll('the machine to be started', () => cluster.kubevirt.journal.calls({ verb: 'start', name: 'three', code: 202 }).length === 1);
    expect(agent.process.log).to.not.include('"manager connected","waiting":0');
  });

  it('of agents that nobody can identify while the API server is away are UNAVAILABLE, of those with an open stream go on', async () => {
    const token = await identities.token({ pod: await identities.pod('node-e') });
    const [known, fresh] = [await clientWith(token), await clientWith(await identities.token({ pod: 'node-e' }))];
    const event = { macAddress: '02:00:00:ff:ff:01', nodeName: 'node-e', destPort: 9 };
    const stream = known.streamEvents().on('error', () => undefined);
    let answers = 0;
    stream.on('data', () => answers++);
    stream.write(event);
    await poll('an answer', () => answers === 1);

    await cluster.controlPlane.stopApiServer();
    const refused = (await fresh.reportEvent(event).response.catch((error: unknown) => error)) as RpcStatusError;
    stream.write(event);
    await poll('an answer without the API server', () => answers === 2);
    await cluster.controlPlane.startApiServer();

    expect(refused.status).to.equal(status.UNAVAILABLE);
    // The manager may have to notice first that its connections to the API server are gone.
    const { message } = await poll('an answer with the API server', () =>
      fresh.reportEvent(event).response.catch((error: unknown) => {
        if ((error as RpcStatusError).status === status.UNAVAILABLE) return undefined;
        throw error;
      }),
    );
    expect(message).to.include('02:00:00:ff:ff:01');
    stream.end();
    for (const client of [known, fresh]) client.close();
  });

  async function refusalsOf(reason: string): Promise<number> {
    const line = new RegExp(`^wol_grpc_auth_failures_total\\{reason="${reason}"\\} (\\d+)$`, 'm').exec(await manager.metrics());
    return Number(line?.[1]);
  }
});
