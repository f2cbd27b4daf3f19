import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect } from 'chai';
import { IMAGE_NAMES, type ImageName, PROCESS, runtimeConfig } from '../../../../hack/images/recipe';
import { ROOT } from '../../../harness/steward-cluster';

interface Instruction {
  readonly name: string;
  readonly text: string;
}

interface Stage {
  readonly name: string;
  readonly instructions: readonly Instruction[];
}

const TEXT = readFileSync(join(ROOT, 'hack', 'images', 'Containerfile'), 'utf8');
const SOURCE = { root: ROOT, version: '1.2.3', revision: 'unknown', createdSeconds: 0 };

/** Enough of the format for this file: continued lines, comments, no here-documents. */
function stagesOf(text: string): Stage[] {
  const lines = text
    .replace(/^#.*\n/gm, '')
    .replace(/\\\n/g, ' ')
    .split('\n')
    .filter((line) => line.trim() !== '');
  const stages: { name: string; instructions: Instruction[] }[] = [];
  for (const line of lines) {
    const [, name = '', rest = ''] = /^([A-Z]+)\s+(.*)$/.exec(line) ?? [];
    expect(name, `an instruction in "${line}"`).not.to.equal('');
    if (name === 'FROM') stages.push({ name: / AS (\S+)$/.exec(rest)?.[1] ?? '', instructions: [] });
    else stages.at(-1)?.instructions.push({ name, text: rest });
  }
  return stages;
}

describe('the Containerfile', () => {
  const stages = stagesOf(TEXT);
  const stage = (name: string): Stage => stages.find((candidate) => candidate.name === name)!;
  const all = ({ instructions }: Stage, name: string): string[] =>
    instructions.filter((instruction) => instruction.name === name).map(({ text }) => text);

  for (const name of IMAGE_NAMES) {
    it(`gives ${name} the user, the ports and the program that the build without an engine gives it`, () => {
      const config = runtimeConfig(SOURCE, name);
      const own = stage(name);

      expect(all(own, 'USER')).to.deep.equal([config.User]);
      expect(all(own, 'EXPOSE').flatMap((text) => text.split(/\s+/))).to.deep.equal(Object.keys(config.ExposedPorts));
      expect(all(own, 'ENTRYPOINT').map((text) => JSON.parse(text) as unknown)).to.deep.equal([config.Entrypoint]);
      expect(all(own, 'CMD').map((text) => JSON.parse(text) as unknown)).to.deep.equal(config.Cmd.length === 0 ? [] : [config.Cmd]);
      expect(all(own, 'ENV')).to.deep.equal([PROCESS.join(' ')]);
      expect(config.Env).to.include.members(PROCESS);
    });
  }

  /** What dist/ holds, among others, and which of it recipe.ts puts into each image. */
  const files = ['main', 'wol-agent-run-agent', 'cli-run-manager', 'cli-run-wol-manager']
    .flatMap((name) => [`${name}.js`, `${name}.js.map`])
    .concat('images');
  const wanted: Readonly<Record<ImageName, RegExp>> = { manager: /\.js(\.map)?$/, agent: /^(main|wol-agent-run-agent)\.js(\.map)?$/ };
  for (const name of IMAGE_NAMES) {
    it(`copies into ${name} the files of dist/ that it needs, and nothing that does not exist`, () => {
      const copies = all(stage(name), 'COPY').filter((text) => !text.startsWith('--from='));
      const sources = copies.flatMap((text) => text.split(/\s+/).slice(0, -1));
      const patterns = sources
        .filter((source) => source.startsWith('dist/'))
        .map((source) => new RegExp(`^${source.slice('dist/'.length).replaceAll('.', '\\.').replaceAll('*', '[^/]*')}$`));

      expect(files.filter((file) => patterns.some((pattern) => pattern.test(file)))).to.deep.equal(
        files.filter((file) => wanted[name].test(file)),
      );
      for (const source of sources.filter((text) => !text.startsWith('dist/')))
        expect(existsSync(join(ROOT, source)), source).to.equal(true);
    });
  }

  it('takes the capability along: node is copied from the stage that sets it, by a COPY that leaves owners alone', () => {
    expect(all(stage('capable'), 'RUN').join()).to.contain('setcap cap_net_bind_service=+ep /node');
    expect(all(stage('agent'), 'COPY')).to.include('--from=capable /node /usr/local/bin/node');
    expect(all(stage('manager'), 'COPY').join()).not.to.contain('--from=capable');
    expect(TEXT.replace(/^#.*$/gm, '')).not.to.contain('--chown');
  });

  it('copies from stages that there are, and sets the user after everything that needs root', () => {
    const names = stages.map(({ name }) => name);
    for (const { instructions } of stages) {
      for (const { text } of instructions.filter(({ name }) => name === 'COPY')) {
        const [, from] = /^--from=(\S+)/.exec(text) ?? [];
        if (from !== undefined) expect(names).to.include(from);
      }
      const order = instructions.map(({ name }) => name);
      if (order.includes('USER'))
        expect(order.lastIndexOf('USER')).to.be.above(Math.max(order.lastIndexOf('RUN'), order.lastIndexOf('COPY')));
    }
  });
});
