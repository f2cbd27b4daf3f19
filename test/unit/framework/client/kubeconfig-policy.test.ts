import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect } from 'chai';
import { stringify } from 'yaml';
import { Credentials, type DataOnlyOptions, dataOnlyKubeConfig } from '../../../../src/framework/client';
import { FakeClock } from '../../../../src/framework/testing/fake-clock';

interface Parts {
  cluster?: object;
  user?: object;
  context?: object;
  rest?: object;
}

function aKubeconfig({ cluster = {}, user = { token: 'hunter2-token' }, context = {}, rest = {} }: Parts = {}): string {
  return stringify({
    apiVersion: 'v1',
    kind: 'Config',
    'current-context': 'x',
    clusters: [{ name: 'c', cluster: { server: 'https://api.example.org:6443', 'certificate-authority-data': 'Y2E=', ...cluster } }],
    users: [{ name: 'u', user }],
    contexts: [{ name: 'x', context: { cluster: 'c', user: 'u', ...context } }],
    ...rest,
  });
}

function refusalOf(text: string | Uint8Array, options: Partial<DataOnlyOptions> = {}): string {
  try {
    dataOnlyKubeConfig(text, { name: 'east', ...options });
  } catch (error) {
    expect(error).to.include({ code: 'PERMANENT', reason: 'KubeconfigRefused' });
    const { message, cause } = error as Error;
    expect(cause).to.equal(undefined);
    expect(message).to.match(/^kubeconfig of cluster east: /);
    expect(message).not.to.include('hunter2');
    return message.slice('kubeconfig of cluster east: '.length);
  }
  throw new Error('the kubeconfig was accepted');
}

