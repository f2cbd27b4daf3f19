/**
 * Sends one Ethernet frame, given in hex, as `node send-frame.js INTERFACE FRAME`: what etherwake does, with any bytes.
 *
 * A program of its own because it has to run in the network namespace that the frame comes from.
 */
import { readFileSync } from 'node:fs';
import { getSystemErrorName } from 'node:util';
import koffi from 'koffi';

const [interfaceName = '', hex = ''] = process.argv.slice(2);
const frame = Buffer.from(hex, 'hex');

const libc = koffi.load(null);
const socket = libc.func('int socket(int domain, int type, int protocol)');
const sendto = libc.func('int64_t sendto(int fd, const void *frame, uint64_t length, int flags, const void *to, uint32_t toLength)');

/** struct sockaddr_ll: AF_PACKET and the interface's number are all that sending needs. */
const to = Buffer.alloc(20);
to.writeUInt16LE(17, 0);
to.writeInt32LE(Number(readFileSync(`/sys/class/net/${interfaceName}/ifindex`, 'utf8')), 4);

const SOCK_RAW = 3;
const fd = socket(17, SOCK_RAW, 0) as number;
if (fd < 0 || Number(sendto(fd, frame, frame.length, 0, to, to.length)) !== frame.length) {
  process.stderr.write(`frame not sent: ${getSystemErrorName(-koffi.errno())}\n`);
  process.exitCode = 1;
}
