import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { type AddressInfo, createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { status } from '@grpc/grpc-js';
import { expect } from 'chai';
import { nullLogger } from '../../../../src/framework/basics';
import { FakeClock, TestCertificateAuthority } from '../../../../src/framework/testing';
import { CredentialFiles } from '../../../../src/wol/agent/credential-files';
import { GrpcReportConnector, type ReportSession } from '../../../../src/wol/agent/report-session';
import { StatusReports } from '../../../../src/wol/agent/status-reports';
import { type CallGate, OPEN_GATE } from '../../../../src/wol/protocol/call-gate';
import { ResponseStatus } from '../../../../src/wol/protocol/generated/wol-descriptor';
import { RpcStatusError } from '../../../../src/wol/protocol/rpc-status-error';
import { ServerTls } from '../../../../src/wol/protocol/server-tls';
import { PATIENCE_MS, poll } from '../../../harness/poll';
import { ManagerDouble } from '../support/manager-double';

describe('credential files', () => {
  let folder: string;
  let clock: FakeClock;
  let tls: ServerTls;
  let authority: TestCertificateAuthority;
  let tokens: (string | undefined)[];
  let verdict: RpcStatusError | undefined;
  let manager: ManagerDouble;
  let session: ReportSession | undefined;

  beforeEach(async () => {
    folder = mkdtempSync(join(tmpdir(), 'virt-steward-credentials-'));
    clock = new FakeClock();
    tls = new ServerTls({ clientCertificates: false });
    authority = new TestCertificateAuthority();
    tokens = [];
    verdict = undefined;
    const gate: CallGate = {
      ...OPEN_GATE,
      admit: async (caller) => {
        tokens.push(caller.authorization);
        if (verdict !== undefined) throw verdict;
        return OPEN_GATE.admit(caller);
      },
    };
    manager = new ManagerDouble('127.0.0.1', tls, gate);
    serve(authority);
    await manager.start();
    put('ca.crt', authority.cert);
    put('token', 'first\n');
  });

  afterEach(async () => {
    session?.close();
    session = undefined;
    await manager.stop();
    rmSync(folder, { recursive: true });
  });

  const put = (name: string, text: string): void => writeFileSync(join(folder, name), text);

  function serve(by: TestCertificateAuthority, hosts: readonly string[] = ['localhost', '127.0.0.1']): void {
    const { cert, key } = by.issue({ hosts });
    tls.use({ certificate: cert, privateKey: key, clientAuthorities: undefined });
  }

  async function connect(address = manager.address): Promise<ReportSession> {
    const paths = { caFile: join(folder, 'ca.crt'), tokenFile: join(folder, 'token'), pair: undefined };
    const source = { status: () => ({ nodeName: 'node-a' }), onChange: () => () => undefined };
    const connector = new GrpcReportConnector({
      address,
      credentials: new CredentialFiles(paths, address, clock),
      statuses: new StatusReports({ source, clock, logger: nullLogger }),
      // Nothing repeats an attempt here, and the time for it goes by for a slow process, too.
      connectTimeoutMs: PATIENCE_MS,
    });
    session = await connector.connect(new AbortController().signal);
    return session;
  }

  const refusal = async (address?: string): Promise<RpcStatusError> => {
    const error: unknown = await connect(address).catch((caught: unknown) => caught);
    expect(error).to.be.instanceOf(RpcStatusError);
    return error as RpcStatusError;
  };

  it('let a report through over TLS with the token in its header, to a name and to an address', async () => {
    for (const address of [manager.address, manager.address.replace('127.0.0.1', 'localhost')]) {
      const { response } = (await connect(address)).report({ macAddress: 'a' });
      expect((await response).status).to.equal(ResponseStatus.VM_START_INITIATED);
      session?.close();
    }
    expect(new Set(tokens)).to.deep.equal(new Set(['Bearer first']));
    expect(manager.statuses.map(({ nodeName }) => nodeName)).to.deep.equal(['node-a', 'node-a']);
  });

  it('do not reach a manager whose certificate another authority signed', async () => {
    serve(new TestCertificateAuthority());
    expect((await refusal()).status).to.be.oneOf([status.UNAVAILABLE, status.DEADLINE_EXCEEDED]);
    expect(tokens).to.deep.equal([]);
  });

  it('do not reach a manager whose certificate is for another host', async () => {
    serve(authority, ['elsewhere.example']);
    for (const address of [manager.address, manager.address.replace('127.0.0.1', 'localhost')]) {
      expect((await refusal(address)).status).to.be.oneOf([status.UNAVAILABLE, status.DEADLINE_EXCEEDED]);
    }
    expect(tokens).to.deep.equal([]);
  });

  it('do not reach a manager that speaks plaintext', async () => {
    const plain = createServer((socket) => socket.on('error', () => undefined).end('HTTP/1.1 400 Bad Request\r\n\r\n'));
    await new Promise<void>((resolve) => plain.listen(0, '127.0.0.1', resolve));
    const { status: code } = await refusal(`127.0.0.1:${(plain.address() as AddressInfo).port}`);
    plain.close();

    expect(code).to.be.oneOf([status.UNAVAILABLE, status.DEADLINE_EXCEEDED]);
  });

  for (const [what, file, text] of [
    ['no certificate', 'ca.crt', ''],
    ['no certificate', 'ca.crt', 'nonsense'],
    ['no token', 'token', '\n'],
    ['no token', 'token', 'two\nlines'],
  ] as const) {
    it(`name the file that holds ${what}, but not what it holds (${JSON.stringify(text)})`, async () => {
      put(file, text);
      const { message } = await refusal();
      expect(message).to.equal(`${join(folder, file)} cannot be used: it holds ${what}`);
    });
  }

  it('name the file that is missing, and are read again for the next connection', async () => {
    rmSync(join(folder, 'token'));
    expect((await refusal()).message).to.equal(`${join(folder, 'token')} cannot be used: ENOENT`);
    put('token', 'second');
    await connect();

    expect(new Set(tokens)).to.deep.equal(new Set(['Bearer second']));
  });

  it('that change make way for a new session, while answers still come on the old one', async () => {
    const { promise, resolve } = Promise.withResolvers<{ status: typeof ResponseStatus.DUPLICATE }>();
    manager.answer = () => promise;
    const old = await connect();
    const ends: (RpcStatusError | undefined)[] = [];
    old.onEnd((failure) => ends.push(failure));
    const { response } = old.report({ macAddress: 'a' });
    await clock.advance(10_000);
    expect(ends).to.deep.equal([]);
    put('ca.crt', `${authority.cert}${new TestCertificateAuthority().cert}`);
    await poll('the end', async () => {
      await clock.advance(1_000);
      return ends.length === 1;
    });
    resolve({ status: ResponseStatus.DUPLICATE });

    expect(ends).to.deep.equal([undefined]);
    expect((await response).status).to.equal(ResponseStatus.DUPLICATE);
  });

  it('that a manager refuses are no connection: the refusal is told instead', async () => {
    verdict = new RpcStatusError(status.PERMISSION_DENIED, 'not an agent');
    const { status: code, message } = await refusal();

    expect(code).to.equal(status.PERMISSION_DENIED);
    expect(message).to.equal('not an agent');
  });
});
