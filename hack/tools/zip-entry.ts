/**
 * Takes one file out of a zip archive, so that no program for it has to be installed. Pure.
 *
 * Owns: archives without encryption and without the 64-bit extension. Never: writes a file.
 * @source PKWARE, APPNOTE.TXT 6.3.10: 4.3.12 central directory header, 4.3.16 end of central directory record, 4.3.7 local file header.
 */
import { crc32, inflateRawSync } from 'node:zlib';

const END_SIGNATURE = 0x06054b50;
const END_BYTES = 22;
const DIRECTORY_BYTES = 46;
const LOCAL_BYTES = 30;
const STORED = 0;
const DEFLATED = 8;

/** @throws {Error} when there is no such file, or the archive is damaged. */
export function zipEntry(archive: Buffer, name: string): Buffer {
  const end = archive.lastIndexOf(Buffer.from(Uint32Array.of(END_SIGNATURE).buffer));
  if (end < 0 || end + END_BYTES > archive.length) throw new Error('this is no zip archive');
  let at = archive.readUInt32LE(end + 16);
  for (let left = archive.readUInt16LE(end + 10); left > 0; left--) {
    const nameBytes = archive.readUInt16LE(at + 28);
    if (archive.toString('utf8', at + DIRECTORY_BYTES, at + DIRECTORY_BYTES + nameBytes) === name) return content(archive, at, name);
    at += DIRECTORY_BYTES + nameBytes + archive.readUInt16LE(at + 30) + archive.readUInt16LE(at + 32);
  }
  throw new Error(`the archive has no ${name}`);
}

function content(archive: Buffer, directoryAt: number, name: string): Buffer {
  const method = archive.readUInt16LE(directoryAt + 10);
  const localAt = archive.readUInt32LE(directoryAt + 42);
  const start = localAt + LOCAL_BYTES + archive.readUInt16LE(localAt + 26) + archive.readUInt16LE(localAt + 28);
  const packed = archive.subarray(start, start + archive.readUInt32LE(directoryAt + 20));
  if (method !== STORED && method !== DEFLATED) throw new Error(`${name} is packed in the way ${method}; known: stored and deflated`);
  const bytes = method === STORED ? packed : inflateRawSync(packed);
  if (crc32(bytes) !== archive.readUInt32LE(directoryAt + 16)) throw new Error(`${name} is damaged: its checksum differs`);
  return bytes;
}
