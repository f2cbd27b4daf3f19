/** The option `clusters` as a test of a name. */
import { LOCAL_CLUSTER } from '../cluster/cluster';
import type { ClusterChoice } from '../decorators/options';
import type { ClusterTest } from './handler-spec';

const CHOICES: Readonly<Record<string, ClusterTest>> = {
  local: (name) => name === LOCAL_CLUSTER,
  remotes: (name) => name !== LOCAL_CLUSTER,
  all: () => true,
};

/** What `clusters` may be, for messages. */
export const CLUSTER_CHOICES = `${Object.keys(CHOICES).join(', ')}, a function of the name`;

/** @returns `undefined` for anything that is no choice. */
export function clusterTest(choice: ClusterChoice): ClusterTest | undefined {
  if (typeof choice === 'function') return (name) => choice(name) === true;
  return Object.hasOwn(CHOICES, choice) ? CHOICES[choice] : undefined;
}
