/**
 * Writes tar archives whose bytes depend on their entries alone.
 *
 * Owns: the ustar format with PAX headers for long paths and extended attributes. Never: touches the file system.
 * Invariant: entries are sorted, owned by root and as old as the caller says; equal entries give equal bytes.
 */
const BLOCK = 512;
const NAME_BYTES = 100;
const TYPE = { file: '0', link: '2', directory: '5', pax: 'x' } as const;

export interface TarEntry {
  /** Relative, with forward slashes, without one at the end. */
  readonly path: string;
  /** Permission bits. */
  readonly mode: number;
  /** Bytes of a file, target of a symbolic link; a directory has neither. */
  readonly content?: Buffer;
  readonly linkTarget?: string;
  /** Extended attributes by their full name, for example `security.capability`. */
  readonly attributes?: Readonly<Record<string, Buffer>>;
}

/** @param modifiedSeconds Unix time of every entry. */
export function tarOf(entries: readonly TarEntry[], modifiedSeconds: number): Buffer {
  const sorted = [...entries].sort((a, b) => (a.path < b.path ? -1 : 1));
  const blocks = sorted.flatMap((entry) => entryBlocks(entry, modifiedSeconds));
  return Buffer.concat([...blocks, Buffer.alloc(2 * BLOCK)]);
}

function entryBlocks(entry: TarEntry, modifiedSeconds: number): Buffer[] {
  const { path, mode, content, linkTarget, attributes = {} } = entry;
  const type = linkTarget !== undefined ? TYPE.link : content !== undefined ? TYPE.file : TYPE.directory;
  const name = type === TYPE.directory ? `${path}/` : path;
  const records = Object.entries(attributes).map(([key, value]) => paxRecord(`SCHILY.xattr.${key}`, value));
  if (Buffer.byteLength(name) > NAME_BYTES) records.push(paxRecord('path', Buffer.from(name)));
  if (Buffer.byteLength(linkTarget ?? '') > NAME_BYTES) records.push(paxRecord('linkpath', Buffer.from(linkTarget ?? '')));
  const pax = Buffer.concat(records);
  const extension =
    pax.length === 0 ? [] : [header(`PaxHeaders/${name}`, 0o644, pax.length, TYPE.pax, '', modifiedSeconds), ...padded(pax)];
  const bytes = content ?? Buffer.alloc(0);
  return [...extension, header(name, mode, bytes.length, type, linkTarget ?? '', modifiedSeconds), ...padded(bytes)];
}

/** `<length> <key>=<value>\n`, where the length counts its own digits. */
function paxRecord(key: string, value: Buffer): Buffer {
  const rest = Buffer.concat([Buffer.from(` ${key}=`), value, Buffer.from('\n')]);
  let length = rest.length + 1;
  while (String(length).length + rest.length !== length) length = String(length).length + rest.length;
  return Buffer.concat([Buffer.from(String(length)), rest]);
}

function header(name: string, mode: number, size: number, type: string, linkTarget: string, modifiedSeconds: number): Buffer {
  const block = Buffer.alloc(BLOCK);
  const octal = (value: number, digits: number): string => `${value.toString(8).padStart(digits, '0')}\0`;
  Buffer.from(name).copy(block, 0, 0, NAME_BYTES);
  block.write(octal(mode, 7), 100);
  block.write(octal(0, 7), 108);
  block.write(octal(0, 7), 116);
  block.write(octal(size, 11), 124);
  block.write(octal(modifiedSeconds, 11), 136);
  block.write(' '.repeat(8), 148);
  block.write(type, 156);
  Buffer.from(linkTarget).copy(block, 157, 0, NAME_BYTES);
  block.write('ustar\x0000', 257, 'latin1');
  const sum = block.reduce((total, byte) => total + byte, 0);
  block.write(`${sum.toString(8).padStart(6, '0')}\0 `, 148);
  return block;
}

function padded(content: Buffer): Buffer[] {
  const rest = content.length % BLOCK;
  return rest === 0 ? [content] : [content, Buffer.alloc(BLOCK - rest)];
}
