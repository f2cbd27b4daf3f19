import { expect } from 'chai';
import { gunzipSync, strFromU8 } from 'fflate';
import { isJsonMap, type Json, type JsonMap } from '../../../../src/platform/json';
import { anHco, CATALOG, COMPACT, OPENSHIFT, objectOf, rowOf, rowsOf, type Sample } from '../../../harness/catalog-sample';
import { SAMPLES, switchedOn } from '../../../harness/catalog-samples';

const IDENTIFIER = /^[a-z0-9][a-z0-9.-]*$/;

/** What Ignition 3.2 knows of the members that the catalog uses; the API server takes anything below `config`. */
const IGNITION: Readonly<Record<string, readonly string[]>> = {
  config: ['ignition', 'storage', 'systemd'],
  ignition: ['version'],
  storage: ['files'],
  systemd: ['units'],
  files: ['path', 'mode', 'overwrite', 'contents'],
  contents: ['source', 'compression'],
  units: ['name', 'enabled', 'contents', 'dropins'],
  dropins: ['name', 'contents'],
};

function unknownMembers(value: Json, name: string): string[] {
  if (Array.isArray(value)) return value.flatMap((element: Json) => unknownMembers(element, name));
  if (!isJsonMap(value)) return [];
  return Object.entries(value).flatMap(([member, below]) => [
    ...(IGNITION[name]?.includes(member) ? [] : [`${name}.${member}`]),
    ...unknownMembers(below, member),
  ]);
}

function at(object: JsonMap, ...path: readonly (string | number)[]): Json | undefined {
  return path.reduce<Json | undefined>((value, member) => (value as Record<string | number, Json> | undefined)?.[member], object);
}

function textOf(dataUrl: string): string {
  const bytes = Buffer.from(dataUrl.replace('data:;base64,', ''), 'base64');
  return bytes[0] === 0x1f ? strFromU8(gunzipSync(bytes)) : bytes.toString('utf8');
}

async function machineConfigs(): Promise<Map<string, JsonMap>> {
  const found = new Map<string, JsonMap>();
  for (const [name, sample] of Object.entries(SAMPLES)) {
    for (const [key, row] of await rowsOf(sample)) {
      if (row.kind === 'object' && row.object.kind === 'MachineConfig') found.set(`${name} ${key}`, row.object as unknown as JsonMap);
    }
  }
  return found;
}

