/** The language of the catalog: its variables, its functions, its limits. No time, no random numbers, nothing of the process. */
import { Environment } from '@marcbachmann/cel-js';
import { HARDWARE, OPERATOR, SELF, SETTINGS, TOPOLOGY } from './facts';
import { registerClusterFunctions } from './functions/cluster-functions';
import { registerMapFunctions } from './functions/map-functions';
import { registerNumberFunctions } from './functions/number-functions';
import { registerScopeFunctions } from './functions/scope-functions';
import { registerTextFunctions } from './functions/text-functions';

export const MAX_EXPRESSION_BYTES = 4 * 1024;
export const MAX_NODES = 500;
export const MAX_DEPTH = 50;

/** The variables of the context; a change of one concerns who reads it. */
export const CONTEXT_VARIABLES = ['hco', 'anchor', 'settings', 'hardware', 'topology', 'images', 'operator', 'cluster'] as const;

/** What differs from asset to asset, or from instance to instance. */
export const LOCAL_VARIABLES = ['params', 'item', 'vars', 'self'] as const;

const FACTS = { settings: SETTINGS, hardware: HARDWARE, topology: TOPOLOGY, operator: OPERATOR, self: SELF };

let language: Environment | undefined;

/** Made at its first use, and the same for all expressions. */
export function catalogLanguage(): Environment {
  language ??= newLanguage();
  return language;
}

function newLanguage(): Environment {
  const environment = new Environment({
    unlistedVariablesAreDyn: false,
    homogeneousAggregateLiterals: false,
    enableOptionalTypes: true,
    limits: { maxAstNodes: MAX_NODES, maxDepth: MAX_DEPTH },
  });
  for (const [variable, { typeName, ctor, fields }] of Object.entries(FACTS)) {
    environment.registerType(typeName, { ctor, fields: { ...fields } });
    environment.registerVariable(variable, typeName);
  }
  registerScopeFunctions(environment);
  registerClusterFunctions(environment);
  registerNumberFunctions(environment);
  registerTextFunctions(environment);
  registerMapFunctions(environment);
  environment.registerVariable('cluster', 'Cluster');
  for (const variable of ['hco', 'anchor', 'params', 'vars']) environment.registerVariable(variable, 'map');
  environment.registerVariable('images', 'map<string, string>');
  environment.registerVariable('item', 'dyn');
  return environment;
}
