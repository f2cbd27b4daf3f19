import { expect } from 'chai';
import { assignHealthPorts, type PortClaim, recordedHealthPort } from '../../../../src/wol/deployment/health-ports';
import { aConfig, aDaemonSet } from './builders';

/** Configs in the order of their age, the oldest first. */
function claims(...wishes: { name: string; given?: number; recorded?: number }[]): PortClaim[] {
  return wishes.map(({ name, given, recorded }, createdAt) => ({ config: aConfig({ name, createdAt }), given, recorded }));
}
const assigned = (list: readonly PortClaim[]): Record<string, number> => Object.fromEntries(assignHealthPorts(list));

describe('health ports', () => {
  it('are counted up from 8080 in the order of age, whatever the order of the list', () => {
    const list = claims({ name: 'z' }, { name: 'a' }, { name: 'm' });

    expect(assigned(list)).to.deep.equal({ z: 8_080, a: 8_081, m: 8_082 });
    expect(assigned([...list].reverse())).to.deep.equal({ z: 8_080, a: 8_081, m: 8_082 });
  });

  it('are decided by UID among configs of one second', () => {
    const list = ['b', 'a'].map((uid) => ({ config: aConfig({ name: `config-${uid}`, uid }), given: undefined, recorded: undefined }));

    expect(assigned(list)).to.deep.equal({ 'config-a': 8_080, 'config-b': 8_081 });
  });

  it('do not move once recorded, also when a lower one is free', () => {
    expect(assigned(claims({ name: 'a', recorded: 8_085 }, { name: 'b' }))).to.deep.equal({ a: 8_085, b: 8_080 });
  });

  it('leave out what any other config has recorded or asks for, a younger one included', () => {
    expect(assigned(claims({ name: 'a' }, { name: 'b', recorded: 8_080 }, { name: 'c', given: 8_081 }))).to.deep.equal({
      ...{ a: 8_082, b: 8_080, c: 8_081 },
    });
  });

  it('move for the younger of two configs that have recorded the same, as adopted ones have', () => {
    const list = claims({ name: 'a', recorded: 8_080 }, { name: 'b', recorded: 8_080 }, { name: 'c', recorded: 8_080 });

    expect(assigned(list)).to.deep.equal({ a: 8_080, b: 8_081, c: 8_082 });
  });

  it('are as given, also when a config has another one recorded', () => {
    expect(assigned(claims({ name: 'a', given: 9_000, recorded: 8_080 }, { name: 'b' }))).to.deep.equal({ a: 9_000, b: 8_080 });
  });

  it('move out of the way of an older config that asks for theirs, and not of a younger one', () => {
    expect(assigned(claims({ name: 'a', given: 8_080 }, { name: 'b', recorded: 8_080 }))).to.deep.equal({ a: 8_080, b: 8_081 });
    expect(assigned(claims({ name: 'a', recorded: 8_080 }, { name: 'b', given: 8_080 }))).to.deep.equal({ a: 8_080, b: 8_080 });
  });

  it('run out after a hundred', () => {
    const list = claims(...Array.from({ length: 101 }, (_, n) => ({ name: `c${n}` })));

    expect(assigned(list)['c99']).to.equal(8_179);
    expect(assigned(list)['c100']).to.equal(undefined);
  });

  it('are read from the annotation, from the probe where there is none, and nowhere else', () => {
    const daemonSet = aDaemonSet(aConfig(), { healthPort: 8_123 });
    const { annotations: _, ...bare } = daemonSet.metadata!;

    expect(recordedHealthPort(daemonSet)).to.equal(8_123);
    expect(recordedHealthPort({ ...daemonSet, metadata: bare })).to.equal(8_123);
    expect(recordedHealthPort({ metadata: bare })).to.equal(undefined);
    expect(recordedHealthPort({ metadata: { annotations: { 'wol.pillon.org/health-port': 'x' } } })).to.equal(undefined);
  });
});
