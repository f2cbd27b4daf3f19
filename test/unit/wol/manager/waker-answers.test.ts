import { expect } from 'chai';
import { aVm } from '../../kubevirt/builders';
import { aConfig, aTarget, mac } from './builders';
import { World } from './waker-world';

const MANUAL = { runStrategy: 'Manual' } as const;

describe('the answer to a packet', () => {
  it('is VM_START_INITIATED once KubeVirt has accepted the start', async () => {
    const world = new World();
    world.vm({ ...MANUAL, status: { printableStatus: 'Stopped' } });

    const answer = await world.answer();

    expect(answer).to.deep.equal({
      status: 'VM_START_INITIATED',
      message: 'start accepted',
      vm: { namespace: 'lab', name: 'web', currentState: 'Stopped' },
      wasDuplicate: false,
      processingTimeMs: 0,
    });
    expect(world.calls).to.deep.equal(['start lab/web @0']);
    expect(world.outcomes()).to.deep.equal(['started']);
  });

  it('is VM_NOT_FOUND with the address for one that no config on that port knows, and nothing is remembered', async () => {
    const world = new World();
    const answer = await world.answer({ destPort: 7 });
    expect([answer.status, answer.message, answer.vm]).to.deep.equal([
      'VM_NOT_FOUND',
      `no WolConfig listening on port 7 knows ${mac(1)}`,
      undefined,
    ]);

    world.vm(MANUAL);
    expect((await world.answer()).status).to.equal('VM_START_INITIATED');
  });

  it('is VM_ALREADY_RUNNING for a running virtual machine, without a call', async () => {
    const world = new World();
    world.vm(MANUAL);
    world.vmi({ phase: 'Running' });
    expect((await world.answer()).status).to.equal('VM_ALREADY_RUNNING');
    expect([world.calls, world.outcomes()]).to.deep.equal([[], ['already-running']]);
  });

  it('is ERROR VMMissing for an Explicit mapping to a virtual machine that does not exist', async () => {
    const world = new World({
      spec: { discoveryMode: 'Explicit', explicitMappings: [{ macAddress: mac(1), namespace: 'lab', vmName: 'gone' }] },
    });
    const answer = await world.answer();
    expect(answer.status).to.equal('ERROR');
    expect(answer.message).to.match(/^VMMissing: /);
    expect(answer.vm).to.deep.equal({ namespace: 'lab', name: 'gone', currentState: 'Missing' });
    expect(world.outcomes()).to.deep.equal(['failed VMMissing']);
  });

  it('accepts every notation of the address', async () => {
    const world = new World();
    world.vm(MANUAL);
    expect((await world.answer({ mac: ' 0200.0000.0001 ' })).status).to.equal('VM_START_INITIATED');
  });

  const invalid: [string, Parameters<World['answer']>[0], RegExp][] = [
    ['an empty address', { mac: '' }, /^InvalidMAC: /],
    ['a malformed address', { mac: '02:00:00:00:00' }, /^InvalidMAC: /],
    ['an address of 65 characters', { mac: 'x'.repeat(65) }, /^InvalidEvent: mac_address has 65 characters; allowed: at most 64$/],
    ['a node name of 254 characters', { nodeName: 'x'.repeat(254) }, /^InvalidEvent: node_name/],
    ['a source of 65 characters', { sourceIp: 'x'.repeat(65) }, /^InvalidEvent: source_ip/],
    ['a password of 5 bytes', { secureOn: new Uint8Array(5) }, /^InvalidEvent: secure_on has 5 bytes; allowed: 0, 4, 6$/],
  ];
  for (const [title, fields, message] of invalid) {
    it(`is an ERROR for ${title}, and starts nothing`, async () => {
      const world = new World();
      world.vm(MANUAL);
      const answer = await world.answer(fields);
      expect(answer.status).to.equal('ERROR');
      expect(answer.message).to.match(message);
      expect([world.calls, world.count('invalid')]).to.deep.equal([[], 1]);
    });
  }

  it('is withheld while the map is not ready, so that the agent keeps the packet', async () => {
    const world = new World();
    world.vm(MANUAL);
    world.ready = false;
    const error = await world.wake().catch((reason: unknown) => reason);
    expect(error).to.have.property('code', 'WAKE_MAP_NOT_READY');
    expect(world.calls).to.deep.equal([]);
  });

  it('is given three seconds after the arrival when the outcome is still open, and the wake goes on', async () => {
    const world = new World();
    world.vm(MANUAL);
    const gate = Promise.withResolvers<{ kind: 'accepted' }>();
    world.replies.push(() => gate.promise);
    let answered: unknown;
    void world.wake().then(({ status, processingTimeMs }) => {
      answered = [status, processingTimeMs];
    });

    await world.clock.advance(2_999);
    expect(answered).to.equal(undefined);
    await world.clock.advance(1);
    expect(answered).to.deep.equal(['ACCEPTED', 3_000]);

    gate.resolve({ kind: 'accepted' });
    await world.clock.advance(0);
    expect(world.outcomes()).to.deep.equal(['started']);
  });

  it('counts the packet and the answer under the acting config', async () => {
    const world = new World();
    world.vm(MANUAL);
    await world.answer();
    await world.answer({ mac: mac(9) });
    const counted = world.notifications.filter(({ kind }) => kind === 'packet' || kind === 'answered');
    expect(counted).to.deep.equal([
      { kind: 'packet', config: 'lab', clockSkew: false },
      { kind: 'answered', config: 'lab', status: 'VM_START_INITIATED' },
      { kind: 'packet', config: '', clockSkew: false },
      { kind: 'answered', config: '', status: 'VM_NOT_FOUND' },
    ]);
  });

  it('measures from the time of the packet, and takes one from the future for now', async () => {
    const world = new World();
    world.vm(MANUAL);
    await world.answer({ timestampMs: world.clock.now() - 40 });
    world.vm({ ...MANUAL, name: 'db', macs: [mac(2)] });
    await world.answer({ mac: mac(2), timestampMs: world.clock.now() + 5_000 });
    const started = world.notifications.flatMap((n) => (n.kind === 'started' ? [n.latencyMs] : []));
    expect(started).to.deep.equal([40, 0]);
    const packets = world.notifications.flatMap((n) => (n.kind === 'packet' ? [n.clockSkew] : []));
    expect(packets).to.deep.equal([false, true]);
    expect(world.count('dispatched')).to.equal(2);
  });

  it('survives an observer that throws', async () => {
    const world = new World();
    world.vm(MANUAL);
    world.notifications.push = () => {
      throw new Error('observer is broken');
    };
    expect((await world.answer()).status).to.equal('VM_START_INITIATED');
  });
});

