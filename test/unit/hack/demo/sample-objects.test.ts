import { expect } from 'chai';
import { SAMPLE_WAKES, sampleObjects } from '../../../../hack/demo/sample-objects';

describe('the objects of the demo', () => {
  const objects = sampleObjects(40_000);
  const of = (kind: string) => objects.filter((object) => object.kind === kind);

  it('holds every machine and config that it sends packets for', () => {
    const machines = of('VirtualMachine').map(({ metadata }) => ({ namespace: metadata.namespace, name: metadata.name }));
    const configs = of('WolConfig').map(({ metadata }) => metadata.name);

    for (const { machine, config } of SAMPLE_WAKES) {
      expect(machines).to.deep.include({ ...machine });
      if (config !== undefined) expect(configs).to.include(config);
    }
  });

  it('shows each discovery mode once, on the port of the agent', () => {
    const specs = of('WolConfig').map((config) => config['spec'] as { discoveryMode: string; wolPorts: number[] });

    expect(specs.map(({ discoveryMode }) => discoveryMode).sort()).to.deep.equal(['All', 'Explicit', 'LabelSelector']);
    expect(specs.map(({ wolPorts }) => wolPorts)).to.deep.equal([[40_000], [40_000], [40_000]]);
  });

  it('comes in an order in which it can be created', () => {
    const kinds = objects.map(({ kind }) => kind);

    expect(kinds.lastIndexOf('Namespace')).to.be.lessThan(kinds.indexOf('VirtualMachine'));
    expect(kinds.lastIndexOf('VirtualMachine')).to.be.lessThan(kinds.indexOf('WolConfig'));
  });
});
