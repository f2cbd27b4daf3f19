import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { expect } from 'chai';
import { Secret } from '../../../../src/framework';
import { Machine } from '../../../../src/machines/kinds';
import { poll } from '../../../harness/poll';
import { aMachinesWorld, endMachinesWorlds, type MachinesWorld } from './machines-world';

describe('the size of an installation medium', function () {
  this.timeout(300_000);
  let server: Server;
  let asked: number;
  let image: string;
  /** How the server answers. */
  let answer: number;
  let bytes: number;

  beforeEach(async () => {
    asked = 0;
    answer = 200;
    bytes = 3 * 1024 ** 3;
    server = createServer((_request, response) => {
      asked += 1;
      response.writeHead(answer, { 'content-length': String(bytes) }).end();
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    image = `http://127.0.0.1:${(server.address() as AddressInfo).port}/image.iso`;
  });
  afterEach(async () => {
    await endMachinesWorlds();
    server.closeAllConnections();
    await new Promise((resolve) => server.close(resolve));
  });

  /** The question itself takes real time, in which the clock stands still. */
  const built = async (world: MachinesWorld): Promise<void> => {
    world.create('web', { spec: { os: { isoUri: image } } });
    await world.operator.advance(1_000);
    await poll('the question to be answered', async () => world.asked() === 0, { timeoutMs: 60_000 });
    await world.operator.advance(2_000);
  };
  const sizeOf = (world: MachinesWorld): string | undefined => {
    const [template] = (world.vm('east', 'vm-web')?.spec?.dataVolumeTemplates ?? []) as {
      spec?: { storage?: { resources?: { requests?: { storage?: string } } } };
    }[];
    return template?.spec?.storage?.resources?.requests?.storage;
  };
  const noted = (world: MachinesWorld): string | undefined => world.machine('web')?.metadata?.annotations?.['vitistack.io/boot-image-size'];

  it('is what its server says and a tenth more, in whole Gi, asked for once and noted on the Machine', async () => {
    const world = await aMachinesWorld({ env: { BOOT_IMAGE_PROBE_ALLOW_CIDRS: '127.0.0.0/8' } });
    await built(world);
    expect([sizeOf(world), noted(world)]).to.deep.equal(['4Gi', '4Gi']);
    expect(asked).to.equal(1);

    await world.operator.restart();
    await world.operator.advance(5_000);
    expect(asked).to.equal(1);
  });

  it('is 8Gi where the server may not be asked, which is logged', async () => {
    const world = await aMachinesWorld();
    await built(world);
    expect([sizeOf(world), noted(world)]).to.deep.equal(['8Gi', undefined]);
    expect(asked).to.equal(0);
    const line = world.log.lines.find(({ message }) => message === 'the size of a boot image could not be found out');
    expect(line?.fields).to.include({
      machine: 'team-a/web',
      cause: '127.0.0.1 has an internal address; BOOT_IMAGE_PROBE_ALLOW_CIDRS can allow it',
    });
  });

  /** A question may begin in a step and takes real time, so no step is longer than it may last. */
  const advance = async (world: MachinesWorld, ms: number): Promise<void> => {
    for (let past = 0; past < ms; past += 5_000) {
      await world.operator.advance(5_000);
      await poll('the question to be answered', async () => world.asked() === 0, { timeoutMs: 60_000 });
    }
    await world.operator.settle();
  };

  it('is asked for again while nothing was made with what is assumed where the server does not say', async () => {
    answer = 503;
    const world = await aMachinesWorld({ env: { BOOT_IMAGE_PROBE_ALLOW_CIDRS: '127.0.0.0/8' } });
    world.create('web', { spec: { os: { isoUri: image }, cloudInit: { userDataSecretRef: { name: 'late' } } } });
    await advance(world, 10_000);
    expect(asked).to.equal(1);
    const ready = world.machine('web')?.status?.conditions?.find(({ type }) => type === 'InfrastructureReady');
    expect([ready?.reason, noted(world)]).to.deep.equal(['WaitingForCloudInit', undefined]);

    answer = 200;
    await advance(world, 120_000);
    expect(asked).to.equal(2);
    const data = { userdata: Buffer.from('#cloud-config').toString('base64') };
    world.supervisor.objects.create(Secret, { metadata: { name: 'late', namespace: 'team-a' }, data });
    await advance(world, 35_000);
    expect([sizeOf(world), noted(world)]).to.deep.equal(['4Gi', '4Gi']);
    expect(asked).to.equal(2);
  });

  it('is that of the image that is wanted when the virtual machine is made, not of one that was wanted before', async () => {
    const world = await aMachinesWorld({ env: { BOOT_IMAGE_PROBE_ALLOW_CIDRS: '127.0.0.0/8' } });
    world.create('web', { spec: { os: { isoUri: image }, cloudInit: { userDataSecretRef: { name: 'late' } } } });
    await advance(world, 10_000);
    bytes = 5 * 1024 ** 3;
    world.supervisor.objects.update(Machine, 'team-a/web', (machine) => {
      machine.spec = { ...machine.spec, os: { isoUri: `${image}?other` } };
    });
    await advance(world, 5_000);
    const data = { userdata: Buffer.from('#cloud-config').toString('base64') };
    world.supervisor.objects.create(Secret, { metadata: { name: 'late', namespace: 'team-a' }, data });
    await advance(world, 35_000);
    expect([sizeOf(world), noted(world)]).to.deep.equal(['6Gi', '6Gi']);
  });

  it('is 8Gi, and not noted, where nobody is to be asked', async () => {
    const world = await aMachinesWorld({ env: { BOOT_IMAGE_PROBE: 'false', BOOT_IMAGE_PROBE_ALLOW_CIDRS: '127.0.0.0/8' } });
    await built(world);
    expect([sizeOf(world), noted(world)]).to.deep.equal(['8Gi', undefined]);
    expect(asked).to.equal(0);
  });
});