describe('the policy of the governing configs', () => {
  it('refuses a source outside allowedSources, and an Ethernet frame whatever it claims', async () => {
    const world = new World({ spec: { allowedSources: ['10.0.0.0/8'] } });
    world.vm(MANUAL);
    const refused = await world.answer({ sourceIp: '192.0.2.7' });
    expect([refused.status, refused.message.split(':')[0], refused.vm?.name]).to.deep.equal(['ERROR', 'SourceNotAllowed', 'web']);
    expect((await world.answer({ sourceIp: '10.1.2.3' })).status).to.equal('VM_START_INITIATED');
    expect(world.outcomes()).to.deep.equal(['refused SourceNotAllowed', 'started']);
  });

  const secureOn = { passwordSecretRef: { name: 'wake' } };
  const password = Uint8Array.of(1, 2, 3, 4);
  const wrong: [string, Uint8Array][] = [
    ['no password', new Uint8Array()],
    ['a wrong one', Uint8Array.of(1, 2, 3, 5)],
    ['all zeros', new Uint8Array(4)],
    ['a longer one', Uint8Array.of(1, 2, 3, 4, 0, 0)],
  ];
  for (const [title, bytes] of wrong) {
    it(`refuses ${title} where another SecureOn password is required`, async () => {
      const world = new World({ spec: { secureOn } });
      world.vm(MANUAL);
      world.passwords.set('lab', password);
      expect((await world.answer({ secureOn: bytes })).message).to.match(/^PasswordMismatch: /);
      expect((await world.answer({ secureOn: password })).status).to.equal('VM_START_INITIATED');
    });
  }

  it('refuses, and does not let pass, when the password cannot be read', async () => {
    const world = new World({ spec: { secureOn } });
    world.vm(MANUAL);
    expect((await world.answer()).message).to.match(/^SecretUnavailable: /);
    expect(world.outcomes()).to.deep.equal(['refused SecretUnavailable']);
  });

  it('ignores a password that nobody asked for', async () => {
    const world = new World();
    world.vm(MANUAL);
    expect((await world.answer({ secureOn: password })).status).to.equal('VM_START_INITIATED');
  });

  it('lets the oldest config that accepts the packet act', async () => {
    const world = new World({ spec: { allowedSources: ['10.0.0.0/8'] } });
    world.map.upsertConfig(aConfig('younger', {}, { createdAt: '2026-02-01T00:00:00Z' }));
    world.vm(MANUAL);
    expect((await world.answer()).status).to.equal('VM_START_INITIATED');
    expect(world.notifications.flatMap((n) => (n.kind === 'started' ? [n.facts.config] : []))).to.deep.equal(['younger']);
  });

  it('does not ask configs of lower precedence when all governing ones refuse', async () => {
    const world = new World();
    world.map.upsertConfig(aConfig('strict', { discoveryMode: 'LabelSelector', vmSelector: {}, allowedSources: ['10.0.0.0/8'] }));
    world.vm(MANUAL);
    expect((await world.answer()).message).to.match(/^SourceNotAllowed: .*strict/);
  });

  it('skips a halted virtual machine when startPolicy says so', async () => {
    const world = new World({ spec: { startPolicy: 'Skip' } });
    world.vm({ runStrategy: 'Halted' });
    expect((await world.answer()).message).to.match(/^SkippedByPolicy: /);
    expect([world.calls, world.outcomes()]).to.deep.equal([[], ['skipped SkippedByPolicy']]);
  });
});