describe('assets that change nodes', () => {
  it('write Ignition configurations without a member that Ignition 3.2 does not know', async () => {
    for (const [name, object] of await machineConfigs()) {
      expect(unknownMembers(at(object, 'spec', 'config')!, 'config'), name).to.deep.equal([]);
      expect(at(object, 'spec', 'config', 'ignition', 'version'), name).to.equal('3.2.0');
    }
  });

  it('replace files that exist, with modes in decimal, and packed exactly where they say so', async () => {
    for (const [name, object] of await machineConfigs()) {
      for (const file of (at(object, 'spec', 'config', 'storage', 'files') ?? []) as unknown as JsonMap[]) {
        expect(file['overwrite'], name).to.equal(true);
        expect(file['mode'], name).to.equal(String(file['path']).endsWith('.sh') ? 0o755 : 0o644);
        const { source, compression } = file['contents'] as { source: string; compression?: string };
        const isGzip = Buffer.from(source.slice('data:;base64,'.length), 'base64')[0] === 0x1f;
        expect(compression, `${name} ${file['path']}`).to.equal(isGzip ? 'gzip' : undefined);
        expect(textOf(source)).to.match(/\n$/);
      }
    }
  });

  it('have names of their own in each pool, and the label of the pool', async () => {
    const seen = new Map<string, string>();
    for (const [key, row] of await rowsOf(SAMPLES['everything-compact']!)) {
      if (row.kind !== 'object' || row.object.kind !== 'MachineConfig') continue;
      const { name, labels } = row.object.metadata as unknown as { name: string; labels: Record<string, string> };
      expect(name).to.match(IDENTIFIER);
      expect(seen.get(name), name).to.equal(undefined);
      seen.set(name, key);
      expect(labels['machineconfiguration.openshift.io/role']).to.equal(/master/.test(name) ? 'master' : 'worker');
    }
    expect(seen.size).to.equal(20);
  });

  it('come once for a pool that has no schedulable masters', async () => {
    const rows = await rowsOf({ anchor: anHco(switchedOn('loadaware', 'thp-tuning')) });
    expect([...rows.keys()].filter((key) => key.endsWith('[master]'))).to.deep.equal([]);
    expect(rows.get('psi-enable')?.kind).to.equal('object');
    expect(rows.get('psi-enable-master')).to.deep.equal({ kind: 'unwanted', why: 'ConditionFalse' });
  });

  for (const [why, sample, wanted] of [
    ['no node has such a device', {}, false],
    ['some node has one', { hardware: { pciDevicesPresent: true } }, true],
    ['devices are assigned by hand', { anchor: anHco(switchedOn('vfio-assign')) }, true],
    ['it is switched off', { anchor: anHco({ 'enable-pci-passthrough': 'false' }), hardware: { pciDevicesPresent: true } }, false],
  ] as const) {
    it(`${wanted ? 'turn' : 'do not turn'} the IOMMU on when ${why}`, async () => {
      expect((await rowOf('pci-passthrough[worker]', sample as Sample)).kind).to.equal(wanted ? 'object' : 'unwanted');
    });
  }

  it('leave KSM alone where HyperConverged configures it', async () => {
    const spec = { virtualization: { ksmConfiguration: { nodeLabelSelector: { matchLabels: { ksm: 'on' } } } } };
    const rows = await rowsOf({ anchor: anHco(switchedOn('ksm-zero-only'), spec), topology: COMPACT });
    for (const key of ['ksm-zero-only', 'ksm-zero-only-master', 'ksm-cluster-monitoring']) {
      expect(rows.get(key), key).to.deep.equal({ kind: 'unwanted', why: 'ConditionFalse' });
    }
  });

  it('make a swap file only when a size follows from something', async () => {
    const on = switchedOn('swap-file');
    expect((await rowOf('swap-file[worker]', { anchor: anHco(on) })).kind).to.equal('unwanted');
    const promised = { virtualization: { higherWorkloadDensity: { memoryOvercommitPercentage: 150 } } };
    const units = (object: JsonMap): string => String(at(object, 'spec', 'config', 'systemd', 'units', 0, 'contents'));
    expect(units(await objectOf('swap-file[worker]', { anchor: anHco(on, promised) }))).to.contain('file-swap.sh overcommit=150\n');
    const given = { ...on, 'swap-file-size': '32Gi' };
    expect(units(await objectOf('swap-file[worker]', { anchor: anHco(given, promised) }))).to.contain('file-swap.sh size=32Gi\n');
  });

  it('reserve huge pages and name CPUs for management only on request', async () => {
    const numa = { anchor: anHco(switchedOn('numa')), hardware: { numaNodesPresent: true } };
    const object = await objectOf('numa-topology[worker]', numa);
    expect(at(object, 'spec', 'kernelArguments')).to.deep.equal(['numa_balancing=disable']);
    expect(at(object, 'spec', 'config')).to.deep.equal({ ignition: { version: '3.2.0' } });
    expect((await rowOf('numa-topology[worker]', { ...numa, hardware: {} })).kind).to.equal('unwanted');
  });

  it('touch nodes for USB only when that is asked for too', async () => {
    const options = { ...switchedOn('usb-passthrough'), 'usb-devices': '0951:1666=example.com/stick' };
    const rows = await rowsOf({ anchor: anHco(options) });
    expect(rows.get('usb-passthrough[worker]')).to.deep.equal({ kind: 'unwanted', why: 'ConditionFalse' });
    const hco = await objectOf('hco-golden-config', { anchor: anHco(options) });
    expect(at(hco, 'spec', 'virtualization', 'permittedHostDevices', 'usbHostDevices', 0, 'resourceName')).to.equal('example.com/stick');
  });
});

