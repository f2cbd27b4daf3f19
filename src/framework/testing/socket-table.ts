/**
 * The connections of one server.
 *
 * Owns: knowing them, cutting them, and a real TCP reset, with TLS, too. Never: reads or writes bytes.
 */
import type { Server, Socket } from 'node:net';

export class SocketTable {
  /** By the client's port, which a TLS socket shares with the TCP socket under it. */
  private readonly sockets = new Map<number, Socket>();

  constructor(server: Server) {
    server.on('connection', (socket: Socket) => {
      const port = socket.remotePort ?? 0;
      this.sockets.set(port, socket);
      socket
        .on('close', () => {
          if (this.sockets.get(port) === socket) this.sockets.delete(port);
        })
        .on('error', () => socket.destroy());
    });
  }

  get size(): number {
    return this.sockets.size;
  }

  /** Changes whenever bytes come, go or are taken off by the other side. */
  get traffic(): number {
    let sum = 0;
    for (const socket of this.sockets.values()) sum += socket.bytesRead + socket.bytesWritten + socket.writableLength;
    return sum;
  }

  /** Sends what was written before, then RST. */
  reset(socket: Socket): void {
    const tcp = this.sockets.get(socket.remotePort ?? 0);
    if (tcp === undefined) socket.destroy();
    else if (socket.writableLength === 0 || !socket.writable) tcp.resetAndDestroy();
    else socket.write('', () => tcp.resetAndDestroy());
  }

  destroyAll(): void {
    for (const socket of this.sockets.values()) socket.destroy();
  }
}

/** Resolves when the server listens no more and has no connection. */
export async function closeServer(server: Server, sockets: SocketTable): Promise<void> {
  if (!server.listening) {
    sockets.destroyAll();
    return;
  }
  const closed = new Promise<void>((resolve) => server.close(() => resolve()));
  sockets.destroyAll();
  await closed;
}

/** @returns the port. @throws the listen error, for example when the port is taken. */
export function listenLocally(server: Server, port: number): Promise<number> {
  return new Promise((resolve, reject) => {
    server.once('error', reject);
    server.listen(port, '127.0.0.1', () => {
      server.off('error', reject);
      const address = server.address();
      resolve(typeof address === 'object' && address !== null ? address.port : port);
    });
  });
}