describe('many packets for one virtual machine', () => {
  it('are one call, and every further answer is DUPLICATE with was_duplicate', async () => {
    const world = new World();
    world.vm(MANUAL);
    const answers = Promise.all(Array.from({ length: 50 }, () => world.wake()));
    await world.clock.advance(0);

    const statuses = (await answers).map(({ status, wasDuplicate }) => `${status} ${wasDuplicate}`);
    expect(statuses[0]).to.equal('VM_START_INITIATED false');
    expect(new Set(statuses.slice(1))).to.deep.equal(new Set(['DUPLICATE true']));
    expect(world.calls).to.have.lengthOf(1);
    expect(world.count('started')).to.equal(1);
  });

  it('share the same error when the wake fails, which counts once and may be tried again at once', async () => {
    const world = new World();
    world.vm(MANUAL);
    world.replies.push({ kind: 'refused', status: 422, message: 'no' });
    const answers = Promise.all([world.wake(), world.wake()]);
    await world.clock.advance(0);

    expect((await answers).map(({ status, message, wasDuplicate }) => [status, message, wasDuplicate])).to.deep.equal([
      ['ERROR', 'StartRefused: no', false],
      ['ERROR', 'StartRefused: no', true],
    ]);
    expect(world.outcomes()).to.deep.equal(['failed StartRefused']);
    expect((await world.answer()).status).to.equal('VM_START_INITIATED');
  });

  it('that join a wake which waits are ACCEPTED at once', async () => {
    const world = new World();
    world.vm({ runStrategy: 'Halted' });
    world.vmi({ phase: 'Running' });
    expect((await world.answer()).message).to.contain('waiting for the stop');
    const joined = await world.answer({}, 0);
    expect([joined.status, joined.wasDuplicate, joined.processingTimeMs]).to.deep.equal(['ACCEPTED', true, 0]);
  });

  it('wake again what was stopped, as soon as the window from the first packet is over', async () => {
    const world = new World();
    world.vm(MANUAL);
    await world.answer();
    for (let second = 2; second < 10; second += 2) {
      await world.clock.advance(2_000);
      expect((await world.answer()).status).to.equal('DUPLICATE');
    }
    await world.clock.advance(2_000);
    expect((await world.answer()).status).to.equal('VM_START_INITIATED');
    expect(world.calls).to.deep.equal(['start lab/web @0', 'start lab/web @10000']);
  });

  it('to two addresses of one virtual machine are two wakes', async () => {
    const world = new World();
    world.vm({ ...MANUAL, macs: [mac(1), mac(2)] });
    await world.answer();
    world.targets.upsertVm(aVm({ ...MANUAL, macs: [mac(1), mac(2)], status: { stateChangeRequests: [{ action: 'Start' }] } }));
    expect((await world.answer({ mac: mac(2) })).message).to.contain('already requested');
    expect(world.calls).to.have.lengthOf(1);
  });

  it('beyond the cap of wakes in flight are refused as Overloaded', async () => {
    const world = new World({ waker: { deduplication: { maxInFlight: 1 } } });
    world.vm({ runStrategy: 'Halted' });
    world.vmi({ phase: 'Running' });
    world.vm({ ...MANUAL, name: 'db', macs: [mac(2)] });
    await world.answer();
    expect((await world.answer({ mac: mac(2) })).message).to.match(/^Overloaded: /);
    expect(world.outcomes()).to.deep.equal(['failed Overloaded']);
  });
});

