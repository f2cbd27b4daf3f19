import { expect } from 'chai';
import { UsageError } from '../../../../src/framework/basics';
import { normalizeMac } from '../../../../src/kubevirt/mac-address';
import { compileDoctorOptions, type DoctorFlags } from '../../../../src/wol/doctor/doctor-options';

const compile = (what: string | undefined, flags: DoctorFlags = {}): unknown => compileDoctorOptions(what, flags, normalizeMac);

describe('options of doctor', () => {
  it('mean the whole cluster without an argument', () => {
    expect(compile(undefined)).to.deep.include({ subject: undefined, output: 'text' });
  });

  it('take a machine by its name, or an address in any notation', () => {
    expect(compile('lab/desktop')).to.deep.include({ subject: { namespace: 'lab', name: 'desktop' } });
    expect(compile('0200.0000.0001', { port: '7', source: '2001:db8::1' })).to.deep.include({
      subject: { mac: '02:00:00:00:00:01' },
      port: 7,
      source: '2001:db8::1',
    });
  });

  const wrong: readonly [string, string | undefined, DoctorFlags, string][] = [
    [
      'a name without namespace',
      'desktop',
      {},
      'what to look at is "desktop"; allowed: NAMESPACE/NAME of a virtual machine, or a MAC address',
    ],
    ['a port without a subject', undefined, { port: '9' }, '--port goes with a MAC address or NAMESPACE/NAME only'],
    ['a source without a subject', undefined, { source: '192.0.2.1' }, '--source goes with a MAC address or NAMESPACE/NAME only'],
    ['a port that is none', 'a/b', { port: '0' }, '--port is "0"; allowed: 1 to 65535'],
    ['a source that is none', 'a/b', { source: 'host' }, '--source is "host"; allowed: an IPv4 or IPv6 address'],
    ['a format that is none', 'a/b', { output: 'yaml' }, '--output is "yaml"; allowed: text, json'],
  ];
  for (const [title, what, flags, message] of wrong) {
    it(`refuse ${title}`, () => expect(() => compile(what, flags)).to.throw(UsageError, message));
  }
});
