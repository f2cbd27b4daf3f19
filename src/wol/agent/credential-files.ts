/**
 * Credentials in files that the kubelet renews.
 *
 * Owns: reading them anew for every connection, and noticing that they changed meanwhile. Never: keeps using what is not there any more
 * for a new connection, or shows what a file holds.
 * Files are compared by content: a mounted volume is swapped by renaming a link, which file events miss on some file systems.
 */
import { createHash } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { status } from '@grpc/grpc-js';
import { type Clock, isOperatorError, type Timer } from '../../framework/basics';
import { RpcStatusError } from '../protocol/rpc-status-error';
import { type AgentCredentials, type CredentialSource, hostOf, type IdentityFiles, verifiedCredentials } from './agent-credentials';

export interface CredentialPaths {
  readonly caFile: string;
  readonly tokenFile: string;
  /** With mTLS. */
  readonly pair: { readonly certFile: string; readonly keyFile: string } | undefined;
}

/** The kubelet needs up to a minute or two to bring a change; ten seconds more are no matter. */
const LOOK_MS = 10_000;
const HEADER_TOKEN = /^[\x21-\x7e]+$/;

export class CredentialFiles implements CredentialSource {
  private readonly host: string;
  /** Digest of what was loaded last. */
  private loaded: string | undefined;
  private readonly listeners = new Set<() => void>();
  private timer: Timer | undefined;

  /** @param address `host:port` of the manager. */
  constructor(
    private readonly paths: CredentialPaths,
    address: string,
    private readonly clock: Clock,
  ) {
    this.host = hostOf(address);
  }

  async load(): Promise<AgentCredentials> {
    const files = await this.read();
    this.loaded = digestOf(files);
    try {
      return verifiedCredentials(files, this.host);
    } catch (error) {
      throw unusable(this.paths.pair === undefined ? this.paths.caFile : `${this.paths.caFile} or ${this.paths.pair.certFile}`, error);
    }
  }

  onChange(listener: () => void): () => void {
    this.listeners.add(listener);
    this.plan();
    return () => {
      this.listeners.delete(listener);
      if (this.listeners.size > 0) return;
      this.timer?.cancel();
      this.timer = undefined;
    };
  }

  private plan(): void {
    this.timer ??= this.clock.setTimer(LOOK_MS, () => {
      this.timer = undefined;
      void this.look();
    });
  }

  /** Files that cannot be read now are no change: the connection that is open may outlive the trouble. */
  private async look(): Promise<void> {
    const files = await this.read().catch(() => undefined);
    if (this.listeners.size === 0) return;
    if (files === undefined || digestOf(files) === this.loaded) {
      this.plan();
      return;
    }
    const told = [...this.listeners];
    this.listeners.clear();
    for (const listener of told) listener();
  }

  private async read(): Promise<IdentityFiles> {
    const { caFile, tokenFile, pair } = this.paths;
    const [authorities, token, certificate, privateKey] = await Promise.all([
      textOf(caFile),
      textOf(tokenFile),
      pair === undefined ? '' : textOf(pair.certFile),
      pair === undefined ? '' : textOf(pair.keyFile),
    ]);
    // Without a certificate Node.js would trust every authority that the platform does.
    if (!authorities.includes('-----BEGIN CERTIFICATE-----')) throw unusable(caFile, new Error('it holds no certificate'));
    if (!HEADER_TOKEN.test(token.trim())) throw unusable(tokenFile, new Error('it holds no token'));
    return { authorities, token: token.trim(), pair: pair === undefined ? undefined : { certificate, privateKey } };
  }
}

async function textOf(file: string): Promise<string> {
  try {
    return await readFile(file, 'utf8');
  } catch (error) {
    throw unusable(file, error);
  }
}

function unusable(file: string, cause: unknown): RpcStatusError {
  if (isOperatorError(cause, 'RPC_STATUS')) return cause as RpcStatusError;
  const { code, message } = cause as NodeJS.ErrnoException;
  return new RpcStatusError(status.UNAVAILABLE, `${file} cannot be used: ${code ?? message}`, cause);
}

function digestOf({ authorities, token, pair }: IdentityFiles): string {
  const texts = [authorities, token, pair?.certificate ?? '', pair?.privateKey ?? ''];
  return createHash('sha256').update(JSON.stringify(texts)).digest('base64');
}
