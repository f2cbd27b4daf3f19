import { expect } from 'chai';
import type { Service } from '../../../../src/framework';
import { agentAccount, operatorAddress } from '../../../../src/wol/deployment/agent-environment';

type Ports = NonNullable<NonNullable<Service['spec']>['ports']>;

const service = (name: string, of: string, ports: Ports): Service => ({
  metadata: { name, labels: { 'app.kubernetes.io/name': of } },
  spec: { ports },
});
const GRPC: Ports = [{ name: 'grpc', port: 9_090 }];

describe('the address that agents are given', () => {
  it('is that of the shipped Service when none is labelled', () => {
    expect(operatorAddress([], 'steward')).to.equal('virt-steward-grpc.steward.svc:9090');
  });

  it('is of our own Service rather than of the older operator, then the first by name', () => {
    const services = [service('a', 'kubevirt-wol', GRPC), service('c', 'virt-steward', GRPC), service('b', 'virt-steward', GRPC)];

    expect(operatorAddress(services, 'steward')).to.equal('b.steward.svc:9090');
    expect(operatorAddress(services.slice(0, 1), 'steward')).to.equal('a.steward.svc:9090');
  });

  it('has the port named grpc, else the one numbered 9090, else the first', () => {
    const [http, numbered, named] = [
      { name: 'http', port: 80 },
      { name: 'x', port: 9_090 },
      { name: 'grpc', port: 7_000 },
    ];
    const address = (...ports: Ports): string => operatorAddress([service('s', 'virt-steward', ports)], 'steward');

    expect(address(http, numbered, named)).to.equal('s.steward.svc:7000');
    expect(address(http, numbered)).to.equal('s.steward.svc:9090');
    expect(address(http)).to.equal('s.steward.svc:80');
  });

  it('leaves out a Service without ports', () => {
    expect(operatorAddress([service('a', 'virt-steward', []), service('b', 'kubevirt-wol', GRPC)], 'n')).to.equal('b.n.svc:9090');
  });
});

describe('the service account of agents', () => {
  it('is the first labelled one by name, else the shipped one', () => {
    const account = (name: string, labels?: Record<string, string>): { metadata: { name: string; labels?: Record<string, string> } } => ({
      metadata: { name, ...(labels === undefined ? {} : { labels }) },
    });
    const forAgents = { 'app.kubernetes.io/name': 'wol-agent', 'app.kubernetes.io/component': 'agent' };
    const others = [account('0'), account('1', { ...forAgents, 'app.kubernetes.io/component': 'manager' })];

    expect(agentAccount([...others, account('b', forAgents), account('a', forAgents)])).to.equal('a');
    expect(agentAccount(others)).to.equal('virt-steward-wol-agent');
    expect(agentAccount([])).to.equal('virt-steward-wol-agent');
  });
});
