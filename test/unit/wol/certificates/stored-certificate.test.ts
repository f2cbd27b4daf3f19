import { expect } from 'chai';
import { createAuthority } from '../../../../src/wol/certificates/issue-certificate';
import { pemProblem } from '../../../../src/wol/certificates/stored-certificate';

describe('a stored pair that cannot be used', () => {
  it('is blamed on the key of the Secret that holds no PEM, without anything of what it holds', async () => {
    const { certificate, privateKey } = await createAuthority({ notBeforeMs: Date.now(), notAfterMs: Date.now() + 86_400_000 });

    expect(pemProblem('hunter2', privateKey)).to.equal('key tls.crt holds no PEM certificate');
    expect(pemProblem(certificate, 'hunter2')).to.equal('key tls.key holds no PEM private key without a passphrase');
    expect(pemProblem(certificate, privateKey)).to.equal(undefined);
  });
});
