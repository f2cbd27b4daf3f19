import { expect } from 'chai';
import { CURRENT_CRDS } from '../../../harness/catalog-crds';
import { anHco, CATALOG, rowOf, rowsOf, type Sample } from '../../../harness/catalog-sample';
import { EVERYTHING } from '../../../harness/catalog-samples';

const SERVED_WITHOUT_NODE_MAINTENANCE = CURRENT_CRDS.filter((name) => !name.startsWith('nodemaintenances.'));
const HARDWARE = { pciDevicesPresent: true, numaNodesPresent: true, usbDevicesPresent: true };

/** What would do harm in a shell, on a kernel command line, in PromQL, in YAML, or by its size. */
const INJECTIONS = [
  '$(reboot)',
  '`id`',
  '1; rm -rf /',
  '1\n2',
  '1 init=/bin/sh',
  '1"} or vector(1) or up{a="',
  '../../etc/passwd',
  // biome-ignore lint/suspicious/noTemplateCurlyInString: an expression, if anybody evaluated it
  '${ settings.namespace }',
  '{{ .Values }}',
  'a: &a [*a, *a]',
  '-1',
  '0',
  '1'.repeat(100_000),
  'ｆｕｌｌｗｉｄｔｈ',
  '\u0000',
];

/** Option, the key that it fails, and what is wrong about the value in a way of its own. */
const BAD_VALUES: Readonly<
  Record<string, { readonly key: string; readonly values: readonly string[]; readonly harmless?: readonly string[] }>
> = {
  'vfio-pci-ids': {
    key: 'vfio-assign[worker]',
    values: [
      '10de:1eb8,10DE:1EB8',
      '10de:1eb',
      '10de:1eb8=noslash',
      '10de:1eb8=a/b=c',
      '10de:1eb8 8086:1572',
      many(65, (n) => `10de:${n}`),
      '10de:1eb8=A/b',
    ],
  },
  'usb-devices': {
    key: 'usb-passthrough[worker]',
    values: ['0951:1666', '0951:1666=example.com/', '0951:1666="x"/y', '0951:1666=a/b,0951:1666=a/b', many(65, (n) => `0951:${n}=a/b`)],
  },
  'numa-hugepages-1g': { key: 'numa-topology[worker]', values: ['10000', '1G', '01'] },
  'numa-management-cpuset': {
    key: 'numa-topology[worker]',
    values: ['0,,1', '0-', '1--2', '0-1-2', 'all'],
    harmless: ['0', '1'.repeat(4)],
  },
  'swap-file-size': { key: 'swap-file[worker]', values: ['8GB', '8', '0Gi', '08Gi', '1.5Gi'] },
  'max-pods': { key: 'kubelet-perf-settings[worker]', values: ['9', '10000', '25O', '0250'] },
  'cpu-manager-reserved-cpus': { key: 'kubelet-cpu-manager[worker]', values: ['0,,1', '0-', 'all'], harmless: ['0'] },
  'cpu-manager-reserved-memory': { key: 'kubelet-cpu-manager[worker]', values: ['0', '1.5Gi', '1Kb'] },
  'topology-manager-policy': { key: 'kubelet-cpu-manager[worker]', values: ['Restricted', 'none '.repeat(2)] },
  'fence-agent': { key: 'fence-agents-operator', values: ['ipmilan', 'fence_ipmilan;id', 'fence_', 'FENCE_IPMILAN'] },
  'fence-shared-secret': { key: 'fence-agents-operator', values: ['Secret', 'a/b'], harmless: ['0'] },
  'fence-node-parameters': {
    key: 'fence-agents-operator',
    values: [
      '{"--password": {"worker-0": "hunter2"}}',
      '{"--PassWd-Script": {"worker-0": "/x"}}',
      '{"--auth-token": {"worker-0": "x"}}',
      '{"--ssh_KEY": {"worker-0": "x"}}',
      '{"--client-secret": {"worker-0": "x"}}',
      '{"--ip": "192.0.2.1"}',
      '{"--ip": {"worker-0": 7}}',
      '{"--ip": {"worker-0": {"a": "b"}}}',
      '{"--ip": {"worker-0": "$(id)"}}',
      '{"--ip; id": {"worker-0": "x"}}',
      '{"--ip": {"Worker 0": "x"}}',
      '{}',
      '[]',
    ],
  },
  'fence-shared-parameters': {
    key: 'fence-agents-operator',
    values: ['{"--password": "hunter2"}', '{"--lanplus": true}', '{"--x": "a|b"}', '[]'],
  },
  'aaq-calculation': { key: 'hco-golden-config', values: ['vmipodusage'] },
  'aaq-cluster-quota': { key: 'hco-golden-config', values: ['True', 'yes'] },
  'node-maintenance-channel': { key: 'node-maintenance-operator', values: ['stable ok', '-stable', 'a'.repeat(64)], harmless: ['0'] },
  'node-maintenance-source': { key: 'node-maintenance-operator', values: ['Red Hat', 'a/b'], harmless: ['0'] },
};

function many(count: number, entry: (number: string) => string): string {
  return Array.from({ length: count }, (_, index) => entry((index + 0x1000).toString(16))).join(',');
}

function sampleWith(option: string, value: string): Sample {
  const served = option.startsWith('node-maintenance') ? SERVED_WITHOUT_NODE_MAINTENANCE : undefined;
  return { anchor: anHco({ ...EVERYTHING, [option]: value }), hardware: HARDWARE, ...(served === undefined ? {} : { served }) };
}

describe('options with hostile or mistaken values', () => {
  for (const [option, { key, values, harmless = [] }] of Object.entries(BAD_VALUES)) {
    it(`${option} fails its asset, says which annotation it is and what is allowed, and never repeats the value`, async () => {
      for (const value of [...values, ...INJECTIONS.filter((text) => !harmless.includes(text))]) {
        const row = await rowOf(key, sampleWith(option, value));
        if (row.kind !== 'failed') throw new Error(`${option} takes ${JSON.stringify(value.slice(0, 80))}: ${JSON.stringify(row)}`);
        expect(row.reason, value).to.equal('InvalidOption');
        expect(row.isTransient).to.equal(false);
        const message = row.message.replace(`platform.kubevirt.io/${option} `, '').replace(/allowed: .*/, '');
        expect(message).not.to.equal(row.message);
        if (value.length > 4) expect(message).not.to.contain(value);
      }
    });

    it(`${option} fails nothing else`, async () => {
      const rows = await rowsOf(sampleWith(option, values[0]!));
      const others = [...rows].filter(([other, { kind }]) => kind === 'failed' && isOfAnother(other, key, option));
      expect(others).to.deep.equal([]);
    });
  }

  it('are tried for every option that has a pattern', () => {
    const guarded = CATALOG.assets.flatMap(({ options }) => options.filter(({ pattern }) => pattern !== undefined));
    const names = new Set(guarded.map(({ name }) => name).filter((name) => !name.startsWith('enable-')));
    expect([...names].sort()).to.deep.equal(Object.keys(BAD_VALUES).sort());
  });
});

/** A union of kubelet settings fails as a whole, instances of other pools fail alike, and fragments fail the HyperConverged. */
function isOfAnother(other: string, key: string, option: string): boolean {
  const fragments = /^(vfio|usb|aaq)-/.test(option) && other === 'hco-golden-config';
  const union = key.startsWith('kubelet-') && other.startsWith('kubelet-');
  return !fragments && !union && other.split('[')[0] !== key.split('[')[0];
}
