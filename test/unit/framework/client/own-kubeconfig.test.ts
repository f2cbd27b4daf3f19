import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';
import { expect } from 'chai';
import { stringify } from 'yaml';
import { Credentials, loadOwnKubeConfig, type OwnKubeConfigOptions } from '../../../../src/framework/client';
import { FakeClock } from '../../../../src/framework/testing/fake-clock';

describe('own kubeconfig', () => {
  let folder: string;

  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'own-kubeconfig-'));
  });
  afterEach(() => rmSync(folder, { recursive: true }));

  const file = (name: string, content: unknown): string => {
    const path = join(folder, name);
    writeFileSync(path, typeof content === 'string' ? content : stringify(content));
    return path;
  };
  const aConfig = (name: string, user: object = { token: `token-of-${name}` }, cluster: object = {}): object => ({
    'current-context': name,
    clusters: [{ name, cluster: { server: `https://${name}.example.org`, ...cluster } }],
    users: [{ name, user }],
    contexts: [{ name, context: { cluster: name, user: name, namespace: `ns-${name}` } }],
  });
  const problemOf = (options: OwnKubeConfigOptions): string => {
    try {
      loadOwnKubeConfig(options);
    } catch (error) {
      expect(error).to.include({ code: 'CONFIG' });
      expect((error as Error).message.split('\n')).to.have.length(1);
      expect((error as Error).message).not.to.include('hunter2');
      return (error as Error).message;
    }
    throw new Error('the kubeconfig was accepted');
  };

  it('prefers the file named on the command line over KUBECONFIG', () => {
    const loaded = loadOwnKubeConfig({ path: file('a', aConfig('a')), environment: { KUBECONFIG: file('b', aConfig('b')) } });

    expect(loaded.kubeConfig.getCurrentCluster()?.server).to.equal('https://a.example.org');
    expect(loaded).to.include({ namespace: 'ns-a', source: join(folder, 'a') });
  });

  it('merges the files of KUBECONFIG, the first one winning, and skips missing ones', () => {
    const second = aConfig('b', { token: 'b' });
    const KUBECONFIG = [join(folder, 'missing'), file('a', aConfig('a')), file('b', { ...second, 'current-context': 'b' })].join(delimiter);

    const { kubeConfig } = loadOwnKubeConfig({ environment: { KUBECONFIG } });

    expect(kubeConfig.getCurrentContext()).to.equal('a');
    expect(kubeConfig.getClusters().map(({ name }) => name)).to.deep.equal(['a', 'b']);
  });

  it('finds files beside the kubeconfig, and reads a token file again and again', async () => {
    file('token', 'one\n');
    const path = file('config', aConfig('a', { tokenFile: 'token', token: 'overruled' }));
    const clock = new FakeClock();
    const credentials = new Credentials(loadOwnKubeConfig({ path, environment: {} }).kubeConfig, clock);

    expect((await credentials.current()).headers['authorization']).to.equal('Bearer one');
    file('token', 'two\n');
    await clock.advance(60_000);

    expect((await credentials.current()).headers['authorization']).to.equal('Bearer two');
  });

  it('uses the service account of the pod', async () => {
    file('token', 'pod-token');
    file('ca.crt', 'CA');
    file('namespace', 'steward\n');
    const environment = { KUBERNETES_SERVICE_HOST: 'fd00::1', KUBERNETES_SERVICE_PORT: '6443' };

    const { kubeConfig, namespace, source } = loadOwnKubeConfig({ environment, serviceAccountFolder: folder });
    const { server, headers, tls } = await new Credentials(kubeConfig, new FakeClock()).current();

    expect(server.href).to.equal('https://[fd00::1]:6443/');
    expect(headers['authorization']).to.equal('Bearer pod-token');
    expect(String(tls.ca)).to.equal('CA');
    expect({ namespace, source }).to.deep.equal({ namespace: 'steward', source: 'in-cluster' });
  });

  it('says what to do when there is no cluster, and does not fall back to localhost', () => {
    const text = 'NO_CLUSTER: no kubeconfig given and not inside a cluster: use --kubeconfig, KUBECONFIG or run in a pod';

    expect(problemOf({ environment: {}, serviceAccountFolder: folder })).to.equal(text);
    expect(problemOf({ environment: { KUBERNETES_SERVICE_HOST: '10.0.0.1' }, serviceAccountFolder: folder })).to.equal(text);
    expect(problemOf({ path: '', environment: { KUBECONFIG: '' }, serviceAccountFolder: folder })).to.equal(text);
  });

  it('names file and cause in one line when a kubeconfig cannot be used', () => {
    mkdirSync(join(folder, 'dir'));
    const cases: readonly (readonly [string, string])[] = [
      [join(folder, 'missing'), 'cannot be read: no such file'],
      [join(folder, 'dir'), 'cannot be read: it is a folder'],
      [file('broken', 'a: b\na: hunter2\n'), 'is not valid YAML (line 2)'],
      [file('empty', ''), 'has no usable current context'],
      [file('lost', { ...aConfig('a', { token: 'hunter2' }), 'current-context': 'b' }), 'has no usable current context'],
      [file('nameless', { ...aConfig('a'), users: [{ name: 'a', user: { token: 'hunter2' } }, { user: {} }] }), 'users[1].name is missing'],
      [file('large', 'x'.repeat(1_048_577)), 'is larger than 1 MiB'],
    ];

    for (const [path, cause] of cases) {
      expect(problemOf({ path, environment: {} })).to.equal(`KUBECONFIG_REFUSED: kubeconfig ${path}: ${cause}`);
    }
  });

  for (const server of ['ftp://cluster.example.org', 'cluster.example.org:6443']) {
    it(`refuses the server ${JSON.stringify(server)}, which could never be reached`, () => {
      const problem = problemOf({ path: file('a', aConfig('a', {}, { server })), environment: {} });

      expect(problem).to.contain(join(folder, 'a'));
      expect(problem).to.contain(`server ${JSON.stringify(server)} is not an address; allowed: https://host:port or http://host:port`);
    });
  }

  it('refuses a KUBECONFIG that is set and names no file, in a pod too', () => {
    const environment = { KUBECONFIG: delimiter, KUBERNETES_SERVICE_HOST: '10.0.0.1' };

    expect(problemOf({ environment })).to.equal(`KUBECONFIG_REFUSED: KUBECONFIG is ${JSON.stringify(delimiter)}, which names no file`);
  });

  it('names all files of KUBECONFIG when none exists', () => {
    const KUBECONFIG = [join(folder, 'a'), join(folder, 'b')].join(delimiter);

    expect(problemOf({ environment: { KUBECONFIG } })).to.equal(
      `KUBECONFIG_REFUSED: kubeconfig ${KUBECONFIG}: cannot be read: no such file`,
    );
  });
});
