import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, readlinkSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect } from 'chai';
import { MAY_BIND_LOW_PORTS } from '../../../../hack/images/files';
import { type TarEntry, tarOf } from '../../../../hack/images/tar';

const LONG = `${'folder/'.repeat(20)}file`;
const ENTRIES: readonly TarEntry[] = [
  { path: 'bin/node', mode: 0o755, content: Buffer.from('#!'), attributes: { 'security.capability': MAY_BIND_LOW_PORTS } },
  { path: LONG, mode: 0o644, content: Buffer.from('deep') },
  { path: 'link', mode: 0o777, linkTarget: 'bin/node' },
];

describe('the tar archive of a layer', () => {
  it('is unpacked by tar, long paths and links included', () => {
    const folder = mkdtempSync(join(tmpdir(), 'virt-steward-tar-'));
    try {
      execFileSync('tar', ['-xf', '-', '-C', folder], { input: tarOf(ENTRIES, 0) });
      expect(readFileSync(join(folder, LONG), 'utf8')).to.equal('deep');
      expect(readlinkSync(join(folder, 'link'))).to.equal('bin/node');
    } finally {
      rmSync(folder, { recursive: true });
    }
  });

  it('has the same bytes whatever the order of the entries', () => {
    expect(tarOf([...ENTRIES].reverse(), 5).equals(tarOf(ENTRIES, 5))).to.equal(true);
  });

  it('carries the capability as an extended attribute with its own length', () => {
    const text = tarOf(ENTRIES, 0).toString('latin1');
    const record = /(\d+) SCHILY\.xattr\.security\.capability=/.exec(text);
    const end = (record?.index ?? 0) + Number(record?.[1]);
    expect(text[end - 1]).to.equal('\n');
    expect(text.slice(end - 1 - MAY_BIND_LOW_PORTS.length, end - 1)).to.equal(MAY_BIND_LOW_PORTS.toString('latin1'));
  });
});
