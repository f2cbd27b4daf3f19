/**
 * A cluster to install on: nodes on this machine, or the cluster that KUBECONFIG names.
 *
 * Owns: which of the two, and the wording when there is neither. Never: knows a scenario.
 */
import type { RestRequest, RestResponse } from '../../hack/control-plane/rest';
import type { AdminApi, AdminRequests } from '../harness/admin-api';
import { NetworkLab } from '../harness/network-lab';
import type { KubeVirtStandIn } from '../kubevirt/stand-in';
import { ExternalStage } from './external-stage';
import { LocalStage } from './local-stage';

export interface StageNode {
  readonly name: string;
  /** IPv4 on the network that its agents listen on. */
  readonly address: string;
}

export interface Stage extends AdminRequests {
  readonly api: AdminApi;
  readonly kubeconfigPath: string;
  /** A request as the holder of a token. */
  requestAs(token: string, request: RestRequest): Promise<RestResponse>;
  /** To install into; it may not exist yet. */
  readonly namespace: string;
  readonly nodes: readonly StageNode[];
  /** Arguments of Helm for what default values cannot know of this cluster. */
  readonly helmArguments: readonly string[];
  /** Present on nodes of this machine only. */
  readonly local: LocalStage | undefined;
  installKubeVirt(): Promise<KubeVirtStandIn>;
  /** Sends one magic packet from outside of the nodes. */
  wake(mac: string, to: string): Promise<void>;
  stop(): Promise<void>;
}

const KUBECONFIG = process.env['KUBECONFIG'] ?? '';

/** Why there is no cluster; `undefined` when there is one. */
const missing: string | undefined = KUBECONFIG !== '' || NetworkLab.isPossible ? undefined : 'it needs root and the command ip';

/** Why tests that look into nodes, or need two of them, do not run; `undefined` when they do. */
const foreign: string | undefined = KUBECONFIG === '' ? missing : 'not on the cluster of KUBECONFIG';

export const STAGE = {
  isPossible: missing === undefined,
  isLocal: foreign === undefined,
  /** What to add to titles. */
  titleNote: missing === undefined ? '' : ` (skipped: ${missing})`,
  /** For titles of what runs on nodes of this machine only. */
  localNote: foreign === undefined ? '' : ` (skipped: ${foreign})`,
};

/** @param nodes as many of our own; another cluster has those it has. */
export function startStage(nodes: number): Promise<Stage> {
  return KUBECONFIG === '' ? LocalStage.start(nodes) : ExternalStage.start(KUBECONFIG);
}

/** Says why nothing runs. @throws {Error} where to skip would hide that nothing was tested. */
export function refuseOrSkip(): void {
  const text = `Skipping end-to-end tests on a local node: ${missing}. Set KUBECONFIG to run them against your cluster.`;
  if (process.env['CI'] || process.env['STEWARD_E2E'] === 'required') throw new Error(text);
  console.log(text);
}
