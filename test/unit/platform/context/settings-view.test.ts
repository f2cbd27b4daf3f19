import { expect } from 'chai';
import { featureGatesOf } from '../../../../src/platform/context/feature-gates';
import { settingsOf } from '../../../../src/platform/context/settings-view';
import type { Json } from '../../../../src/platform/json';

const METADATA = { name: 'kubevirt-hyperconverged', namespace: 'kubevirt-hyperconverged' };

describe('feature gates', () => {
  const FORMS: readonly (readonly [string, Json | undefined, Record<string, boolean>])[] = [
    ['nothing', undefined, {}],
    ['null', null, {}],
    ['a list of names', ['CPUManager', 'Other'], { CPUManager: true, Other: true }],
    ['a map of booleans', { CPUManager: true, other: false, left: null }, { CPUManager: true, other: false }],
    [
      'a list of names with states',
      [{ name: 'a', state: 'Enabled' }, { name: 'b', state: 'Disabled' }, { name: 'c' }, { name: 'd', state: null }],
      { a: true, b: false, c: true, d: true },
    ],
    ['names that differ in case only', ['cpumanager', 'CPUManager'], { cpumanager: true, CPUManager: true }],
  ];
  for (const [form, value, gates] of FORMS) {
    it(`are read from ${form}`, () => expect(featureGatesOf(value)).to.deep.equal({ gates }));
  }

  for (const value of ['CPUManager', 7, true, [1], [{ name: 1 }], [{ name: 'a', state: true }], [null], { a: 'true' }] as Json[]) {
    it(`are none, with a reason, in the form ${JSON.stringify(value)}`, () => {
      const { gates, problem } = featureGatesOf(value);

      expect(gates).to.deep.equal({});
      expect(problem).to.match(/^featureGates is in no known form: .*; allowed: /);
    });
  }
});

describe('the settings view', () => {
  const TUNING = {
    liveMigrationConfig: { parallelMigrationsPerCluster: 9, parallelOutboundMigrationsPerNode: 3 },
    ksmConfiguration: { nodeLabelSelector: {} },
    higherWorkloadDensity: { memoryOvercommitPercentage: 150 },
  };
  const SEEN = { migrationsPerCluster: 9, migrationsPerNode: 3, ksmConfigured: true, memoryOvercommit: 150 };
  const DEFAULTS = { migrationsPerCluster: 5, migrationsPerNode: 2, ksmConfigured: false, memoryOvercommit: 100 };

  it('reads v1 below spec.virtualization and nowhere else', () => {
    const apiVersion = 'hco.kubevirt.io/v1';
    const anchor = {
      apiVersion,
      kind: 'HyperConverged',
      metadata: METADATA,
      spec: { virtualization: TUNING, featureGates: [{ name: 'G' }] },
    };
    const misplaced = { ...anchor, spec: TUNING };

    expect(settingsOf(anchor, 'hco').settings).to.deep.equal({
      ...{ namespace: METADATA.namespace, apiVersion, hcoPresent: true, gates: { G: true } },
      ...SEEN,
    });
    expect(settingsOf(misplaced, 'hco').settings).to.include(DEFAULTS);
  });

  it('reads v1beta1 below spec', () => {
    const apiVersion = 'hco.kubevirt.io/v1beta1';
    const anchor = { apiVersion, kind: 'HyperConverged', metadata: METADATA, spec: { ...TUNING, featureGates: { G: true, H: false } } };

    expect(settingsOf(anchor, 'hco').settings).to.deep.equal({
      ...{ namespace: METADATA.namespace, apiVersion, hcoPresent: true, gates: { G: true, H: false } },
      ...SEEN,
    });
  });

  it('has defaults for what a HyperConverged does not say', () => {
    for (const spec of [undefined, {}, { liveMigrationConfig: null, ksmConfiguration: {} }, { liveMigrationConfig: 'odd' }]) {
      const anchor = { apiVersion: 'hco.kubevirt.io/v1beta1', metadata: METADATA, ...(spec === undefined ? {} : { spec }) };

      expect(settingsOf(anchor, 'hco').settings).to.include(DEFAULTS);
    }
  });

  it('reads gates of a KubeVirt from its developer configuration', () => {
    const spec = { configuration: { developerConfiguration: { featureGates: ['CPUManager'] } }, featureGates: ['elsewhere'] };
    const anchor = { apiVersion: 'kubevirt.io/v1', metadata: { name: 'kubevirt', namespace: 'kubevirt' }, spec };

    expect(settingsOf(anchor, 'kubevirt').settings).to.deep.equal({
      ...{ namespace: 'kubevirt', apiVersion: 'kubevirt.io/v1', hcoPresent: false, gates: { CPUManager: true } },
      ...DEFAULTS,
    });
  });

  it('says so when gates are in no known form', () => {
    const anchor = { apiVersion: 'hco.kubevirt.io/v1', metadata: METADATA, spec: { featureGates: 'CPUManager' } };

    expect(settingsOf(anchor, 'hco')).to.have.property('problem').that.contains('no known form');
  });

  it('ignores the retired annotation for gates', () => {
    const metadata = { ...METADATA, annotations: { 'platform.kubevirt.io/feature-gates': 'CPUManager' } };

    expect(settingsOf({ apiVersion: 'hco.kubevirt.io/v1', metadata, spec: {} } as never, 'hco').settings.gates).to.deep.equal({});
  });
});