describe('kubeconfig policy data-only', () => {
  it('accepts a token', () => {
    const config = dataOnlyKubeConfig(aKubeconfig(), { name: 'east' });

    expect(config.getCurrentCluster()).to.include({ server: 'https://api.example.org:6443', caData: 'Y2E=', skipTLSVerify: false });
    expect(config.getCurrentUser()).to.deep.equal({ name: 'u', token: 'hunter2-token' });
  });

  it('accepts client certificate data and a TLS server name', () => {
    const user = { 'client-certificate-data': 'Y2VydA==', 'client-key-data': 'a2V5' };

    const config = dataOnlyKubeConfig(aKubeconfig({ user, cluster: { 'tls-server-name': 'api' } }), { name: 'east' });

    expect(config.getCurrentUser()).to.include({ certData: 'Y2VydA==', keyData: 'a2V5' });
    expect(config.getCurrentCluster()).to.include({ tlsServerName: 'api' });
  });

  const exec = { exec: { command: 'touch', args: ['/tmp/never'] }, token: 'hunter2' };
  const provider = { 'auth-provider': { name: 'gcp', config: { 'cmd-path': '/bin/sh' } }, token: 'hunter2' };
  const table: readonly (readonly [string, Parts, string])[] = [
    ['exec', { user: exec }, 'uses exec; only a token or client certificate data is allowed'],
    ['auth-provider', { user: provider }, 'uses auth-provider; only a token or client certificate data is allowed'],
    [
      'certificate-authority',
      { cluster: { 'certificate-authority': '/etc/passwd' } },
      'refers to a file (certificate-authority); embed the data instead',
    ],
    ['client-certificate', { user: { 'client-certificate': '/x' } }, 'refers to a file (client-certificate); embed the data instead'],
    ['client-key', { user: { 'client-key': '/x' } }, 'refers to a file (client-key); embed the data instead'],
    ['tokenFile', { user: { tokenFile: '/x' } }, 'refers to a file (tokenFile); embed the data instead'],
    ['token-file', { user: { 'token-file': '/x' } }, 'refers to a file (token-file); embed the data instead'],
    [
      'insecure-skip-tls-verify',
      { cluster: { 'insecure-skip-tls-verify': true } },
      'does not verify the server; set allowInsecure for this cluster to accept that',
    ],
    [
      'an http:// server',
      { cluster: { server: 'http://api.example.org' } },
      'does not verify the server; set allowInsecure for this cluster to accept that',
    ],
    [
      'a link-local server',
      { cluster: { server: 'https://169.254.169.254' } },
      'server 169.254.169.254 is not allowed; set allowedServers',
    ],
    ['a link-local IPv6 server', { cluster: { server: 'https://[fe80::1]:6443' } }, 'server fe80::1 is not allowed; set allowedServers'],
    [
      'a link-local server as a number',
      { cluster: { server: 'https://2852039166/' } },
      'server 169.254.169.254 is not allowed; set allowedServers',
    ],
    [
      'a link-local server as a mapped address',
      { cluster: { server: 'https://[::ffff:169.254.169.254]' } },
      'server ::ffff:a9fe:a9fe is not allowed; set allowedServers',
    ],
    ['proxy-url', { cluster: { 'proxy-url': 'http://hunter2@proxy' } }, 'uses proxy-url; set allowProxy'],
    ['a user name', { user: { username: 'hunter2', password: 'hunter2' } }, 'uses username, which is not supported'],
    ['impersonation', { user: { token: 'hunter2', as: 'admin' } }, 'uses as, which is not supported'],
    ['no credential', { user: {} }, 'has neither a token nor client certificate data'],
    ['no current context', { rest: { 'current-context': '' } }, 'has no usable current context'],
    ['an unknown current context', { rest: { 'current-context': 'other' } }, 'has no usable current context'],
    ['a context with an unknown cluster', { context: { cluster: 'other' } }, 'has no usable current context'],
    ['a context with an unknown user', { context: { user: 'other' } }, 'has no usable current context'],
    ['a server that is no URL', { cluster: { server: 'nonsense' } }, 'has no usable current context'],
  ];
  for (const [what, parts, text] of table) {
    it(`refuses ${what}`, () => expect(refusalOf(aKubeconfig(parts))).to.equal(text));
  }

  it('refuses more than 1 MiB before parsing it', () => {
    expect(refusalOf(`# ${'x'.repeat(1_048_576)}`)).to.equal('is larger than 1 MiB');
  });

  it('names the line of broken YAML and never its content', () => {
    expect(refusalOf('a: b\ntoken: "hunter2\n')).to.match(/^is not valid YAML \(line [23]\)$/);
    expect(refusalOf('a: 1\na: hunter2\n')).to.equal('is not valid YAML (line 2)');
  });

  it('survives alias bombs, other documents and other shapes', () => {
    const bomb = [
      'a: &a [x,x,x,x,x,x,x,x,x]',
      ...'bcdefgh'.split('').map((name, i) => `${name}: &${name} [${`*${'abcdefg'[i]},`.repeat(9)}]`),
    ];
    expect(refusalOf(bomb.join('\n'))).to.equal('is not valid YAML (line 1)');
    for (const text of ['', 'hello', '[]', '42', 'null', 'clusters: 7\ncurrent-context: x\ncontexts: {}']) {
      expect(refusalOf(text), text).to.equal('has no usable current context');
    }
    expect(refusalOf('a: 1\n---\nb: 2\n')).to.match(/^is not valid YAML/);
  });

  it('looks at the current context only', () => {
    const other = { name: 'other', user: { exec: { command: 'touch' } } };
    const text = aKubeconfig({ rest: { users: [{ name: 'u', user: { token: 'hunter2' } }, other] } });

    expect(dataOnlyKubeConfig(text, { name: 'east' }).getUsers()).to.have.length(1);
  });

  it('lets what is opened up through, with the hints of the caller in its errors', () => {
    const insecure = aKubeconfig({ cluster: { 'insecure-skip-tls-verify': true } });
    const proxied = aKubeconfig({ cluster: { 'proxy-url': 'http://proxy:3128' } });
    const linkLocal = aKubeconfig({ cluster: { server: 'https://169.254.1.1' } });

    expect(dataOnlyKubeConfig(insecure, { name: 'east', allowInsecure: true }).getCurrentCluster()?.skipTLSVerify).to.equal(true);
    expect(dataOnlyKubeConfig(proxied, { name: 'east', allowProxy: true }).getCurrentCluster()?.proxyUrl).to.equal('http://proxy:3128');
    expect(dataOnlyKubeConfig(linkLocal, { name: 'east', allowedServers: ['169.254.0.0/16'] }).getCurrentCluster()).not.to.equal(null);
    expect(refusalOf(proxied, { hints: { allowProxy: 'annotation a/b: "true"' } })).to.equal(
      'uses proxy-url; set allowProxy (annotation a/b: "true")',
    );
  });

  it('accepts loopback unless the list of allowed servers leaves it out', () => {
    for (const host of ['127.0.0.1', '[::1]', 'localhost']) {
      const text = aKubeconfig({ cluster: { server: `https://${host}:6443` } });
      expect(dataOnlyKubeConfig(text, { name: 'east' }).getCurrentCluster()).not.to.equal(null);
      expect(refusalOf(text, { allowedServers: [] })).to.include('is not allowed');
    }
  });

  it('executes nothing and reads nothing, whatever the refused kubeconfig asks for', () => {
    const folder = mkdtempSync(join(tmpdir(), 'policy-'));
    const witness = join(folder, 'witness');
    refusalOf(aKubeconfig({ user: { exec: { apiVersion: 'client.authentication.k8s.io/v1', command: 'touch', args: [witness] } } }));
    // A FIFO would block whoever reads it; a missing file would throw ENOENT.
    refusalOf(aKubeconfig({ user: { tokenFile: join(folder, 'missing') } }));

    expect(existsSync(witness)).to.equal(false);
    rmSync(folder, { recursive: true });
  });

  it('leaves nothing in an accepted kubeconfig that the library could read from disk', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'policy-'));
    writeFileSync(join(folder, 'token'), 'from-disk');
    // Fields of the library's own shape, which is not that of a kubeconfig.
    const user = {
      token: 'hunter2',
      tokenfile: join(folder, 'token'),
      certFile: join(folder, 'token'),
      authProvider: { config: { tokenFile: join(folder, 'token') } },
    };

    const credentials = await new Credentials(dataOnlyKubeConfig(aKubeconfig({ user }), { name: 'east' }), new FakeClock()).current();

    expect(credentials.headers['authorization']).to.equal('Bearer hunter2');
    expect(credentials.tls.cert).to.equal(undefined);
    rmSync(folder, { recursive: true });
  });
});
