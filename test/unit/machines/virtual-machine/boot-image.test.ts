import { expect } from 'chai';
import type { MachineOs } from '../../../../src/api/vitistack/v1alpha1';
import { type BootWish, bootWish, isoSizeFor, owesIsoCleanUp, probeUrl } from '../../../../src/machines/virtual-machine/boot-image';
import { aMachine } from '../builders';

const wish = (os: MachineOs, annotations: Record<string, string> = {}): BootWish => bootWish(aMachine({ spec: { os }, annotations }));
const url = 'https://images.example.com/a.iso';

describe('what a Machine boots from', () => {
  it('boots from the network without any image', () => expect(wish({})).to.deep.equal({ kind: 'network' }));

  it('boots from its own disk when an image is only named', () => expect(wish({ imageID: url })).to.deep.equal({ kind: 'disk' }));

  it('attaches an ISO given by isoUri, or by imageID with the annotation', () => {
    expect(wish({ isoUri: url })).to.deep.equal({ kind: 'iso', source: { http: { url } }, size: undefined });
    expect(wish({ imageID: url }, { 'kubevirt.io/boot-source': 'datavolume', 'vitistack.io/boot-image-size': '3Gi' })).to.deep.equal({
      kind: 'iso',
      source: { http: { url } },
      size: '3Gi',
    });
  });

  it('imports the root disk only when told so', () => {
    expect(wish({ imageID: url }, { 'vitistack.io/root-disk-source': 'image' })).to.deep.equal({
      kind: 'imported-root',
      source: { http: { url } },
    });
  });

  it('adds docker:// to a registry source without a scheme', () => {
    const registry = { 'kubevirt.io/boot-source-type': 'registry' };
    expect(wish({ isoUri: 'reg.example.com/os:1' }, registry)).to.deep.include({
      source: { registry: { url: 'docker://reg.example.com/os:1' } },
    });
    expect(wish({ isoUri: 'oci://reg.example.com/os:1' }, registry)).to.deep.include({
      source: { registry: { url: 'oci://reg.example.com/os:1' } },
    });
  });

  for (const key of ['vitistack.io/cdrom-ejected', 'vitistack.io/os-installed']) {
    it(`takes the medium away after ${key}, and owes its clean-up until that is noted`, () => {
      const machine = aMachine({ spec: { os: { isoUri: url } }, annotations: { [key]: 'true' } });
      expect(bootWish(machine)).to.deep.equal({ kind: 'disk' });
      expect(owesIsoCleanUp(machine)).to.equal(true);
      const done = aMachine({ spec: { os: { isoUri: url } }, annotations: { [key]: 'true', 'vitistack.io/iso-cleaned-up': 'true' } });
      expect(owesIsoCleanUp(done)).to.equal(false);
    });
  }

  it('makes room for what a volume needs beside the image, in whole gibibytes', () => {
    expect(isoSizeFor(1)).to.equal('1Gi');
    expect(isoSizeFor(1024 ** 3)).to.equal('2Gi');
    expect(isoSizeFor(5 * 1024 ** 3)).to.equal('6Gi');
  });

  it('asks web servers only for the size of an image', () => {
    expect(probeUrl({ http: { url } })).to.equal(url);
    expect(probeUrl({ http: { url: 'file:///etc/passwd' } })).to.equal(undefined);
    expect(probeUrl({ registry: { url: 'docker://a' } })).to.equal(undefined);
  });
});
