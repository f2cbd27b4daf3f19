import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect } from 'chai';
import { cachedBinary } from '../../../hack/control-plane/binaries';
import { isAtLeast } from '../../../hack/control-plane/go-build';
import { goBuildArgs, readGoSources } from '../../../hack/control-plane/go-sources';
import { TemporaryFolder } from './temporary-folder';

describe('the Go sources of the control plane', () => {
  let folder: TemporaryFolder;

  beforeEach(() => {
    folder = new TemporaryFolder();
    folder.file('go.mod', 'module sample\n\ngo 1.26.0\n\nrequire (\n\tk8s.io/kubernetes v1.36.3\n)\n');
    folder.file('go.sum', 'sums\n');
    folder.file('main.go', 'package main\n');
  });

  afterEach(() => folder.remove());

  const keyAfter = (name: string, text: string): string => {
    folder.file(name, text);
    return readGoSources(folder.path).cacheKey;
  };

  it('name the Kubernetes and the Go version', () => {
    expect(readGoSources(folder.path)).to.include({ kubernetesVersion: 'v1.36.3', goVersion: '1.26.0' });
  });

  it('have the same cache key wherever they lie', () => {
    const elsewhere = new TemporaryFolder();
    try {
      for (const name of ['main.go', 'go.sum', 'go.mod']) elsewhere.file(name, readFileSync(join(folder.path, name), 'utf8'));

      expect(readGoSources(elsewhere.path).cacheKey).to.equal(readGoSources(folder.path).cacheKey);
    } finally {
      elsewhere.remove();
    }
  });

  for (const [name, text] of [
    ['main.go', 'package main // changed\n'],
    ['go.sum', 'other sums\n'],
    ['node.go', 'package main\n'],
    ['go.mod', 'module sample\n\ngo 1.26.1\n\nrequire (\n\tk8s.io/kubernetes v1.36.3\n)\n'],
  ] as const) {
    it(`get another cache key by a new ${name}`, () => {
      const before = readGoSources(folder.path).cacheKey;

      expect(keyAfter(name, text)).not.to.equal(before);
    });
  }

  it('keep their cache key when something else in the folder changes', () => {
    const before = readGoSources(folder.path).cacheKey;

    expect(keyAfter('README.md', 'text')).to.equal(before);
  });

  it('are an error without a Kubernetes release', () => {
    folder.file('go.mod', 'module sample\n\ngo 1.26.0\n');

    expect(() => readGoSources(folder.path)).to.throw('go.mod does not require k8s.io/kubernetes at a release');
  });

  it('of this checkout replace every staging module by the one of the same release', () => {
    const { directory, kubernetesVersion } = readGoSources();
    const goMod = readFileSync(join(directory, 'go.mod'), 'utf8');
    const staging = kubernetesVersion.replace('v1.', 'v0.');
    const replaced = [...goMod.matchAll(/^\t(k8s\.io\/\S+) => \1 (\S+)$/gm)];
    const unpublished = [...goMod.matchAll(/^\t(k8s\.io\/\S+) v0\.0\.0(?: |$)/gm)].map(([, module]) => module);

    expect(replaced.map(([, , version]) => version).filter((version) => version !== staging)).to.deep.equal([]);
    expect(unpublished).not.to.deep.equal([]);
    expect(replaced.map(([, module]) => module)).to.include.members(unpublished);
  });
});

describe('the build command of the control plane', () => {
  it('stamps the Kubernetes version in', () => {
    const ldflags = goBuildArgs('v1.36.3', '/out').find((arg) => arg.startsWith('-ldflags='));

    expect(ldflags).to.contain('-X k8s.io/component-base/version.gitVersion=v1.36.3');
    expect(ldflags).to.contain('-X k8s.io/component-base/version.gitMajor=1');
    expect(ldflags).to.contain('-X k8s.io/component-base/version.gitMinor=36');
  });
});

describe('the place of the built control plane', () => {
  const sources = { directory: '/src', kubernetesVersion: 'v1.36.3', goVersion: '1.26.0', cacheKey: 'v1.36.3-abc' };

  for (const [env, place] of [
    [{ XDG_CACHE_HOME: '/cache', HOME: '/home/me' }, '/cache'],
    [{ HOME: '/home/me' }, '/home/me/.cache'],
    [{ XDG_CACHE_HOME: '', HOME: '/home/me' }, '/home/me/.cache'],
    [{ XDG_CACHE_HOME: 'relative', HOME: '/home/me' }, '/home/me/.cache'],
  ] as const) {
    it(`is in ${place} with ${JSON.stringify(env)}`, () => {
      expect(cachedBinary(sources, env)).to.equal(`${place}/virt-steward/control-plane/v1.36.3-abc/control-plane`);
    });
  }
});

describe('comparing Go versions', () => {
  for (const [have, want, expected] of [
    ['1.26.0', '1.26.0', true],
    ['1.26', '1.26.0', true],
    ['1.26.8', '1.26.0', true],
    ['1.100.0', '1.26.0', true],
    ['2.0.0', '1.26.0', true],
    ['1.26.0', '1.26.1', false],
    ['1.9.7', '1.26.0', false],
    ['1.25', '1.26.0', false],
  ] as const) {
    it(`says ${have} is ${expected ? '' : 'not '}at least ${want}`, () => {
      expect(isAtLeast(have, want)).to.equal(expected);
    });
  }
});
