/**
 * Reads tar archives as image tools write them. Pure.
 *
 * Owns: ustar, PAX headers with extended attributes, and GNU's long names. Never: touches the file system.
 */
const BLOCK = 512;

export interface ReadEntry {
  /** Without a slash at the end, nor `./` in front. */
  readonly path: string;
  readonly mode: number;
  readonly uid: number;
  readonly gid: number;
  readonly type: 'file' | 'directory' | 'link' | 'other';
  readonly content: Buffer;
  readonly linkTarget: string;
  readonly attributes: Readonly<Record<string, Buffer>>;
}

/** @throws {Error} when a header is damaged. */
export function entriesOf(archive: Buffer): ReadEntry[] {
  const entries: ReadEntry[] = [];
  let pax = new Map<string, Buffer>();
  let longName: string | undefined;
  for (let at = 0; at + BLOCK <= archive.length && archive[at] !== 0; ) {
    const header = archive.subarray(at, at + BLOCK);
    const size = pax.has('size') ? Number(pax.get('size')) : octal(header, 124, 12);
    const content = archive.subarray(at + BLOCK, at + BLOCK + size);
    if (octal(header, 148, 8) !== checksum(header)) throw new Error(`the tar header at byte ${at} is damaged`);
    at += BLOCK + Math.ceil(size / BLOCK) * BLOCK;
    const type = String.fromCharCode(header[156] ?? 0);
    if (type === 'x') pax = paxRecords(content);
    else if (type === 'L') longName = content.toString().replace(/\0+$/, '');
    else if (type !== 'g') {
      entries.push(entryOf(header, type, content, pax, longName));
      pax = new Map();
      longName = undefined;
    }
  }
  return entries;
}

function entryOf(header: Buffer, type: string, content: Buffer, pax: ReadonlyMap<string, Buffer>, longName: string | undefined): ReadEntry {
  const prefix = text(header, 345, 155);
  const name = pax.get('path')?.toString() ?? longName ?? (prefix === '' ? text(header, 0, 100) : `${prefix}/${text(header, 0, 100)}`);
  const attributes = [...pax].filter(([key]) => key.startsWith('SCHILY.xattr.'));
  return {
    path: name.replace(/^\.\//, '').replace(/\/$/, ''),
    mode: octal(header, 100, 8),
    uid: octal(header, 108, 8),
    gid: octal(header, 116, 8),
    type: type === '5' ? 'directory' : type === '1' || type === '2' ? 'link' : type === '0' || type === '\0' ? 'file' : 'other',
    content,
    linkTarget: pax.get('linkpath')?.toString() ?? text(header, 157, 100),
    attributes: Object.fromEntries(attributes.map(([key, value]) => [key.slice('SCHILY.xattr.'.length), value])),
  };
}

/** `<length> <key>=<value>\n`, in bytes: values may be binary. */
function paxRecords(content: Buffer): Map<string, Buffer> {
  const records = new Map<string, Buffer>();
  for (let at = 0; at < content.length; ) {
    const space = content.indexOf(' ', at);
    const length = Number(content.toString('latin1', at, space));
    if (!(length > 0)) throw new Error('a PAX record is damaged');
    const record = content.subarray(space + 1, at + length - 1);
    const equals = record.indexOf('=');
    records.set(record.toString('utf8', 0, equals), record.subarray(equals + 1));
    at += length;
  }
  return records;
}

const text = (header: Buffer, at: number, length: number): string => header.toString('utf8', at, at + length).split('\0')[0] ?? '';
const octal = (header: Buffer, at: number, length: number): number => Number.parseInt(text(header, at, length).trim() || '0', 8);

function checksum(header: Buffer): number {
  return header.reduce((sum, byte, index) => sum + (index >= 148 && index < 156 ? 32 : byte), 0);
}
