import { expect } from 'chai';
import type { KubeClient } from '../../../../src/framework';
import type { KubevirtConfig, Machine } from '../../../../src/machines';
import { MockClientManager } from '../../../../src/machines/testing';

const client = (cluster: string): KubeClient => ({ cluster }) as KubeClient;
const config = (name: string): KubevirtConfig => ({ metadata: { name }, spec: { name, kubeconfigSecretRef: name } });
const machine = (annotation?: string): Machine => ({
  metadata: { name: 'web', ...(annotation === undefined ? {} : { annotations: { 'vitistack.io/kubevirt-config': annotation } }) },
});
const failure = (promise: Promise<unknown>): Promise<string> =>
  promise.then(
    () => 'no failure',
    (error: Error) => error.message,
  );

describe('the mock of cluster connections', () => {
  it('follows the annotation of a Machine', async () => {
    const mock = new MockClientManager().addMockedClient('east', client('east')).addMockedClient('west', client('west'));

    const placed = await mock.getOrCreateClientFromMachine(machine(' west '));

    expect(placed).to.include({ configName: 'west', needsAnnotationUpdate: false, rule: 'Annotation' });
    expect(placed.client.cluster).to.equal('west');
    expect(mock.getOrCreateFromMachineCalls).to.equal(1);
    expect(mock.getClientCalls).to.deep.equal(['west']);
  });

  it('takes the only config, or without configs the only client', async () => {
    const withConfig = new MockClientManager().addMockedConfig(config('east')).addMockedClient('east', client('east'));
    const withClient = new MockClientManager().addMockedClient('east', client('east'));

    for (const mock of [withConfig, withClient]) {
      expect(await mock.getOrCreateClientFromMachine(machine())).to.include({ configName: 'east', needsAnnotationUpdate: true });
    }
  });

  it('says why it cannot place a Machine', async () => {
    const two = new MockClientManager().addMockedConfig(config('a')).addMockedConfig(config('b'));

    expect(await failure(two.getOrCreateClientFromMachine(machine()))).to.equal(
      'mock: machine has no kubevirt-config annotation and 2 configs are available - cannot determine placement',
    );
    expect(await failure(new MockClientManager().getOrCreateClientFromMachine(machine()))).to.equal(
      'mock: machine has no kubevirt-config annotation and no configs available',
    );
    expect(await failure(two.getClientForConfig('x'))).to.equal('mock: KubevirtConfig x not found');
  });

  it('fails as it is told to, and is as new after a reset', async () => {
    const mock = new MockClientManager()
      .addMockedClient('east', client('east'))
      .setDefaultConfig('east')
      .setSupervisorClient(client('local'));
    mock.getClientError = new Error('down');
    mock.listError = new Error('list');
    mock.validateError = (name) => (name === 'east' ? new Error('sick') : undefined);

    expect(await failure(mock.getClientForConfig('east'))).to.equal('down');
    expect(await failure(mock.listKubevirtConfigs())).to.equal('list');
    expect(await failure(mock.validateConnection('east'))).to.equal('sick');
    expect([...(await mock.healthCheck()).keys()]).to.deep.equal(['east']);
    mock.invalidateAll();
    expect([mock.invalidateCalls, mock.validateCalls]).to.deep.equal([['east'], ['east']]);
    expect(mock.getSupervisorClient().cluster).to.equal('local');
    expect((await mock.getRestConfigForConfig('east')).server).to.equal('https://mock-east.example.com:6443');

    mock.reset();
    expect(await mock.listKubevirtConfigs()).to.deep.equal([]);
    expect(mock.getClientCalls).to.deep.equal([]);
    expect(() => mock.getSupervisorClient()).to.throw('no supervisor client');
  });

  it('answers with what a test puts in the place of its own answer', async () => {
    const mock = new MockClientManager();
    mock.onGetClientForConfig = async (name) => client(`other ${name}`);

    expect((await mock.getClientForConfig('east')).cluster).to.equal('other east');
  });
});
