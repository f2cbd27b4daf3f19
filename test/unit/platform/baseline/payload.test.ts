import { gzipSync } from 'node:zlib';
import { expect } from 'chai';
import { differencesBetween } from '../../../../src/platform/baseline/comparison';
import { withComparablePayload, withPayloadOf } from '../../../../src/platform/baseline/payload';
import type { Json, JsonMap } from '../../../../src/platform/json';

const TEXT = 'echo "hällo"\n'.repeat(20);
const plain = { source: `data:,${encodeURIComponent(TEXT)}` };
const base64 = { source: `data:;base64,${Buffer.from(TEXT).toString('base64')}` };
const gzip = (level: number): JsonMap => ({
  source: `data:text/plain;charset=utf-8;base64,${gzipSync(TEXT, { level }).toString('base64')}`,
  compression: 'gzip',
});

const file = (contents: Json, change: JsonMap = {}): JsonMap => ({ path: '/a', mode: 493, overwrite: true, contents, ...change });
const config = (files: readonly Json[], version = '3.2.0', spec: JsonMap = {}): JsonMap => ({
  apiVersion: 'machineconfiguration.openshift.io/v1',
  kind: 'MachineConfig',
  metadata: { name: 'a' },
  spec: { config: { ignition: { version }, storage: { files } }, ...spec },
});
const filesOf = (object: JsonMap): Json =>
  (object as never as { spec: { config: { storage: { files: Json } } } }).spec.config.storage.files;
const versionOf = (object: JsonMap): Json =>
  (object as never as { spec: { config: { ignition: { version: Json } } } }).spec.config.ignition.version;

describe('the payload of a MachineConfig', () => {
  const WAYS: readonly (readonly [string, JsonMap])[] = [
    ['plain', plain],
    ['base64', base64],
    ['gzip of level 1', gzip(1)],
    ['gzip of level 9', gzip(9)],
    ['without compression, said so', { ...base64, compression: '' }],
  ];
  for (const [name, live] of WAYS) {
    it(`is kept as it is written when it means the same: ${name}`, () => {
      const kept = withPayloadOf(config([file(live)]), config([file(gzip(6))]));

      expect(filesOf(kept)).to.deep.equal([file(live)]);
      expect(differencesBetween(withComparablePayload(config([file(live)])), withComparablePayload(config([file(gzip(6))])))).to.deep.equal(
        [],
      );
    });
  }

  const CHANGES: readonly (readonly [string, JsonMap])[] = [
    ['other bytes', file({ source: 'data:,other' })],
    ['another mode', file(plain, { mode: 420 })],
    ['another user', file(plain, { user: { name: 'core' } })],
    ['no overwriting', file(plain, { overwrite: false })],
    ['another path', file(plain, { path: '/b' })],
  ];
  for (const [name, live] of CHANGES) {
    it(`is written anew when there is a real change: ${name}`, () => {
      const desired = config([file(gzip(6))]);
      expect(withPayloadOf(config([live]), desired)).to.deep.equal(desired);
      expect(differencesBetween(withComparablePayload(config([live])), withComparablePayload(desired))).not.to.deep.equal([]);
    });
  }

  it('that cannot be read is compared as it is written', () => {
    for (const contents of [
      { source: 'https://example.com/a' },
      { source: 'data:;base64,H4sI', compression: 'gzip' },
      { source: 'data:,%', compression: null },
      {},
      null,
    ]) {
      const desired = config([file(gzip(6))]);
      expect(withPayloadOf(config([file(contents)]), desired)).to.deep.equal(desired);
    }
  });

  it('that would fill the memory is not unpacked', () => {
    const bomb = { source: `data:;base64,${gzipSync(Buffer.alloc(64 * 1024 * 1024)).toString('base64')}`, compression: 'gzip' };
    const desired = config([file(gzip(6))]);
    expect(withPayloadOf(config([file(bomb)]), desired)).to.deep.equal(desired);
  });

  it('keeps the newer version of Ignition when nothing else differs, and only then', () => {
    expect(versionOf(withPayloadOf(config([file(plain)], '3.4.0'), config([file(gzip(9))])))).to.equal('3.4.0');
    expect(versionOf(withPayloadOf(config([file(plain)], '3.1.0'), config([file(gzip(9))])))).to.equal('3.2.0');
    expect(versionOf(withPayloadOf(config([file(plain)], '2.2.0'), config([file(gzip(9))])))).to.equal('3.2.0');
    expect(versionOf(withPayloadOf(config([file(plain)], '3.4.0', { kernelArguments: ['a'] }), config([file(gzip(9))])))).to.equal('3.2.0');
  });

  it('of other kinds is not looked at', () => {
    const other = { ...config([file(gzip(6))]), kind: 'KubeletConfig' };
    expect(withPayloadOf({ ...config([file(plain)]), kind: 'KubeletConfig' }, other)).to.equal(other);
  });
});
