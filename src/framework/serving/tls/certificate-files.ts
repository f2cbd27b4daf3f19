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
    const [certificate, privateKey] = await Promise.all([readFile(this.certificateFile, 'utf8'), readFile(this.keyFile, 'utf8')]);
    return { certificate, privateKey };
  }
}