describe('the settings of the kubelet', () => {
  const settings = async (sample: Sample, key = 'kubelet-perf-settings[worker]'): Promise<JsonMap> =>
    (await objectOf(key, sample))['spec'] as JsonMap;
  const maxPods = async (sample: Sample): Promise<unknown> => at(await settings(sample), 'kubeletConfig', 'maxPods');

  for (const [hostPrefix, expected] of [
    [22, 500],
    [23, 500],
    [24, 246],
    [26, 54],
    [28, 6],
    [30, 1],
  ] as const) {
    it(`allow ${expected} pods where a node has a /${hostPrefix} of addresses`, async () => {
      expect(await maxPods({ topology: { ...OPENSHIFT, hostPrefix } })).to.equal(expected);
    });
  }

  it('allow what is asked for where nothing is known of addresses', async () => {
    const { hostPrefix: _unknown, ...topology } = OPENSHIFT;
    expect(await maxPods({ topology })).to.equal(500);
    expect(await maxPods({ topology, anchor: anHco({ 'max-pods': '1000' }) })).to.equal(1000);
    expect(await maxPods({ anchor: anHco({ 'max-pods': '1000' }) })).to.equal(502);
  });

  const GATES: readonly (readonly [string, Json, string])[] = [
    ['a list of names', ['CPUManager'], 'hco.kubevirt.io/v1beta1'],
    ['a map of booleans', { CPUManager: true }, 'hco.kubevirt.io/v1beta1'],
    ['a list of names and states', [{ name: 'CPUManager', state: 'Enabled' }], 'hco.kubevirt.io/v1'],
  ];
  for (const [form, featureGates, apiVersion] of GATES) {
    it(`place CPUs when the anchor has the gate as ${form}, and not when the switch says no`, async () => {
      const key = 'kubelet-cpu-manager[worker]';
      expect(at(await settings({ anchor: anHco({}, { featureGates }, apiVersion) }, key), 'kubeletConfig', 'cpuManagerPolicy')).to.equal(
        'static',
      );
      const refused = anHco({ 'enable-cpu-manager': 'false' }, { featureGates }, apiVersion);
      expect((await rowOf(key, { anchor: refused })).kind).to.equal('unwanted');
      expect(at(await settings({ anchor: refused }), 'kubeletConfig')).not.to.have.property('cpuManagerPolicy');
    });
  }

  it('place CPUs by the older name of the switch', async () => {
    expect((await rowOf('kubelet-cpu-manager[worker]', { anchor: anHco(switchedOn('cpu-manager-perf-tunings')) })).kind).to.equal('object');
  });

  it('are the same in every object of a pool, so that it does not matter which comes last', async () => {
    const rows = await rowsOf(SAMPLES['everything-compact']!);
    for (const role of ['worker', 'master']) {
      const [perf, cpus] = ['kubelet-perf-settings', 'kubelet-cpu-manager'].map((name) => rows.get(`${name}[${role}]`));
      if (perf?.kind !== 'object' || cpus?.kind !== 'object') throw new Error('both are wanted');
      expect((cpus.object as unknown as JsonMap)['spec']).to.deep.equal((perf.object as unknown as JsonMap)['spec']);
    }
  });

  it('give up automatic reservations where memory is reserved by hand, which the kubelet would not start with otherwise', async () => {
    const spec = await settings({ anchor: anHco({ ...switchedOn('cpu-manager'), 'cpu-manager-reserved-memory': '1124Mi' }) });
    expect(spec).not.to.have.property('autoSizingReserved');
    expect(at(spec, 'kubeletConfig', 'reservedMemory')).to.deep.equal([{ numaNode: 0, limits: { memory: '1124Mi' } }]);
    const off = await settings({ anchor: anHco({ 'cpu-manager-reserved-memory': '1124Mi' }) });
    expect(off['autoSizingReserved']).to.equal(true);
  });
});

describe('always-on assets', () => {
  for (const asset of CATALOG.assets.filter(({ install, switches }) => install === 'always' && switches.length > 0)) {
    it(`${asset.name} goes when its switch says "false", and only then`, async () => {
      const name = asset.switches[0]!;
      const sample = { ...SAMPLES['nothing-asked-for']!, hardware: { pciDevicesPresent: true } };
      const kinds = async (value: string): Promise<string[]> => {
        const rows = await rowsOf({ ...sample, anchor: anHco({ [`enable-${name}`]: value }) });
        return [...rows].filter(([key]) => key === asset.name || key.startsWith(`${asset.name}[`)).map(([, row]) => row.kind);
      };
      expect(await kinds('false')).to.deep.equal(['unwanted']);
      expect(await kinds('no')).to.deep.equal(['object']);
    });
  }
});
