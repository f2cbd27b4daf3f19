import { status } from '@grpc/grpc-js';
import { expect } from 'chai';
import { RecordingLogger } from '../../../../src/framework/testing/recording-logger';
import { AgentGate, type RefusalReason } from '../../../../src/wol/identity/agent-gate';
import type { TokenReview } from '../../../../src/wol/identity/token-review';
import { IdentityUnknownError } from '../../../../src/wol/identity/token-reviewer';
import type { CallCredentials } from '../../../../src/wol/protocol/call-gate';
import type { RpcStatusError } from '../../../../src/wol/protocol/rpc-status-error';

const AGENT = 'system:serviceaccount:ns:agents';
const REVIEW: TokenReview = { kind: 'user', username: AGENT, audiences: ['wol-manager'], nodeName: 'node-a' };

const tokenSaying = (claims: object): string => `h.${Buffer.from(JSON.stringify(claims)).toString('base64url')}.s`;

const NOW_MS = 500_000;

describe('agent gate', () => {
  let review: () => Promise<TokenReview>;
  let refused: RefusalReason[];
  let logger: RecordingLogger;

  beforeEach(() => {
    review = async () => REVIEW;
    refused = [];
    logger = new RecordingLogger();
  });

  const gate = (mtls = false): AgentGate =>
    new AgentGate({
      reviewer: { review: () => review() },
      agentUser: () => AGENT,
      mtls,
      clock: { now: () => NOW_MS },
      log: logger,
      onRefused: (reason) => refused.push(reason),
    });

  const call = (part: Partial<CallCredentials> = {}): CallCredentials => ({
    authorization: `Bearer ${tokenSaying({ exp: 1_000, aud: ['wol-manager'] })}`,
    clientCertificate: undefined,
    peer: '192.0.2.1:5000',
    ...part,
  });

  const codeOf = async (answer: Promise<unknown>): Promise<status> =>
    ((await answer.catch((error: unknown) => error)) as RpcStatusError).status;

  it('lets an agent in, for its node and as long as its token lasts', async () => {
    expect(await gate().admit(call())).to.deep.equal({ nodeName: 'node-a', expiresAtMs: 1_000_000 });
    expect(refused).to.deep.equal([]);
  });

  for (const authorization of [undefined, '', 'Basic abc', 'Bearer ', 'Bearer a b']) {
    it(`refuses the header ${JSON.stringify(authorization)} as no token`, async () => {
      expect(await codeOf(gate().admit(call({ authorization })))).to.equal(status.UNAUTHENTICATED);
      expect(refused).to.deep.equal(['no_token']);
    });
  }

  const rows: readonly [string, TokenReview, string, status, RefusalReason][] = [
    ['nobody’s token', { kind: 'nobody' }, 'x', status.UNAUTHENTICATED, 'invalid'],
    ['a token that says its time is over', { kind: 'nobody' }, tokenSaying({ exp: NOW_MS / 1_000 }), status.UNAUTHENTICATED, 'expired'],
    ['a token that says it lasts, and is refused', { kind: 'nobody' }, tokenSaying({ exp: NOW_MS }), status.UNAUTHENTICATED, 'invalid'],
    ['a token that says it is for others', { kind: 'nobody' }, tokenSaying({ aud: 'others' }), status.UNAUTHENTICATED, 'audience'],
    ['a token whose audiences are not returned', { ...REVIEW, audiences: [] }, 'x', status.UNAUTHENTICATED, 'audience'],
    [
      'a token of another namespace',
      { ...REVIEW, username: 'system:serviceaccount:other:agents' },
      'x',
      status.PERMISSION_DENIED,
      'account',
    ],
    ['a token of a longer name', { ...REVIEW, username: `${AGENT}2` }, 'x', status.PERMISSION_DENIED, 'account'],
  ];
  for (const [what, answer, token, code, reason] of rows) {
    it(`refuses ${what} with ${status[code]}, counts it as ${reason} and tells it without the token`, async () => {
      review = async () => answer;
      expect(await codeOf(gate().admit(call({ authorization: `Bearer ${token}` })))).to.equal(code);
      expect(refused).to.deep.equal([reason]);
      expect(logger.lines).to.have.length(1);
      expect(JSON.stringify(logger.lines[0]?.fields)).to.not.include(`"${token}"`);
    });
  }

  it('answers UNAVAILABLE and counts nothing while nobody can be asked', async () => {
    review = async () => {
      throw new IdentityUnknownError('the API server could not be asked who the caller is');
    };
    expect(await codeOf(gate().admit(call()))).to.equal(status.UNAVAILABLE);
    expect(refused).to.deep.equal([]);
  });

  it('binds reports to the node of the token', () => {
    const one = gate();
    one.checkNode({ nodeName: 'node-a', expiresAtMs: undefined }, 'node-a', 'peer');
    expect(() => one.checkNode({ nodeName: 'node-a', expiresAtMs: undefined }, 'node-b', 'peer')).to.throw('another node');
    expect(() => one.checkNode({ nodeName: 'node-a', expiresAtMs: undefined }, '', 'peer')).to.throw('another node');
    expect(refused).to.deep.equal(['node', 'node']);
  });

  it('takes the node on trust where tokens name none, and says so once', () => {
    const one = gate();
    for (const node of ['node-a', 'node-b']) one.checkNode({ nodeName: undefined, expiresAtMs: undefined }, node, 'peer');

    expect(logger.messages('warn')).to.have.length(1);
    expect(logger.messages('warn')[0]).to.match(/^node names of agents are not verified/);
  });

  it('asks for a client certificate of the agents beside the token, when told to', async () => {
    const one = gate(true);
    expect(await codeOf(one.admit(call()))).to.equal(status.UNAUTHENTICATED);
    expect(await codeOf(one.admit(call({ clientCertificate: { commonName: 'somebody' } })))).to.equal(status.PERMISSION_DENIED);
    expect(await codeOf(one.admit(call({ clientCertificate: { commonName: AGENT }, authorization: undefined })))).to.equal(
      status.UNAUTHENTICATED,
    );
    expect((await one.admit(call({ clientCertificate: { commonName: AGENT } }))).nodeName).to.equal('node-a');
    expect(refused).to.deep.equal(['certificate', 'certificate', 'no_token']);
  });
});
