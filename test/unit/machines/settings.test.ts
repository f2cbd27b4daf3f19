import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect } from 'chai';
import { Settings } from '../../../src/framework';
import { MACHINES_FLAGS, MACHINES_VARIABLES, type MachinesSettings, machinesSettings } from '../../../src/machines';
import { configNamespace } from '../../../src/machines/settings';
import { WOL_FLAGS } from '../../../src/wol';
import { ROOT } from '../../harness/steward-cluster';

const DEFINITIONS = [...WOL_FLAGS, ...MACHINES_FLAGS, ...MACHINES_VARIABLES];

function read(env: Readonly<Record<string, string>> = {}): MachinesSettings {
  return machinesSettings(new Settings(DEFINITIONS, {}, env));
}

describe('settings of the machines module', () => {
  it('stand in the guide with their defaults', () => {
    const guide = readFileSync(join(ROOT, 'docs', 'machines.md'), 'utf8');
    const missing = [...MACHINES_FLAGS, ...MACHINES_VARIABLES]
      .filter(({ env, default: fallback }) => !guide.includes(`\`${env}\``) || !guide.includes(fallback === '' ? '' : `\`${fallback}\``))
      .map(({ env }) => env);

    expect(missing).to.deep.equal([]);
  });

  it('read KubevirtConfigs of the namespace default unless a namespace is chosen, and know which it was', () => {
    expect(read()).to.include({ isConfigNamespaceDefault: true, namePrefix: undefined, managedBy: 'virt-steward', resyncMs: 600_000 });
    expect(read().configNamespaces).to.deep.equal(['default']);

    const chosen = read({ KUBEVIRT_CONFIGS_NAMESPACE: 'clusters, edge' });
    expect(chosen.isConfigNamespaceDefault).to.equal(false);
    expect(chosen.configNamespaces).to.deep.equal(['clusters', 'edge']);
    expect(configNamespace(chosen, 'first')).to.equal('clusters');
    expect(configNamespace(chosen, 'second')).to.equal('');
  });

  it('take all namespaces with *, and look bare names up in default then', () => {
    const all = read({ KUBEVIRT_CONFIGS_NAMESPACE: '*' });

    expect(all.configNamespaces).to.equal('*');
    expect(configNamespace(all, 'first')).to.equal('default');
  });

  it('tell a prefix that is set to nothing from one that is not set', () => {
    expect(read({ VM_NAME_PREFIX: '' }).namePrefix).to.equal('');
    expect(read({ VM_NAME_PREFIX: 'lab-' }).namePrefix).to.equal('lab-');
  });

  it('name the variables of the older operator that have no effect', () => {
    expect(read({ NAMESPACE: 'x', VITISTACK_NAME: 'y' }).ignoredVariables).to.deep.equal(['NAMESPACE', 'VITISTACK_NAME']);
  });

  for (const [name, value] of [
    ['KUBEVIRT_CONFIGS_NAMESPACE', 'a,*'],
    ['DEFAULT_KUBEVIRT_CONFIG', 'a/b/c'],
    ['DEFAULT_KUBEVIRT_CONFIG', '/east'],
    ['MACHINES_API_PROFILE', 'third'],
    ['VM_NAME_PREFIX', 'a-prefix-that-is-too-long'],
    ['VM_NAME_PREFIX', 'Lab-'],
    ['MANAGED_BY', 'a b'],
    ['KUBECONFIG_ALLOWED_SERVERS', '10.0.0.0/33'],
    ['DISABLE_CPU_HT_FEATURE', 'yes'],
    ['PVC_VOLUME_MODE', 'block'],
    ['PVC_ACCESS_MODE', 'ReadOnlyMany'],
    ['IP_SOURCE', 'dns'],
    ['BOOT_IMAGE_PROBE_ALLOW_CIDRS', '10.0.0.1'],
    ['DENIED_NAMESPACES', 'a*b'],
    ['REMOTE_CONCURRENCY', '0'],
    ['REMOTE_REQUEST_TIMEOUT', '10'],
    ['MACHINE_RESYNC_PERIOD', '1s'],
    ['CLUSTER_CHECK_INTERVAL', '0s'],
  ] as const) {
    it(`refuse ${name}=${value} with one line that names it and what is allowed`, () => {
      expect(() => read({ [name]: value })).to.throw(
        new RegExp(`${name}.* is ${JSON.stringify(value).replaceAll('*', '\\*')}; allowed: .`),
      );
    });
  }
});
