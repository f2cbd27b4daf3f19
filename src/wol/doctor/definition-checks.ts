/** Whether the WolConfig API is served, and is that of this version. */
import { CustomResourceDefinition } from '../../framework';
import { type Finding, fail, ok, unchecked, warn } from '../../kubevirt/diagnosis/finding';
import { WolConfig } from '../wol-config';
import type { Check } from './context';

const CHECK = 'definition';
const NAME = 'wolconfigs.wol.pillon.org';
const APPLY = 'kubectl apply --server-side -f crds/wol.pillon.org_wolconfigs.yaml of this version';

/** What this version reads and writes at the top of spec and status; a test holds it against the definition. */
export const FIELDS: Readonly<Record<'spec' | 'status', readonly string[]>> = {
  spec: [
    ...['discoveryMode', 'namespaceSelectors', 'vmSelector', 'explicitMappings', 'wolPorts', 'wolPort', 'cacheTTL', 'learnRuntimeMACs'],
    ...['includeRemote', 'startPolicy', 'unpause', 'allowedSources', 'secureOn', 'limits', 'agent'],
  ],
  status: [
    ...['observedGeneration', 'managedVMs', 'managedMACs', 'unwakeableVMs', 'wolPorts', 'conflicts', 'lastWake', 'lastSync'],
    ...['agentStatus', 'agentProblems', 'conditions'],
  ],
};

interface Schema {
  properties?: Record<string, Schema>;
}

export const definitionChecks: Check = async ({ view }) => {
  const served = await view.resources(WolConfig.apiVersion);
  if (served.kind === 'absent') return [fail(CHECK, `${WolConfig.apiVersion} is not served`, APPLY)];
  if (served.kind !== 'read') return [unchecked(CHECK, WolConfig.apiVersion, served)];
  const definition = await view.get(CustomResourceDefinition, NAME);
  if (definition.kind !== 'read') return [unchecked(CHECK, `fields of ${WolConfig.apiVersion}`, definition)];
  return [fieldsFinding(definition.value)];
};

function fieldsFinding(definition: CustomResourceDefinition): Finding {
  const versions = (definition.spec?.versions ?? []) as { name: string; served: boolean; schema?: { openAPIV3Schema?: Schema } }[];
  const schema = versions.find(({ name }) => name === WolConfig.version)?.schema?.openAPIV3Schema;
  const missing = (['spec', 'status'] as const).flatMap((part) => {
    const known = schema?.properties?.[part]?.properties ?? {};
    return FIELDS[part].filter((field) => !Object.hasOwn(known, field)).map((field) => `${part}.${field}`);
  });
  if (missing.length === 0) return ok(CHECK, `${WolConfig.apiVersion} is served, with every field of this version`);
  return missing.some((field) => field.startsWith('status'))
    ? fail(CHECK, `the definition of WolConfig is of another version: it lacks ${missing.join(', ')}`, APPLY)
    : warn(CHECK, `the definition of WolConfig is of another version: it lacks ${missing.join(', ')}`, APPLY);
}
