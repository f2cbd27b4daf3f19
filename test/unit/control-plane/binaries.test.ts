import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { hostname } from 'node:os';
import { dirname, join } from 'node:path';
import { expect } from 'chai';
import { cachedBinary, resolveBinaries } from '../../../hack/control-plane/binaries';
import { type GoSources, readGoSources } from '../../../hack/control-plane/go-sources';
import { TemporaryFolder } from './temporary-folder';

/** Plays `go version` and `go build -o FILE`, and notes each build. */
const fakeGo = (version: string, build: string): string => `#!/bin/sh
if [ "$1" = version ]; then echo "go version go${version} linux/amd64"; exit 0; fi
echo build >> "$FAKE_GO_NOTES"
while [ "$1" != -o ]; do shift; done
${build}
`;
const SUCCEEDS = 'echo "k8s.io/some/package" >&2; sleep 0.2; echo "the binary" > "$2"';
const FAILS = 'echo "main.go:1:1: expected declaration" >&2; exit 1';

describe('the binaries of a control plane', () => {
  let folder: TemporaryFolder;
  let env: NodeJS.ProcessEnv;
  let sources: GoSources;
  let said: string;
  const progress = { write: (text: string) => (said += text) };
  const resolve = () => resolveBinaries({ env, sources, progress });
  const failureOf = (attempt: Promise<unknown>): Promise<string> =>
    attempt.then(
      () => 'no failure',
      (error: Error) => error.message,
    );

  beforeEach(() => {
    folder = new TemporaryFolder();
    said = '';
    folder.file('go.mod', 'module sample\n\ngo 1.26.0\n\nrequire (\n\tk8s.io/kubernetes v1.36.3\n)\n');
    sources = readGoSources(folder.path);
    mkdirSync(join(folder.path, 'bin'));
    env = {
      PATH: `${join(folder.path, 'bin')}:/usr/bin:/bin`,
      XDG_CACHE_HOME: join(folder.path, 'cache'),
      FAKE_GO_NOTES: join(folder.path, 'notes'),
    };
  });

  afterEach(() => folder.remove());

  const installGo = (version: string, build: string): string => folder.file('bin/go', fakeGo(version, build), 0o755);
  const buildsNoted = (): number =>
    existsSync(join(folder.path, 'notes')) ? readFileSync(join(folder.path, 'notes'), 'utf8').split('\n').length - 1 : 0;
  const cacheBinary = (): string => {
    const binary = cachedBinary(sources, env);
    mkdirSync(dirname(binary), { recursive: true });
    writeFileSync(binary, 'cached');
    return binary;
  };

  describe('from KUBEBUILDER_ASSETS', () => {
    beforeEach(() => {
      env['KUBEBUILDER_ASSETS'] = join(folder.path, 'bin');
    });

    it('are used before a cached binary', async () => {
      cacheBinary();
      const etcd = folder.file('bin/etcd', '', 0o755);
      const apiServer = folder.file('bin/kube-apiserver', '', 0o755);

      expect(await resolve()).to.deep.equal({ origin: 'KUBEBUILDER_ASSETS', commands: { etcd: [etcd], 'kube-apiserver': [apiServer] } });
    });

    it('include the controller-manager and the scheduler when they are there', async () => {
      for (const name of ['etcd', 'kube-apiserver', 'kube-controller-manager', 'kube-scheduler']) folder.file(`bin/${name}`, '', 0o755);

      const { commands } = await resolve();

      expect(Object.keys(commands)).to.have.members(['etcd', 'kube-apiserver', 'kube-controller-manager', 'kube-scheduler']);
    });

    for (const [present, missing] of [
      [[], 'no executable etcd and no kube-apiserver'],
      [['etcd'], 'no executable kube-apiserver'],
      [['kube-apiserver'], 'no executable etcd'],
    ] as const) {
      it(`are an error that names what is missing when there is ${present.join() || 'nothing'}`, async () => {
        cacheBinary();
        for (const name of present) folder.file(`bin/${name}`, '', 0o755);

        const message = await failureOf(resolve());

        expect(message).to.contain(`KUBEBUILDER_ASSETS is ${env['KUBEBUILDER_ASSETS']}, which has ${missing};`);
        expect(message).not.to.contain('\n');
      });
    }

    it('must be executable', async () => {
      folder.file('bin/etcd', '', 0o644);
      folder.file('bin/kube-apiserver', '', 0o755);

      expect(await failureOf(resolve())).to.contain('which has no executable etcd;');
    });

    it('must be files', async () => {
      mkdirSync(join(folder.path, 'bin', 'etcd'));
      folder.file('bin/kube-apiserver', '', 0o755);

      expect(await failureOf(resolve())).to.contain('which has no executable etcd;');
    });

    it('are looked for elsewhere when the variable is empty', async () => {
      env['KUBEBUILDER_ASSETS'] = '';
      cacheBinary();

      expect((await resolve()).origin).to.equal('cache');
    });
  });

  describe('without Go', () => {
    it('come from the cache', async () => {
      const binary = cacheBinary();

      const { origin, commands } = await resolve();

      expect(origin).to.equal('cache');
      expect(commands['kube-controller-manager']).to.deep.equal([binary, 'kube-controller-manager']);
    });

    it('are an error of one line that names both choices when none are cached', async () => {
      env['PATH'] = join(folder.path, 'bin');

      expect(await failureOf(resolve())).to.equal(
        'no Kubernetes control plane: KUBEBUILDER_ASSETS is not set and there is no Go to build one; either install Go 1.26.0 or later ' +
          '(https://go.dev/dl), or set KUBEBUILDER_ASSETS to a folder with etcd and kube-apiserver, as `setup-envtest use -p path` prints it',
      );
    });
  });

  describe('with Go', () => {
    it('are built once and cached from then on', async () => {
      installGo('1.26.0', SUCCEEDS);

      const first = await resolve();
      const second = await resolve();

      expect([first.origin, second.origin]).to.deep.equal(['build', 'cache']);
      expect(buildsNoted()).to.equal(1);
      expect(readFileSync(cachedBinary(sources, env), 'utf8')).to.equal('the binary\n');
    });

    it('say what is going on and that it may take minutes', async () => {
      installGo('1.27.1', SUCCEEDS);

      await resolve();

      expect(said).to.match(/^building etcd and the Kubernetes control plane with Go; the first time this takes 4 to 7 minutes/);
      expect(said).to.match(/\nbuilt Kubernetes v1\.36\.3: .*control-plane \(\d+ s\)\n$/);
    });

    it('are built once by two that ask at the same time', async () => {
      installGo('1.26.8', SUCCEEDS);

      const origins = await Promise.all([resolve(), resolve()]);

      expect(origins.map(({ origin }) => origin)).to.have.members(['build', 'cache']);
      expect(buildsNoted()).to.equal(1);
      expect(said).to.contain(`waiting for process ${process.pid}, which is building the control plane\n`);
    });

    it('are built although a dead process has left its lock', async () => {
      installGo('1.26.8', SUCCEEDS);
      const cache = dirname(dirname(cachedBinary(sources, env)));
      mkdirSync(cache, { recursive: true });
      // Linux gives no process a number above 2^22.
      writeFileSync(join(cache, `${sources.cacheKey}.lock`), JSON.stringify({ pid: 2 ** 22 + 1, host: hostname() }));

      expect((await resolve()).origin).to.equal('build');
      expect(readdirSync(cache)).to.deep.equal([sources.cacheKey]);
    });

    it('are an error with the compiler output when the build fails, and nothing is cached', async () => {
      installGo('1.26.8', FAILS);

      const message = await failureOf(resolve());

      expect(message).to.equal(`go build failed in ${folder.path}; its last lines:\n  main.go:1:1: expected declaration`);
      expect(readdirSync(dirname(cachedBinary(sources, env)))).to.deep.equal([]);
      expect(said).to.match(/\nthe build has failed \(\d+ s\)\n$/);
    });

    for (const version of ['1.25.9', '1.9', '1.4.2']) {
      it(`are an error that names the versions when it is ${version}`, async () => {
        installGo(version, SUCCEEDS);

        expect(await failureOf(resolve())).to.match(
          new RegExp(
            `^no Kubernetes control plane: Go ${version.replaceAll('.', '\\.')} is too old to build one; either install Go 1\\.26\\.0 or later`,
          ),
        );
        expect(buildsNoted()).to.equal(0);
      });
    }
  });
});
