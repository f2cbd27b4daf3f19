/**
 * `/metrics` in the Prometheus text format, over plain HTTP.
 *
 * Owns: one listening socket. Never: knows what is measured.
 */
import { createServer, type Server } from 'node:http';
import type { Registry } from 'prom-client';
import type { ListenAddress } from './address';
import { close, listen } from './listening';

const REQUEST_TIMEOUT_MS = 10_000;

export class MetricsServer {
  private readonly server: Server;

  constructor(private readonly metrics: Registry) {
    this.server = createServer((request, response) => {
      if (request.method !== 'GET' && request.method !== 'HEAD') {
        response.writeHead(405).end();
      } else if (request.url?.split('?')[0] !== '/metrics') {
        response.writeHead(404).end();
      } else {
        this.metrics
          .metrics()
          .then((text) => response.writeHead(200, { 'content-type': this.metrics.contentType }).end(text))
          .catch(() => response.destroy());
      }
    });
    this.server.requestTimeout = REQUEST_TIMEOUT_MS;
    this.server.headersTimeout = REQUEST_TIMEOUT_MS;
  }

  /** @returns the port in use. @throws the socket's error when the address cannot be bound. */
  listen(address: ListenAddress): Promise<number> {
    return listen(this.server, address);
  }

  close(): Promise<void> {
    return close(this.server);
  }
}
