import { expect } from 'chai';
import type { EventInput, KubernetesObject } from '../../../../src/framework';
import { FakeClock, RecordingLogger } from '../../../../src/framework/testing';
import { PlatformEvents } from '../../../../src/platform/observability/platform-events';

const ANCHOR: KubernetesObject = {
  apiVersion: 'hco.kubevirt.io/v1',
  kind: 'HyperConverged',
  metadata: { name: 'kubevirt-hyperconverged', namespace: 'kv' },
};
const MC: KubernetesObject = { apiVersion: 'machineconfiguration.openshift.io/v1', kind: 'MachineConfig', metadata: { name: '50-virt' } };

function bench(anchor: KubernetesObject | undefined) {
  const clock = new FakeClock();
  const log = new RecordingLogger();
  const recorded: EventInput[] = [];
  const made = { clock, log, recorded, anchor, dropped: 0 };
  const events = new PlatformEvents({
    ...{ clock, log, recorder: { record: (event: EventInput) => recorded.push(event) } },
    anchor: () => made.anchor,
    dropped: (count) => {
      made.dropped += count;
    },
  });
  return { ...made, made, events, reasons: () => recorded.map(({ reason }) => reason) };
}

describe('Events of the platform module', () => {
  it('are about the anchor, name the object beside it, and say reason and key as action', () => {
    const { events, recorded } = bench(ANCHOR);

    events.normal('AssetApplied', 'pci-passthrough[worker]', 'was created', { object: MC });

    expect(recorded).to.deep.equal([
      {
        type: 'Normal',
        reason: 'AssetApplied',
        note: 'was created',
        about: ANCHOR,
        related: MC,
        action: 'AssetApplied pci-passthrough[worker]',
      },
    ]);
  });

  it('are told about the object as well where people look there', () => {
    const { events, recorded } = bench(ANCHOR);

    events.warning('DriftDetected', 'k', 'differs', { object: MC });

    expect(recorded.map(({ about, related }) => [about.kind, related?.kind])).to.deep.equal([
      ['HyperConverged', 'MachineConfig'],
      ['MachineConfig', undefined],
    ]);
  });

  it('are told once about the anchor when it is the object', () => {
    const { events, recorded } = bench(ANCHOR);

    events.warning('InvalidPatch', 'hco-golden-config', 'bad', { object: ANCHOR });

    expect(recorded).to.have.length(1);
    expect(recorded[0]).to.include({ about: ANCHOR, related: undefined });
  });

  it('tell a lasting Warning once, and hourly', async () => {
    const { clock, events, reasons } = bench(ANCHOR);
    for (let minute = 0; minute < 125; minute++) {
      events.warning('NamespaceMissing', 'k', 'namespace x is missing');
      await clock.advance(60_000);
    }

    expect(reasons()).to.deep.equal(Array(3).fill('NamespaceMissing'));
  });

  it('tell it again at once when its cause is another, or when it was over', () => {
    const { events, reasons } = bench(ANCHOR);
    events.warning('Rejected', 'k', 'text 1', { cause: 'webhook a' });
    events.warning('Rejected', 'k', 'text 2', { cause: 'webhook a' });
    events.warning('Rejected', 'k', 'text 3', { cause: 'webhook b' });
    expect(reasons()).to.have.length(2);

    events.entered('k', 'InSync');
    events.warning('Rejected', 'k', 'text 3', { cause: 'webhook b' });

    expect(reasons()).to.have.length(3);
  });

  it('do not forget a state by entering it', () => {
    const { events, reasons } = bench(ANCHOR);
    for (let run = 0; run < 5; run++) {
      events.warning('Forbidden', 'k', 'no');
      events.entered('k', 'Forbidden');
    }

    expect(reasons()).to.deep.equal(['Forbidden']);
  });

  it('tell a value once until it changes, whatever state the key enters', async () => {
    const { clock, events, reasons } = bench(ANCHOR);
    for (const cause of ['[1]', '[1]', '[2]']) {
      events.normal('PatchApplied', 'k', 'patched', { cause });
      events.entered('k', 'InSync');
      await clock.advance(7_200_000);
    }

    expect(reasons()).to.deep.equal(['PatchApplied', 'PatchApplied']);
  });

  it('tell each correction', () => {
    const { events, reasons } = bench(ANCHOR);
    for (let i = 0; i < 3; i++) events.normal('DriftCorrected', 'k', 'was corrected at /spec/x');

    expect(reasons()).to.deep.equal(Array(3).fill('DriftCorrected'));
  });

  it('tell different keys apart', () => {
    const { events, reasons } = bench(ANCHOR);
    for (const key of ['a', 'b', 'a']) events.warning('CRDMissing', key, 'missing');

    expect(reasons()).to.have.length(2);
  });

  it('are at most ten a second, the rest later, and none is lost', async () => {
    const { clock, events, reasons, made } = bench(ANCHOR);
    for (let i = 0; i < 25; i++) events.normal('AssetApplied', `k${i}`, 'was created');
    expect(reasons()).to.have.length(10);

    await clock.advance(999);
    expect(reasons()).to.have.length(10);
    await clock.advance(1);
    expect(reasons()).to.have.length(20);
    await clock.advance(1_000);

    expect(reasons()).to.have.length(25);
    expect(made.dropped).to.equal(0);
  });

  it('are counted where there are far too many', () => {
    const { events, made } = bench(ANCHOR);
    for (let i = 0; i < 600; i++) events.normal('AssetApplied', `k${i}`, 'was created');

    expect(made.dropped).to.equal(90);
  });

  it('are about the last anchor when it is gone, and about the object when there never was one', () => {
    const { events, recorded, made } = bench(ANCHOR);
    events.normal('AssetApplied', 'k', 'was created');
    made.anchor = undefined as never;
    events.normal('ResourceRemoved', 'k', 'was deleted', { object: MC });
    expect(recorded.at(-1)).to.include({ about: ANCHOR, related: MC });

    const other = bench(undefined);
    other.events.normal('TombstoneDeleted', 'k', 'was deleted', { object: MC });
    other.events.normal('TombstoneDeleted', 'k', 'nobody to tell');

    expect(other.recorded).to.have.length(1);
    expect(other.recorded[0]).to.include({ about: MC, related: undefined });
  });

  it('have a reason of the table, or a log line that says they have not', () => {
    const { events, recorded, log } = bench(ANCHOR);

    events.warning('Typo', 'k', 'x');

    expect(recorded).to.have.length(1);
    expect(log.lines.map(({ message }) => message)).to.deep.equal(['an Event has a reason that is not in the table']);
  });
});
