/**
 * File contents as Ignition takes them.
 *
 * Invariant: the same text gives the same bytes with every version of Node.js on every processor, because other bytes reboot nodes.
 * That is why the compressor is written in JavaScript and pinned.
 */
import { gzipSync } from 'fflate';

const LEVEL = 9;
/** Position of the byte that names the operating system in the header (RFC 1952). */
const OS_BYTE = 9;
const UNKNOWN_OS = 255;
/** Scripts and units of the catalog; each is compressed once a process. */
const MAX_REMEMBERED = 256;

export function dataUrl(text: string): string {
  return `data:;base64,${Buffer.from(text, 'utf8').toString('base64')}`;
}

const remembered = new Map<string, string>();

export function dataUrlGzip(text: string): string {
  const known = remembered.get(text);
  if (known !== undefined) return known;
  const url = `data:;base64,${Buffer.from(gzip(Buffer.from(text, 'utf8'))).toString('base64')}`;
  if (remembered.size >= MAX_REMEMBERED) remembered.clear();
  remembered.set(text, url);
  return url;
}

/** Neither time nor name in the header. */
export function gzip(bytes: Uint8Array): Uint8Array {
  const compressed = gzipSync(bytes, { level: LEVEL, mtime: 0 });
  compressed[OS_BYTE] = UNKNOWN_OS;
  return compressed;
}
