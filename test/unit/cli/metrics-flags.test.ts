import { execFile } from 'node:child_process';
import { join } from 'node:path';
import { expect } from 'chai';

const MAIN = join(__dirname, '..', '..', '..', 'src', 'cli', 'main.js');

/** Runs a command to its end; only for commands that end by themselves. */
function run(args: readonly string[], env: Record<string, string> = {}): Promise<{ code: number; stdout: string; stderr: string }> {
  const { PATH = '', HOME = '' } = process.env;
  return new Promise((resolve) => {
    execFile(process.execPath, [MAIN, ...args], { env: { PATH, HOME, ...env }, timeout: 120_000 }, (error, stdout, stderr) => {
      resolve({ code: typeof error?.code === 'number' ? error.code : error === null ? 0 : -1, stdout, stderr });
    });
  });
}

const REVIEWS = [
  { apiGroups: ['authentication.k8s.io'], resources: ['tokenreviews'], verbs: ['create'] },
  { apiGroups: ['authorization.k8s.io'], resources: ['subjectaccessreviews'], verbs: ['create'] },
];

interface Rules {
  items: { rules?: { apiGroups: string[] }[] }[];
}

async function reviewRules(...flags: string[]): Promise<unknown[]> {
  const { stdout } = await run(['rbac', '--output=json', ...flags]);
  const rules = (JSON.parse(stdout) as Rules).items.flatMap(({ rules: some = [] }) => some);
  return rules.filter(({ apiGroups }) => /^auth(entic|oriz)ation\.k8s\.io$/.test(apiGroups[0]!));
}

describe('virt-steward rbac', () => {
  it('prints the rights to check who reads metrics', async () => {
    expect(await reviewRules()).to.deep.equal(REVIEWS);
    expect(await reviewRules('--metrics-secure')).to.deep.equal(REVIEWS);
  });

  it('leaves them out for a manager that serves metrics to everybody', async () => {
    expect(await reviewRules('--metrics-secure=false', '--grpc-insecure')).to.deep.equal([]);
  });

  it('refuses another value', async () => {
    expect((await run(['rbac', '--metrics-secure=maybe'])).code).to.equal(2);
  });
});

describe('virt-steward manager', () => {
  const refused = async (flags: readonly string[], env: Record<string, string> = {}): Promise<string> => {
    const { code, stderr } = await run(['manager', '--modules=wol', '--grpc-insecure', ...flags], env);
    expect(code).to.equal(2);
    return stderr.trim().split('\n')[0]!;
  };

  it('refuses a certificate for metrics without its key, and a key without its certificate', async () => {
    expect(await refused(['--metrics-cert-file=/tls.crt'])).to.equal(
      'error: --metrics-key-file is ""; allowed: a file, because --metrics-cert-file is given',
    );
    expect(await refused([], { METRICS_KEY_FILE: '/tls.key' })).to.equal(
      'error: --metrics-cert-file is ""; allowed: a file, because --metrics-key-file is given',
    );
  });

  it('refuses a certificate for metrics that are served without TLS', async () => {
    const flags = ['--metrics-cert-file=/tls.crt', '--metrics-key-file=/tls.key', '--metrics-secure=false'];
    expect(await refused(flags)).to.equal('error: --metrics-secure is "false"; allowed: true, because --metrics-cert-file is given');
  });
});
