import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { expect } from 'chai';
import { IMAGE_NAMES, type ImageName, labelsOf, PROCESS, runtimeConfig } from '../../../../hack/images/recipe';
import { textsOf as all, CONTAINERFILE, type Stage, stagesOf } from '../../../harness/containerfile';
import { ROOT } from '../../../harness/steward-cluster';

const SOURCE = { root: ROOT, version: '1.2.3', revision: 'unknown', createdSeconds: 0 };

describe('the Containerfile', () => {
  const stages = stagesOf(CONTAINERFILE);
  const stage = (name: string): Stage => stages.find((candidate) => candidate.name === name)!;

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

  for (const name of IMAGE_NAMES) {
    it(`labels ${name} as the build without an engine does, but for what it rests on`, () => {
      const given: Readonly<Record<string, string>> = {
        VERSION: SOURCE.version,
        REVISION: SOURCE.revision,
        CREATED: new Date(0).toISOString(),
        BASE_IMAGE: 'scratch',
      };
      const variables = all(stage(name), 'ARG').map((text) => /^(\w+)(?:="?([^"]*))?/.exec(text)!.slice(1));
      expect(variables.map(([variable]) => variable).sort()).to.deep.equal([...Object.keys(given), 'SUMMARY'].sort());
      const values = { ...Object.fromEntries(variables), ...given } as Readonly<Record<string, string>>;
      const labels = all(stage(name), 'LABEL').join(' ');
      const found = [...labels.matchAll(/([a-z.]+)="([^"]*)"/g)].map(([, key = '', value = '']) => [
        key,
        value.replace(/\$\{(\w+)\}/g, (_, variable: string) => values[variable] ?? ''),
      ]);

      expect(found.map(([key]) => key).sort(), 'each once').to.deep.equal(Object.keys(labelsOf(SOURCE, name)).sort());
      expect(Object.fromEntries(found)).to.deep.equal(labelsOf(SOURCE, name));
      expect(all(stage(name), 'COPY')).to.include('LICENSE /licenses/LICENSE');
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
    expect(CONTAINERFILE.replace(/^#.*$/gm, '')).not.to.contain('--chown');
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
