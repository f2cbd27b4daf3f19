/** WolConfigs and DaemonSets for the tests of what is deployed. */
import type { WolConfigSpec } from '../../../../src/api/wol/v1beta1';
import type { DaemonSet } from '../../../../src/framework';
import { type AgentSurroundings, agentDaemonSet } from '../../../../src/wol/deployment/agent-daemon-set';
import type { WolConfig } from '../../../../src/wol/wol-config';

export interface ConfigOptions {
  name?: string;
  uid?: string;
  /** Seconds after some moment. */
  createdAt?: number;
  spec?: WolConfigSpec;
}

export function aConfig({ name = 'lab', uid = `uid-of-${name}`, createdAt = 0, spec }: ConfigOptions = {}): WolConfig {
  const creationTimestamp = new Date(1_767_225_600_000 + createdAt * 1_000).toISOString();
  return {
    apiVersion: 'wol.pillon.org/v1beta1',
    kind: 'WolConfig',
    metadata: { name, uid, creationTimestamp, generation: 1 },
    ...(spec === undefined ? {} : { spec }),
  };
}

export const SURROUNDINGS: AgentSurroundings = {
  namespace: 'steward',
  image: 'registry.example.org/agent:1',
  imagePullPolicy: 'Always',
  serviceAccount: 'agents',
  operatorAddress: 'manager.steward.svc:9090',
  healthPort: 8_080,
  transport: 'tls',
};

/** As the manager writes it. */
export function aDaemonSet(config: WolConfig = aConfig(), around: Partial<AgentSurroundings> = {}): DaemonSet {
  return agentDaemonSet(config, { ...SURROUNDINGS, ...around });
}
