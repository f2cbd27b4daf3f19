/** Tokens and certificates that change under an operator, on the fake API server with TLS. */
import { appendFileSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { KubeConfig } from '@kubernetes/client-node';
import { expect } from 'chai';
import { Handler, OnEvent } from '../../../../src/framework';
import type { TestOperator } from '../../../../src/framework/testing';
import type { ResourceEvent } from '../../../../src/framework/watch/resource-event';
import { poll } from '../../../harness/poll';
import { aPart, aWorld, endWorlds, Part, type World } from './world';

const heard: string[] = [];

@Handler()
class Listener {
  @OnEvent(Part)
  seen({ type, object }: ResourceEvent<Part>): void {
    heard.push(`${type} ${object.metadata?.name}`);
  }
}

describe('tokens and certificates that change under an operator', () => {
  let directory: string;
  let world: World;
  let operator: TestOperator;
  const file = (name: string): string => join(directory, name);

  beforeEach(async () => {
    directory = mkdtempSync(join(tmpdir(), 'virt-steward-test-'));
    world = await aWorld({ tls: true });
    world.server.objects.create(Part, aPart('a'));
    writeFileSync(file('ca.crt'), world.server.ca!);
  });

  afterEach(async () => {
    await endWorlds();
    rmSync(directory, { recursive: true });
    heard.length = 0;
  });

  async function start(user: object): Promise<void> {
    const kubeConfig = (server: string): KubeConfig => {
      const config = new KubeConfig();
      config.loadFromClusterAndUser({ name: 'c', server, caFile: file('ca.crt'), skipTLSVerify: false }, { name: 'u', ...user });
      return config;
    };
    operator = await world.start({ handlers: [Listener], kubeConfig });
    // A plugin is a process of its own, of which the test operator sees no sign.
    await poll('parts were listed', async () => {
      await operator.advance(10);
      return operator.cluster.store(Part).synced;
    });
    await operator.advance(10_000);
    heard.length = 0;
  }

  it('one answer of an exec plugin serves twenty parallel calls whose token has expired, and all of them succeed', async () => {
    world.server.auth.addUser({ token: 'old', name: 'steward' });
    writeFileSync(file('token'), 'old');
    appendFileSync(file('asked'), '');
    const plugin = `const fs = require('fs'); fs.appendFileSync(${JSON.stringify(file('asked'))}, 'x');
      process.stdout.write(JSON.stringify({ apiVersion: 'client.authentication.k8s.io/v1', kind: 'ExecCredential',
        status: { token: fs.readFileSync(${JSON.stringify(file('token'))}, 'utf8') } }));`;
    const command = { apiVersion: 'client.authentication.k8s.io/v1', command: process.execPath, args: ['-e', plugin] };
    await start({ exec: { ...command, interactiveMode: 'Never' } });
    const asked = readFileSync(file('asked'), 'utf8').length;
    world.server.auth.revoke('old');
    world.server.auth.addUser({ token: 'new', name: 'steward' });
    writeFileSync(file('token'), 'new');
    const { client } = operator.cluster;
    const found = await Promise.all(Array.from({ length: 20 }, () => client.find(Part, 'default/a')));

    expect(found.map((part) => part?.metadata?.name)).to.deep.equal(Array(20).fill('a'));
    expect(readFileSync(file('asked'), 'utf8').length - asked).to.equal(1);
    const codes = world.server.journal.entries({ verb: 'get', resource: 'parts' }).map(({ status }) => status);
    expect(codes.sort()).to.deep.equal([...Array(20).fill(200), ...Array(20).fill(401)]);
    operator.proxy.reset();
    world.server.objects.create(Part, aPart('b'));
    await operator.advance(3_000);
    expect(heard).to.deep.equal(['ADDED b']);
  });

  it('another certificate of the same authority is not noticed', async () => {
    await start({});
    world.server.rotateCertificate();
    operator.proxy.reset();
    world.server.objects.create(Part, aPart('b'));
    await operator.advance(3_000);

    expect(heard).to.deep.equal(['ADDED b']);
    expect(world.server.journal.count({ verb: 'list', resource: 'parts' })).to.equal(1);
  });

  it('a certificate of another authority is refused until the file of the authority is replaced; no old socket stays', async () => {
    await start({});
    world.server.rotateCertificate({ newAuthority: true });
    operator.proxy.reset();
    world.server.objects.create(Part, aPart('b'));
    await operator.advance(120_000);
    const [informer] = operator.cluster.informers.list();
    expect(informer!.status()).to.include({ state: 'Backoff', unanswered: true });
    expect(informer!.status().detail).to.match(/certificate/i);
    expect(heard).to.deep.equal([]);

    writeFileSync(file('ca.crt'), world.server.ca!);
    await operator.advance(90_000);
    expect(heard).to.deep.equal(['ADDED b']);
    expect(world.server.openSockets).to.equal(1);
  });
});
