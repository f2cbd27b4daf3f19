/** `virt-steward doctor --install`, from checked options to exit code. Loaded only then. */
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { parse } from 'yaml';
import { SystemClock } from '../framework';
import { ClusterView } from '../kubevirt/diagnosis/cluster-view';
import { openCaller } from './caller';
import type { CallerFlags } from './caller-flags';
import { checkInstallation } from './installation/check-installation';
import { networkProbes } from './installation/probes';
import type { CommandIo } from './program';

/** Where a pod finds its token. */
const TOKEN_FILE = '/var/run/secrets/kubernetes.io/serviceaccount/token';

export interface InstallCheckFlags {
  readonly deployment: string;
  readonly output: 'text' | 'json';
}

export async function runInstallCheckCommand(options: InstallCheckFlags, flags: CallerFlags, io: CommandIo): Promise<number> {
  const clock = new SystemClock();
  const { client, close, operatorNamespace: namespace } = openCaller('doctor', flags, io.env, clock);
  const isInside = io.env['KUBERNETES_SERVICE_HOST'] !== undefined && existsSync(TOKEN_FILE);
  const token = isInside ? readFileSync(TOKEN_FILE, 'utf8').trim() : undefined;
  const view = (): ClusterView => new ClusterView(client);
  try {
    return await checkInstallation({ ...options, namespace, clock, view, token, definition, probes: networkProbes, print: io.print });
  } finally {
    close();
  }
}

/** Of the folder crds/ that every package of this program brings beside its dist/. */
function definition(name: string): unknown {
  const folder = ['../crds', '../../../crds'].map((path) => join(__dirname, path)).find(existsSync);
  if (folder === undefined) throw new Error(`there is no folder crds/ beside ${__dirname}`);
  const documents = readdirSync(folder).map((file) => parse(readFileSync(join(folder, file), 'utf8')) as { metadata: { name: string } });
  return documents.find(({ metadata }) => metadata.name === name);
}
