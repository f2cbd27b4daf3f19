/** What the Containerfile copies, laid out as in its images, and run: there is no container engine to build them with. */
import { execFileSync } from 'node:child_process';
import { cpSync, globSync, mkdirSync, mkdtempSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { expect } from 'chai';
import { IMAGE_NAMES, type ImageName } from '../../../hack/images/recipe';
import { CONTAINERFILE, stagesOf, textsOf } from '../../harness/containerfile';
import { ROOT } from '../../harness/steward-cluster';

describe('what the Containerfile copies, after the build that it asks for', () => {
  let folder: string;
  const stages = new Map(stagesOf(CONTAINERFILE).map((stage) => [stage.name, stage]));

  before(() => {
    folder = mkdtempSync(join(tmpdir(), 'virt-steward-containerfile-'));
    for (const name of stages.keys()) layOut(name);
  });

  after(() => rmSync(folder, { recursive: true }));

  /** COPY with the rules of the format: what a pattern finds goes into the folder, and of a folder its contents. */
  function layOut(name: string): void {
    const stage = stages.get(name)!;
    for (const { name: instruction, text } of stage.instructions) {
      const words = text.split(/\s+/);
      if (instruction === 'RUN' && words[0] === 'rm') rmSync(join(folder, name, words.at(-1)!), { recursive: true });
      if (instruction !== 'COPY' || words[0] === '--from=capable') continue;
      const from = /^--from=(.+)$/.exec(words[0] ?? '')?.[1];
      const sources = words.slice(from === undefined ? 0 : 1, -1);
      const target = join(folder, name, words.at(-1)!);
      for (const source of sources) {
        const found = globSync(source.replace(/\/$/, ''), { cwd: ROOT }).map((path) => join(ROOT, path));
        const paths = from === undefined ? found : [join(folder, from, source)];
        expect(paths, source).not.to.deep.equal([]);
        for (const path of paths) {
          const isInto = words.at(-1)!.endsWith('/') && !statSync(path).isDirectory();
          mkdirSync(isInto ? target : join(target, '..'), { recursive: true });
          cpSync(path, isInto ? join(target, basename(path)) : target, { recursive: true, mode: 0 });
        }
      }
    }
  }

  const run = (image: ImageName, ...args: string[]): string => {
    const entryPoint = JSON.parse(textsOf(stages.get(image)!, 'ENTRYPOINT')[0]!) as string[];
    expect(entryPoint[0]).to.equal('/usr/local/bin/node');
    const own = entryPoint.slice(1).map((word) => (word.startsWith('/opt/') ? join(folder, image, word) : word));
    return execFileSync(process.execPath, [...own, ...args], { encoding: 'utf8', cwd: folder, env: { PATH: '/nowhere' } });
  };

  it('is enough for the manager and its commands, and for the catalog that it applies', () => {
    expect(run('manager', 'manager', '--help')).to.contain('Usage: virt-steward manager');
    expect(run('manager', 'doctor', '--help')).to.contain('Usage: virt-steward doctor');
    expect(run('manager', 'render', '--check')).to.match(/assets/);
  });

  it('is enough for agents, down to the native library for raw Ethernet', () => {
    expect(run('agent', '--help')).to.contain('Usage: virt-steward agent');
    const script = `const koffi = require(${JSON.stringify(join(folder, 'agent/opt/virt-steward/node_modules/koffi'))});
      console.log(koffi.load('libc.so.6').func('int getpid()')() === process.pid)`;
    expect(execFileSync(process.execPath, ['-e', script], { encoding: 'utf8' }).trim()).to.equal('true');
  });

  for (const name of IMAGE_NAMES) {
    it(`lets anybody run virt-steward in ${name}`, () => {
      const { mode } = statSync(join(folder, name, 'opt/virt-steward/dist/main.js'));
      expect(mode & 0o111).to.equal(0o111);
      expect(textsOf(stages.get(name)!, 'RUN')).to.deep.equal(['ln -s /opt/virt-steward/dist/main.js /usr/local/bin/virt-steward']);
    });
  }
});