describe('a wake target of another module', () => {
  it('is started through its own call and named with its cluster', async () => {
    const world = new World();
    const started: string[] = [];
    const state = () => ({
      vm: { strategy: 'Manual' as const, terminating: false, manualRecoveryRequired: false, startRequested: false, printableStatus: '' },
      vmi: undefined,
    });
    const start = async () => {
      started.push('east');
      return { kind: 'accepted' as const };
    };
    world.map.upsertTarget(aTarget('tenant/vm', [mac(5)], { cluster: 'east', scope: 'lab/machine', state, start }));

    const answer = await world.answer({ mac: mac(5) });

    expect([answer.status, answer.vm?.name, started, world.calls]).to.deep.equal(['VM_START_INITIATED', 'vm', ['east'], []]);
    expect(world.notifications.flatMap((n) => (n.kind === 'started' ? [n.facts.vm] : []))).to.deep.equal(['east:tenant/vm']);
  });

  it('whose cluster cannot be reached fails as ClusterUnavailable after the deadline and holds up no local one', async () => {
    const world = new World({ waker: { startTimeoutMs: 5_000 } });
    const state = () => ({
      vm: { strategy: 'Manual' as const, terminating: false, manualRecoveryRequired: false, startRequested: false, printableStatus: '' },
      vmi: undefined,
    });
    const start = async () => ({ kind: 'transient' as const, message: 'no route', unreachable: true });
    world.map.upsertTarget(aTarget('tenant/vm', [mac(5)], { cluster: 'east', state, start }));
    world.vm(MANUAL);

    const remote = world.wake({ mac: mac(5) });
    expect((await world.answer()).status).to.equal('VM_START_INITIATED');
    await world.clock.advance(6_000);
    expect((await remote).status).to.equal('ACCEPTED');
    expect(world.outcomes()).to.deep.equal(['started', 'failed ClusterUnavailable']);
  });
});
