import { Client, credentials, type ServiceError, status } from '@grpc/grpc-js';
import { expect } from 'chai';
import { ANSWER_WITHIN_MS } from '../../../src/wol/manager/limits';
import { poll } from '../../harness/poll';
import { StewardCluster } from '../../harness/steward-cluster';
import { type ManagerProcess, startManager } from '../../harness/steward-processes';
import { aVm, aWolConfig, testMac } from '../../harness/virtual-machines';
import { untilStatus } from '../../harness/wol-objects';

/** A message as agents of kubevirt-wol encode it: field number, wire type, value. */
const text = (field: number, value: string): Buffer => Buffer.concat([Buffer.from([(field << 3) | 2, value.length]), Buffer.from(value)]);
const number = (field: number, value: number): Buffer => Buffer.from([field << 3, value]);

describe('agents of kubevirt-wol, which know six fields, single calls and plaintext', () => {
  let cluster: StewardCluster;
  let manager: ManagerProcess;
  let agent: Client;

  before(async function () {
    this.timeout(0);
    cluster = await StewardCluster.start({ modules: 'wol' });
    await cluster.api.apply(aWolConfig('all'));
    await cluster.api.apply(aVm({ name: 'old-friend', mac: testMac(1) }));
    manager = await startManager(cluster, { secure: false });
    agent = new Client(`127.0.0.1:${manager.grpcPort}`, credentials.createInsecure());
    await untilStatus(cluster.api, 'all', 'to count it', ({ managedVMs }) => managedVMs === 1);
  });

  after(async () => {
    agent?.close();
    await manager?.process.stop();
    await cluster?.stop();
  });

  function call(method: string, request: Buffer): Promise<{ code: status; response: Buffer | undefined }> {
    return new Promise((resolve) => {
      const asIs = (bytes: Buffer): Buffer => bytes;
      agent.makeUnaryRequest(`/wol.v1.WOLService/${method}`, asIs, asIs, request, (error: ServiceError | null, response?: Buffer) =>
        resolve({ code: error?.code ?? status.OK, response }),
      );
    });
  }

  it('are understood by a manager with --grpc-insecure: the machine starts, once', async () => {
    const event = Buffer.concat([
      text(1, testMac(1).toUpperCase()),
      text(3, 'node-a'),
      text(4, '192.0.2.1'),
      number(5, 99),
      number(6, 102),
    ]);
    const sentAtMs = performance.now();
    const { code, response } = await call('ReportWOLEvent', event);
    const isLate = performance.now() - sentAtMs >= ANSWER_WITHIN_MS;
    const { response: health } = await call('HealthCheck', Buffer.alloc(0));

    expect(code).to.equal(status.OK);
    // Field 1, the status, is 4: VM_START_INITIATED; where KubeVirt took too long to be waited for, 1: ACCEPTED.
    const [field, answer] = response ?? [];
    expect(field).to.equal(0x08);
    expect(answer).to.be.oneOf(isLate ? [4, 1] : [4]);
    expect([...(health ?? [])]).to.deep.equal([0x08, 1]);
    const starts = (): readonly unknown[] => cluster.kubevirt.journal.calls({ verb: 'start', name: 'old-friend', code: 202 });
    await poll('the start', () => starts().length >= 1);
    expect(starts()).to.have.length(1);
  });

  it('are a mode that nobody runs by accident: the log warns, a metric is 1, and /readyz tells', async () => {
    const warnings = (): unknown[] => manager.process.logLines('gRPC is served in plaintext and to anybody');
    await manager.process.until('to warn', () => warnings().length >= 1);
    expect(warnings()).to.have.length(1);
    expect(await manager.metrics()).to.match(/^wol_grpc_insecure 1$/m);
    expect((await manager.health('/readyz?verbose')).text).to.match(
      /\[\+\]grpc ok: port \d+, plaintext without identity \(--grpc-insecure\)/,
    );
  });
});
