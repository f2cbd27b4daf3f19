import { gzipSync } from 'node:zlib';
import { expect } from 'chai';
import type { MachineSpec } from '../../../../src/api/vitistack/v1alpha1';
import {
  cloudInitPlan,
  contentOf,
  deliveredBySecret,
  deliveredInline,
  inlineProblem,
  MissingSourceError,
  notedSecrets,
} from '../../../../src/machines/virtual-machine/cloud-init';
import { aMachine, OWNER } from '../builders';

const plan = (spec: MachineSpec, canSynthesise = false): ReturnType<typeof cloudInitPlan> =>
  cloudInitPlan(aMachine({ spec }), canSynthesise);
const base64 = (text: string): string => Buffer.from(text).toString('base64');

describe('cloud-init', () => {
  it('is absent without anything to configure', () => {
    expect(plan({})).to.equal(undefined);
    expect(plan({ userData: '', sshKeys: [] })).to.equal(undefined);
  });

  it('takes the first source that is given: inline, base64, Secret, ConfigMap', () => {
    const userDataSecretRef = { name: 's' };
    const userDataConfigMapRef = { name: 'c', key: 'k' };
    const all = { userData: 'a', userDataBase64: base64('b'), userDataSecretRef, userDataConfigMapRef };
    expect(plan({ cloudInit: all })?.userData).to.deep.equal({ kind: 'inline', text: 'a' });
    expect(plan({ cloudInit: { ...all, userData: '' } })?.userData).to.deep.equal({ kind: 'inline', text: 'b' });
    expect(plan({ cloudInit: { userDataSecretRef, userDataConfigMapRef } })?.userData).to.deep.equal({
      kind: 'Secret',
      name: 's',
      key: 'userdata',
    });
    expect(plan({ cloudInit: { userDataConfigMapRef } })?.userData).to.deep.equal({ kind: 'ConfigMap', name: 'c', key: 'k' });
  });

  it('has a cloud-config of nothing when no user data is given, and synthesised network data where addresses are static', () => {
    expect(plan({ cloudInit: {} }, true)).to.deep.equal({
      type: 'noCloud',
      userData: { kind: 'inline', text: '#cloud-config\n' },
      networkData: { kind: 'synthesised' },
    });
    expect(plan({ cloudInit: { networkData: 'n' } }, true)?.networkData).to.deep.equal({ kind: 'inline', text: 'n' });
  });

  it('makes a cloud-config of keys, and lets user data win over them', () => {
    const keys = plan({ sshKeys: ['ssh-ed25519 AAAA "me"'] })?.userData;
    expect(keys).to.deep.equal({ kind: 'inline', text: '#cloud-config\nssh_authorized_keys:\n  - "ssh-ed25519 AAAA \\"me\\""\n' });
    expect(plan({ userData: 'mine', sshKeys: ['k'] })?.userData).to.deep.equal({ kind: 'inline', text: 'mine' });
  });

  it('says which source is missing, lacks a key or may not be read', () => {
    const secret = { kind: 'Secret', name: 's', key: 'userdata' } as const;
    const text = (object: Parameters<typeof contentOf>[2]): string => {
      try {
        return contentOf(secret, 'team-a', object).toString();
      } catch (error) {
        expect(error).to.be.instanceOf(MissingSourceError);
        return (error as Error).message;
      }
    };
    expect(text(undefined)).to.equal('Secret team-a/s not found');
    expect(text({ data: {} })).to.equal('Secret team-a/s has no key userdata');
    expect(text('forbidden')).to.equal('Secret team-a/s is forbidden; add team-a to machines.secretNamespaces');
    expect(text({ data: { userdata: base64('hello') } })).to.equal('hello');
  });

  it('delivers content in an immutable Secret whose name changes with it', () => {
    const wanted = plan({ cloudInit: { type: 'configDrive', userData: 'a' } })!;
    const first = deliveredBySecret(wanted, { userData: 'a', networkData: undefined }, 'vm-web', OWNER);
    const second = deliveredBySecret(wanted, { userData: 'b', networkData: 'n' }, 'vm-web', OWNER);
    if (first.kind !== 'secret' || second.kind !== 'secret') throw new Error('not delivered by Secret');
    const name = second.secret.metadata?.name;
    expect(first.secret).to.deep.include({ immutable: true, stringData: { userdata: 'a' } });
    expect(first.secret.metadata?.name).to.not.equal(name);
    expect(second.volume).to.deep.equal({
      name: 'cloudinitdisk',
      cloudInitConfigDrive: { secretRef: { name }, networkDataSecretRef: { name } },
    });
  });

  it('delivers small content inline, and refuses content of Secrets and what is larger than KubeVirt takes', () => {
    const open = plan({ cloudInit: { userData: 'a' } })!;
    expect(deliveredInline(open, { userData: 'a', networkData: undefined }).volume).to.deep.equal({
      name: 'cloudinitdisk',
      cloudInitNoCloud: { userData: 'a' },
    });
    expect(inlineProblem(open, { userData: 'é'.repeat(1024), networkData: undefined })).to.equal(undefined);
    expect(inlineProblem(open, { userData: 'é'.repeat(1025), networkData: undefined })).to.contain('larger than 2048 bytes');
    const secret = plan({ cloudInit: { userDataSecretRef: { name: 's' } } })!;
    expect(inlineProblem(secret, { userData: 'hush', networkData: undefined }))
      .to.contain('Secret')
      .and.not.contain('hush');
  });

  it('keeps content that is no text byte for byte, wherever it comes from and however it is delivered', () => {
    const packed = gzipSync('#cloud-config\n').toString('base64');
    const secret = { kind: 'Secret', name: 's', key: 'userdata' } as const;
    const given = [
      plan({ cloudInit: { userDataBase64: packed } })!.userData,
      { kind: 'inline', text: contentOf(secret, 'team-a', { data: { userdata: packed } }) },
      { kind: 'inline', text: contentOf({ ...secret, kind: 'ConfigMap' }, 'team-a', { binaryData: { userdata: packed } }) },
    ] as const;
    for (const source of given) {
      const userData = source.kind === 'inline' ? source.text : '';
      const delivery = deliveredBySecret(plan({ cloudInit: {} })!, { userData, networkData: 'n' }, 'vm-web', OWNER);

      expect(delivery)
        .to.have.property('secret')
        .that.deep.includes({ data: { userdata: packed }, stringData: { networkdata: 'n' } });
      expect(deliveredInline(plan({ cloudInit: {} })!, { userData, networkData: 'n' }).volume).to.deep.equal({
        name: 'cloudinitdisk',
        cloudInitNoCloud: { userDataBase64: packed, networkData: 'n' },
      });
    }
  });

  it('reads noted names of Secrets in any spacing, each once', () => {
    expect(notedSecrets(' b, a,b ,')).to.deep.equal(['a', 'b']);
    expect(notedSecrets(undefined)).to.deep.equal([]);
  });
});
