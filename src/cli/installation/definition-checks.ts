/** Whether the definitions of the modules that run are established, and are those of this version. */
import { isDeepStrictEqual } from 'node:util';
import { CustomResourceDefinition, type Kind } from '../../framework';
import { type Finding, fail, ok, unchecked } from '../../kubevirt/diagnosis/finding';
import { parseModules } from '../module-names';
import { REMOVALS } from '../removal/removals';
import type { InstallCheck, InstallContext } from './context';

const CHECK = 'definition';

interface Version {
  readonly name: string;
  readonly schema?: unknown;
}

export const definitionChecks: InstallCheck = async (context) => {
  const modules = parseModules('--modules', context.installation.settings.text('modules'));
  const kinds = modules.flatMap((name) => REMOVALS[name].ownKinds);
  return Promise.all(kinds.map((kind) => definitionFinding(context, kind)));
};

async function definitionFinding({ view, definition }: InstallContext, kind: Kind): Promise<Finding> {
  const name = `${kind.plural}.${kind.group}`;
  const remedy = 'upgrade with crds.install=true, or kubectl apply --server-side -f crds.yaml of this version';
  const found = await view.get(CustomResourceDefinition, name);
  if (found.kind === 'absent') return fail(CHECK, `${name} does not exist`, remedy);
  if (found.kind !== 'read') return unchecked(CHECK, name, found);
  const established = found.value.status?.conditions?.find(({ type }) => type === 'Established');
  if (established?.status !== 'True') return fail(CHECK, `${name} is not established`, `kubectl describe crd ${name}`);
  const wanted = schemasOf(definition(name));
  const present = schemasOf(found.value);
  const different = Object.keys(wanted).filter((version) => !isDeepStrictEqual(present[version], wanted[version]));
  if (different.length === 0) return ok(CHECK, `${name} is established, with the schema of this version`);
  return fail(CHECK, `${name} has another schema than this version for ${different.join(', ')}`, remedy);
}

function schemasOf(definition: unknown): Record<string, unknown> {
  const { versions = [] } = (definition as { spec?: { versions?: readonly Version[] } }).spec ?? {};
  return Object.fromEntries(versions.map(({ name, schema }) => [name, schema]));
}
