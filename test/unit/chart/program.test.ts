import { execFile } from 'node:child_process';
import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { expect } from 'chai';
import { MANAGER_FLAGS } from '../../../src/cli/manager-flags';
import { MODULE_DEFINITIONS } from '../../../src/cli/modules';
import { CHART, Helm, the } from '../../harness/helm';
import { ROOT } from '../../harness/steward-cluster';

interface Container {
  args: string[];
  env: { name: string; value?: string }[];
}

const PROGRAM = join(ROOT, 'build', 'src', 'cli', 'main.js');
const NO_KUBECONFIG = '/nonexistent/kubeconfig';
const READ = new Set<string>([...MANAGER_FLAGS, ...MODULE_DEFINITIONS].map(({ env }) => env));
/** Set by the values of the test itself, and read by Node.js. */
const OTHERS = ['EXAMPLE', 'FURTHER', 'NODE_OPTIONS'];

describe('what the chart passes to the manager', () => {
  let helm: Helm;

  before(async function () {
    this.timeout(0);
    helm = await Helm.find(4);
  });

  after(() => helm?.remove());

  for (const name of readdirSync(join(CHART, 'ci')).filter((file) => file.endsWith('-values.yaml'))) {
    it(`is understood by the program, rendered with ${name}`, async () => {
      const deployment = the(await helm.objects(`--values=${join(CHART, 'ci', name)}`), 'Deployment');
      const spec = deployment['spec'] as { template: { spec: { containers: Container[] } } };
      const { args, env } = spec.template.spec.containers[0]!;

      const variables = Object.fromEntries(env.map((variable) => [variable.name, variable.value ?? 'virt-steward-system']));
      const outcome = await promisify(execFile)(process.execPath, [PROGRAM, ...args, `--kubeconfig=${NO_KUBECONFIG}`], {
        env: variables,
      }).catch((error: { code: number; stderr: string }) => error);

      // It reads all flags and variables before it looks for a cluster, of which there is none.
      expect(outcome.stderr).to.match(/^error: --kubeconfig is "\/nonexistent\/kubeconfig"/);
      const isRead = (variable: string): boolean =>
        READ.has(variable) || OTHERS.includes(variable) || variable.startsWith('RELATED_IMAGE_');
      expect(env.map((variable) => variable.name).filter((variable) => !isRead(variable))).to.deep.equal([]);
    });
  }
});
