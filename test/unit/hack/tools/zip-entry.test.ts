import { crc32, deflateRawSync } from 'node:zlib';
import { expect } from 'chai';
import { zipEntry } from '../../../../hack/tools/zip-entry';

/** An archive of packed files, as zip programs write it. */
function archiveOf(files: Readonly<Record<string, string>>): Buffer {
  const parts: Buffer[] = [];
  const directory: Buffer[] = [];
  for (const [name, text] of Object.entries(files)) {
    const [bytes, packed] = [Buffer.from(text), deflateRawSync(text)];
    const local = Buffer.alloc(30);
    local.writeUInt32LE(0x04034b50);
    local.writeUInt16LE(name.length, 26);
    const entry = Buffer.alloc(46);
    entry.writeUInt32LE(0x02014b50);
    entry.writeUInt16LE(8, 10);
    entry.writeUInt32LE(crc32(bytes), 16);
    entry.writeUInt32LE(packed.length, 20);
    entry.writeUInt32LE(bytes.length, 24);
    entry.writeUInt16LE(name.length, 28);
    entry.writeUInt32LE(Buffer.concat(parts).length, 42);
    directory.push(entry, Buffer.from(name));
    parts.push(local, Buffer.from(name), packed);
  }
  const body = Buffer.concat(parts);
  const end = Buffer.alloc(22);
  end.writeUInt32LE(0x06054b50);
  end.writeUInt16LE(Object.keys(files).length, 10);
  end.writeUInt32LE(body.length, 16);
  return Buffer.concat([body, ...directory, end]);
}

describe('a file of a zip archive', () => {
  it('is found among others', () => {
    expect(zipEntry(archiveOf({ first: 'one', 'folder/second': 'two' }), 'folder/second').toString()).to.equal('two');
  });

  it('that is not there is an error which names it', () => {
    expect(() => zipEntry(archiveOf({ first: 'one' }), 'other')).to.throw('the archive has no other');
  });

  it('that was damaged is an error, not wrong bytes', () => {
    const archive = archiveOf({ first: 'one' });
    const entryAt = archive.indexOf(Buffer.from([0x50, 0x4b, 0x01, 0x02]));
    archive.writeUInt32LE(archive.readUInt32LE(entryAt + 16) ^ 1, entryAt + 16);

    expect(() => zipEntry(archive, 'first')).to.throw('first is damaged');
  });

  it('of something else than an archive is an error', () => {
    expect(() => zipEntry(Buffer.from('<html>'), 'first')).to.throw('this is no zip archive');
  });
});
