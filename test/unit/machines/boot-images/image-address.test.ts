import { expect } from 'chai';
import { ImageAddresses } from '../../../../src/machines/boot-images/image-address';

describe('addresses of servers of boot images', () => {
  const usual = new ImageAddresses([], '10.96.0.1');

  for (const address of ['127.0.0.1', '127.9.9.9', '0.0.0.0', '169.254.169.254', '224.0.0.1', '255.255.255.255']) {
    it(`may not be ${address}`, () => expect(usual.isAllowed(address)).to.equal(false));
  }
  for (const address of ['::1', '::', 'fe80::1', 'ff02::1', 'fd00:ec2::254']) {
    it(`may not be ${address}`, () => expect(usual.isAllowed(address)).to.equal(false));
  }
  for (const address of ['::ffff:127.0.0.1', '::ffff:7f00:1', '64:ff9b::7f00:1', '64:ff9b::a9fe:a9fe', '::127.0.0.1']) {
    it(`may not be ${address}, which stands for one that may not`, () => expect(usual.isAllowed(address)).to.equal(false));
  }
  for (const address of ['10.96.0.1', '10.96.0.10', '10.111.255.255', '::ffff:10.96.0.10']) {
    it(`may not be ${address} beside an API server at 10.96.0.1`, () => expect(usual.isAllowed(address)).to.equal(false));
  }
  for (const address of ['192.0.2.1', '10.1.2.3', '192.168.1.1', '2001:db8::1', 'fd12::1']) {
    it(`may be ${address}`, () => expect(usual.isAllowed(address)).to.equal(true));
  }

  it('may be what the administrator allows', () => {
    const allowing = new ImageAddresses(['127.0.0.0/8', 'fe80::/10'], undefined);
    expect(['127.0.0.1', '::ffff:127.0.0.1', 'fe80::1', '169.254.0.1'].map((address) => allowing.isAllowed(address))).to.deep.equal([
      ...[true, true, true, false],
    ]);
  });

  it('are no text that is no address', () => {
    for (const text of ['', 'localhost', '1.2.3', '10.0.0.1/8', 'fe80::1%eth0']) expect(usual.isAllowed(text), text).to.equal(false);
  });
});
