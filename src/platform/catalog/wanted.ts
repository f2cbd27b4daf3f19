/** Whether an asset is wanted, and what it waits for. Costs no API call unless a condition looks something up. */
import { ExpressionError, ExpressionScope } from '../expressions';
import type { Catalog, CatalogAsset, Requirement } from './asset';
import { scopeOf } from './instance-scope';
import { failureOf, type RenderInputs, type Wanted } from './rendering';
import { requirementText } from './requirement';

const WANTED: Wanted = { kind: 'wanted' };

/** Allowlist, switch, conditions, in this order. */
export async function wantedness(catalog: Catalog, asset: CatalogAsset, { context, activation }: RenderInputs): Promise<Wanted> {
  if (!activation.admits(asset)) return unwanted('NotInAllowlist', 'the anchor does not name it in platform.kubevirt.io/autopilot');
  const scope = scopeOf(catalog, asset, context);
  const switchedOff = bySwitch(asset, scope);
  if (switchedOff !== undefined) return switchedOff;
  try {
    for (const condition of asset.when) {
      const value = await condition.evaluate(scope);
      if (typeof value !== 'boolean') throw new ExpressionError(`condition ${condition.source} gives no truth value`);
      if (!value) return unwanted('ConditionFalse', `condition ${condition.source} is false`);
    }
    return WANTED;
  } catch (error) {
    return failureOf(error, 'when');
  }
}

function unwanted(reason: Extract<Wanted, { kind: 'unwanted' }>['reason'], message: string): Wanted {
  return { kind: 'unwanted', reason, message };
}

/** Where several names of a switch are set, the first in the order of the header counts. */
function bySwitch({ install, switches }: CatalogAsset, scope: ExpressionScope): Wanted | undefined {
  if (switches.length === 0) return undefined;
  const set = switches.map((name) => ({ name, value: scope.option(`enable-${name}`) })).find(({ value }) => value !== undefined);
  if (install === 'always') {
    return set?.value === 'false' ? unwanted('SwitchedOff', `platform.kubevirt.io/enable-${set.name} is "false"`) : undefined;
  }
  return set?.value === 'true' ? undefined : unwanted('NotSwitchedOn', `platform.kubevirt.io/enable-${switches[0]} is not "true"`);
}

export interface MissingRequirement {
  readonly type: Requirement['type'];
  /** As `requires` writes it. */
  readonly text: string;
}

/** What a wanted asset waits for; its own kind counts. Nothing is asked over the network. */
export function missingRequirements(asset: CatalogAsset, inputs: RenderInputs): MissingRequirement[] {
  const { identity, requires } = asset;
  const { cluster } = inputs.context;
  const missing: MissingRequirement[] = requires
    .filter((requirement) => !isMet(requirement, inputs))
    .map((requirement) => ({ type: requirement.type, text: requirementText(requirement) }));
  if (!identity.apiVersions.some((apiVersion) => cluster.has(apiVersion, identity.kind))) {
    missing.unshift({ type: 'kind', text: `kind:${identity.apiVersions[0]}/${identity.kind}` });
  }
  return missing;
}

function isMet(requirement: Requirement, { context, isInSync }: RenderInputs): boolean {
  const { cluster, settings, topology } = context;
  switch (requirement.type) {
    case 'crd':
      return cluster.hasResource(requirement.resource);
    case 'kind':
      return cluster.has(requirement.apiVersion, requirement.kind);
    case 'asset':
      return isInSync(requirement.asset);
    case 'feature':
      if (requirement.feature === 'hco') return settings.hcoPresent;
      return requirement.feature === 'openshift' ? topology.isOpenShift : cluster.hasResource(OLM_RESOURCE);
  }
}

const OLM_RESOURCE = 'subscriptions.operators.coreos.com';
