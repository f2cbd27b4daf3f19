import { writeFileSync } from 'node:fs';
import { expect } from 'chai';
import { poll } from '../../../harness/poll';
import { FakeNode, onLinux } from './fake-node';

const SCRIPT = 'vm-drain/vm-drain-shutdown-inhibitor.sh';
const FAST = { POLL_SECONDS: '0.05', GUEST_SECONDS: '60', FIRST_BACKOFF_SECONDS: '0', LAST_BACKOFF_SECONDS: '1' };

/**
 * A node with pods of virtual machines and a bus. Signals are lines that a test appends to the file `signals`.
 * @param guests name of the pod to its domain.
 */
function withGuests(guests: Readonly<Record<string, string>>): FakeNode {
  const node = new FakeNode().put('/signals', '').put('/held', '');
  const pods = JSON.stringify({ items: Object.keys(guests).map((id) => ({ id })) });
  node.put('/pods.json', pods);
  for (const [pod, domain] of Object.entries(guests)) node.put(`/guests/c-${pod}/${domain}`, 'running');
  // Who sees the lock may ask for its release at once: whatever that takes is prepared before. A signal to a child that bash has forked
  // and not yet replaced can be lost: the child ends with its parent all the same.
  node.command(
    'systemd-inhibit',
    'trap \'rm -f "$FAKE_ROOT/lock"; [[ -z "$!" ]] || kill $!; exit 0\' TERM; touch "$FAKE_ROOT/lock"; tail -f --pid=$$ /dev/null & wait',
  );
  // Ends with the script also when that is ended before it knows of it.
  node.command('busctl', 'exec tail -n +1 -f --pid=$PPID "$FAKE_ROOT/signals"');
  node.command(
    'crictl',
    `case "$1" in
      pods) cat "$FAKE_ROOT/pods.json" ;;
      ps) for ((i = 1; i <= $#; i++)); do if [[ "\${!i}" == --pod ]]; then j=$((i + 1)); pod=\${!j}; fi; done
        if [[ -d "$FAKE_ROOT/guests/c-$pod" ]]; then echo "{\\"containers\\":[{\\"id\\":\\"c-$pod\\"}]}"; else echo '{"containers":[]}'; fi ;;
      exec) guest="$FAKE_ROOT/guests/$2"; case "$4" in
        list) ls "$guest" 2>/dev/null; echo ;;
        shutdown) touch "$FAKE_ROOT/asked-$5"; [[ -e "$FAKE_ROOT/stubborn-$5" ]] || echo 'shut off' >"$guest/$5" ;;
        domstate) cat "$guest/$5" ;;
      esac ;;
    esac`,
  );
  return node;
}

describe('the shutdown inhibitor', () => {
  let node: FakeNode | undefined;
  before(onLinux);
  afterEach(() => node?.remove());

  const holds = (fake: FakeNode): boolean => fake.read('/lock') !== undefined;
  const looks = (fake: FakeNode): number => fake.calls.filter((call) => call.startsWith('busctl monitor')).length;
  /** The script has gone on from taking the lock, too. */
  const ready = (fake: FakeNode): Promise<unknown> => poll('the lock and a look at the bus', () => holds(fake) && looks(fake) > 0);
  const signal = (fake: FakeNode, preparing: boolean): void =>
    writeFileSync(
      fake.at('/signals'),
      `{"type":"method_call","member":"NameAcquired","payload":{"data":[":1.5"]}}\n{"type":"signal","member":"PrepareForShutdown","payload":{"type":"b","data":[${preparing}]}}\n`,
      { flag: 'a' },
    );

  it('holds a delay lock of logind while the node runs', async () => {
    node = withGuests({});
    const { child, ended } = node.start(SCRIPT, [], FAST);
    await ready(node);
    expect(node.calls.find((call) => call.startsWith('systemd-inhibit'))).to.contain('--what=shutdown --mode=delay');
    child.kill('SIGTERM');
    expect((await ended).code).to.equal(0);
    expect(holds(node)).to.equal(false);
  });

  it('asks every guest to shut down before it lets the shutdown go on', async () => {
    node = withGuests({ a: 'shop_web', b: 'shop_db' });
    const { child, ended } = node.start(SCRIPT, [], FAST);
    await ready(node);
    signal(node, true);
    await poll('the release', () => !holds(node!));
    expect(node.read('/asked-shop_web')).not.to.equal(undefined);
    expect(node.read('/asked-shop_db')).not.to.equal(undefined);
    child.kill('SIGTERM');
    expect((await ended).stdout)
      .to.contain('shop_web has shut down')
      .and.to.contain('asked 2 guests');
  });

  it('waits no longer than its limit for a guest that does not answer, and lets the others go', async () => {
    node = withGuests({ a: 'slow', b: 'quick' }).put('/stubborn-slow', '');
    const { child, ended } = node.start(SCRIPT, [], { ...FAST, POLL_SECONDS: '1', GUEST_SECONDS: '2' });
    await ready(node);
    signal(node, true);
    await poll('the release', () => !holds(node!));
    child.kill('SIGTERM');
    const { stdout, stderr } = await ended;
    expect(stdout).to.contain('quick has shut down');
    expect(stderr).to.contain('slow still runs after 2 s');
  });

  it('is not stopped by a pod whose container is gone', async () => {
    node = withGuests({ a: 'shop_web' }).put('/pods.json', JSON.stringify({ items: [{ id: 'gone' }, { id: 'a' }] }));
    const { child, ended } = node.start(SCRIPT, [], FAST);
    await ready(node);
    signal(node, true);
    await poll('the release', () => !holds(node!));
    child.kill('SIGTERM');
    const { stdout, stderr } = await ended;
    expect(stderr).to.contain('pod gone: no running container compute');
    expect(stdout).to.contain('shop_web has shut down');
  });

  it('releases the lock when the pods cannot be listed', async () => {
    node = withGuests({ a: 'shop_web' });
    node.command('crictl', 'exit 1');
    const { child, ended } = node.start(SCRIPT, [], FAST);
    await ready(node);
    signal(node, true);
    await poll('the release', () => !holds(node!));
    child.kill('SIGTERM');
    expect((await ended).stderr).to.contain('cannot list the pods');
  });

  it('takes the lock again when the shutdown is called off', async () => {
    node = withGuests({});
    const { child, ended } = node.start(SCRIPT, [], FAST);
    await ready(node);
    signal(node, true);
    await poll('the release', () => !holds(node!));
    signal(node, false);
    await poll('the lock again', () => holds(node!));
    child.kill('SIGTERM');
    await ended;
  });

  it('comes back when the bus goes away, and keeps the lock meanwhile', async () => {
    node = withGuests({});
    node.command('busctl', 'exit 1');
    const { child, ended } = node.start(SCRIPT, [], FAST);
    await ready(node);
    const before = looks(node);
    await poll('three more tries', () => looks(node!) >= before + 3);
    expect(holds(node)).to.equal(true);
    child.kill('SIGTERM');
    const { code, stderr } = await ended;
    expect(code).to.equal(0);
    expect(stderr).to.contain('lost the bus, trying again in');
  });
});
