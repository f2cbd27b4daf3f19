import { execFile } from 'node:child_process';
import { globSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { expect } from 'chai';
import { shellcheck } from '../../../../hack/tools/shellcheck';
import { skipBecause } from '../../../harness/skip-because';
import { SCRIPTS } from './fake-node';

const scripts = globSync('*/*.sh', { cwd: SCRIPTS }).sort();
const units = globSync('*/*.{service,conf}', { cwd: SCRIPTS }).sort();

describe('scripts that run on nodes', () => {
  it('pass shellcheck', async function () {
    this.timeout(0);
    const tool = await shellcheck().catch((error: unknown) => {
      if (process.env['CI']) throw error;
      return skipBecause(this, 'shellcheck is not to be had here');
    });
    const findings = await promisify(execFile)(tool, ['--severity=style', ...scripts], { cwd: SCRIPTS }).then(
      ({ stdout }) => stdout,
      ({ stdout }: { stdout: string }) => stdout,
    );
    expect(findings).to.equal('');
  });

  for (const script of scripts) {
    it(`${script} stops at the first failure and sees no path but those below ROOT`, () => {
      const text = readFileSync(join(SCRIPTS, script), 'utf8');
      expect(text)
        .to.match(/^#!\/bin\/bash\n/)
        .and.to.contain('set -euo pipefail\n');
      expect(text).not.to.match(/python|perl|yq\b/);
      const code = text.split('\n').filter((line) => !/^\s*#/.test(line));
      expect(
        code.filter((line) => /(?<!ROOT:-}|\w|"\$file" ]]|[=*@])\/(proc|etc|run)\//.test(line) && !line.includes('for file in')),
      ).to.deep.equal([]);
    });
  }

  for (const unit of units.filter((name) => name.endsWith('.service'))) {
    it(`${unit} starts only what the catalog or the system brings`, () => {
      const text = readFileSync(join(SCRIPTS, unit), 'utf8');
      expect(text)
        .to.match(/^\[Unit\]\nDescription=\S/)
        .and.to.match(/\n\[Install\]\n(WantedBy|RequiredBy)=\S+\n$/);
      const program = /^ExecStart=(\S+)/m.exec(text)?.[1] ?? '';
      const name = program.startsWith('/usr/local/bin/') ? program.slice('/usr/local/bin/'.length) : undefined;
      if (name === undefined) expect(program).to.match(/^\/bin\/(sh|rm)$/);
      else expect(scripts.map((script) => script.split('/')[1])).to.include(name);
    });
  }
});
