/**
 * A certificate and its key as files that somebody else renews, for example a mounted Secret.
 *
 * Never: watches the files; a mounted Secret is swapped by renaming a link, which file events miss on some file systems.
 */
import { readFile } from 'node:fs/promises';
import type { CertificateSource, PemPair } from './certificate-source';

export class CertificateFiles implements CertificateSource {
  constructor(
    private readonly certificateFile: string,
    private readonly keyFile: string,
  ) {}

  /** @throws the error of the file system, which names the file. */
  async load(): Promise<PemPair> {
    // One after the other: when both are missing, the error is the same at every look, and is told once.
    const certificate = await readFile(this.certificateFile, 'utf8');
    return { certificate, privateKey: await readFile(this.keyFile, 'utf8') };
  }
}
