import { expect } from 'chai';
import { UsageError } from '../../../../src/framework/basics';
import { normalizeMac } from '../../../../src/kubevirt/mac-address';
import { compileWakeRequest, type WakeCommandFlags, type WakeRequest } from '../../../../src/wol/sender/wake-request';

const MAC = '02:00:00:00:00:01';
const compile = (mac: string | undefined, flags: WakeCommandFlags = {}): WakeRequest => compileWakeRequest(mac, flags, {}, normalizeMac);

describe('what wake is asked for', () => {
  it('is a packet and nothing of a cluster for a MAC address alone', () => {
    expect(compile('02-00-00-00-00-01', { to: ['192.0.2.1'] })).to.deep.include({ kind: 'packet' });
  });

  it('is a packet for a machine by its name, on a port that the cluster tells unless one is given', () => {
    expect(compile(undefined, { vm: 'lab/desktop' })).to.deep.include({
      kind: 'machine',
      machine: { namespace: 'lab', name: 'desktop' },
      isPortGiven: false,
      waitMs: undefined,
    });
    expect(compile(undefined, { vm: 'lab/desktop', port: ['7'] })).to.deep.include({ isPortGiven: true });
  });

  it('is to wait 5 minutes, or as long as --timeout says', () => {
    expect(compile(MAC, { wait: true })).to.deep.include({ kind: 'machine', machine: { mac: MAC }, waitMs: 300_000 });
    expect(compile(MAC, { wait: true, timeout: '90s' })).to.deep.include({ waitMs: 90_000 });
  });

  it('is a list as a table of everything, unless narrowed', () => {
    expect(compile(undefined, { list: true })).to.deep.equal({
      kind: 'list',
      config: undefined,
      namespace: undefined,
      unwakeable: false,
      output: 'table',
    });
    expect(compile(undefined, { list: true, config: 'lab', namespace: 'lab', unwakeable: true, output: 'json' })).to.deep.equal({
      kind: 'list',
      config: 'lab',
      namespace: 'lab',
      unwakeable: true,
      output: 'json',
    });
  });

  const wrong: readonly [string, string | undefined, WakeCommandFlags, string][] = [
    ['nothing at all', undefined, {}, 'nothing to wake; give a MAC address, --vm NAMESPACE/NAME or --list'],
    ['a MAC and --vm', MAC, { vm: 'a/b' }, 'MAC and --vm exclude each other; give one of them'],
    ['a MAC and --list', MAC, { list: true }, 'MAC and --list exclude each other; give one of them'],
    ['--list with an option for packets', undefined, { list: true, dryRun: true }, '--dry-run and --list exclude each other'],
    ['an option of lists without --list', MAC, { unwakeable: true }, '--unwakeable goes with --list only'],
    ['--timeout without --wait', MAC, { timeout: '5s' }, '--timeout goes with --wait only'],
    ['--dry-run with --wait', MAC, { dryRun: true, wait: true }, '--dry-run and --wait exclude each other; give one of them'],
    ['a timeout that is none', MAC, { wait: true, timeout: '2h' }, '--timeout is "2h"; allowed: a duration from 1s to 60m'],
    ['a machine without namespace', undefined, { vm: 'desktop' }, '--vm is "desktop"; allowed: NAMESPACE/NAME of a virtual machine'],
    ['a format that is none', undefined, { list: true, output: 'yaml' }, '--output is "yaml"; allowed: table, json'],
    [
      'a namespace that can not be',
      undefined,
      { list: true, namespace: 'A_b' },
      '--namespace is "A_b"; allowed: a namespace name of at most 63 characters',
    ],
  ];
  for (const [title, mac, flags, message] of wrong) {
    it(`cannot be ${title}`, () => expect(() => compile(mac, flags)).to.throw(UsageError, message));
  }
});
