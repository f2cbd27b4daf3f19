/** Flags and variables of the manager that say how agents are deployed, and what they say once checked. */
import type { FlagDefinition, Settings } from '../framework';
import { isRepositoryPattern } from './deployment/agent-image';

export const DEPLOYMENT_FLAGS = [
  {
    key: 'agentOperatorAddress',
    flag: '--agent-operator-address',
    env: 'AGENT_OPERATOR_ADDRESS',
    value: 'host:port',
    default: '',
    description: 'gRPC address that agents are given; without one it is taken from the Service in the namespace',
  },
  {
    key: 'agentServiceAccount',
    flag: '--agent-service-account',
    env: 'AGENT_SERVICE_ACCOUNT',
    value: 'name',
    default: '',
    description: 'service account of agents; without one it is found by its labels',
  },
  {
    key: 'allowedAgentImages',
    flag: '--allowed-agent-images',
    env: 'ALLOWED_AGENT_IMAGES',
    value: 'list',
    default: '',
    description: 'repositories that WolConfigs may take agent images from, beside that of the default image; * stands for any characters',
  },
] as const satisfies readonly FlagDefinition[];

/** Read from the environment only: they go with the release, not with a decision of the administrator. */
export const DEPLOYMENT_VARIABLES = [
  {
    key: 'agentImage',
    flag: 'AGENT_IMAGE',
    env: 'AGENT_IMAGE',
    value: 'image',
    default: '',
    description: 'image of agents, unless a WolConfig names one; without it the one of this release',
  },
  {
    key: 'agentImagePullPolicy',
    flag: 'AGENT_IMAGE_PULL_POLICY',
    env: 'AGENT_IMAGE_PULL_POLICY',
    value: 'policy',
    default: 'Always',
    description: 'Always, IfNotPresent or Never, for WolConfigs that name none',
  },
] as const satisfies readonly FlagDefinition[];

export interface DeploymentSettings {
  readonly defaultImage: string;
  readonly imagePullPolicy: string;
  /** Repositories, `*` stands for any characters. */
  readonly allowedImages: readonly string[];
  /** `host:port`; `undefined` = by the Service. */
  readonly operatorAddress: string | undefined;
  /** `undefined` = by labels. */
  readonly serviceAccount: string | undefined;
}

type Key = (typeof DEPLOYMENT_FLAGS | typeof DEPLOYMENT_VARIABLES)[number]['key'];

/** @throws {UsageError} one line naming the flag or variable, its value and what is allowed. */
export function deploymentSettings(settings: Settings<Key>, version: string): DeploymentSettings {
  const image = settings.text('agentImage');
  if (/\s/.test(image)) throw settings.refuse('agentImage', 'an image reference without white space');
  const allowedImages = settings.list('allowedAgentImages');
  if (!allowedImages.every(isRepositoryPattern)) {
    throw settings.refuse('allowedAgentImages', 'repositories without tag or digest, joined by commas; * stands for any characters');
  }
  return {
    defaultImage: image || `virt-steward/agent:${version}`,
    imagePullPolicy: settings.oneOf('agentImagePullPolicy', ['Always', 'IfNotPresent', 'Never']),
    allowedImages,
    operatorAddress: operatorAddress(settings),
    serviceAccount: serviceAccount(settings),
  };
}

function operatorAddress(settings: Settings<Key>): string | undefined {
  const text = settings.text('agentOperatorAddress');
  if (text === '') return undefined;
  const [, , port = ''] = /^(\[[0-9A-Fa-f:.]+\]|[^\s:/[\]]+):(\d{1,5})$/.exec(text) ?? [];
  if (!(Number(port) >= 1 && Number(port) <= 65_535)) {
    throw settings.refuse('agentOperatorAddress', 'host:port, IPv6 hosts in brackets');
  }
  return text;
}

/** DNS subdomain, as the API server demands. */
function serviceAccount(settings: Settings<Key>): string | undefined {
  const name = settings.text('agentServiceAccount');
  if (name !== '' && !/^[a-z0-9]([-.a-z0-9]{0,251}[a-z0-9])?$/.test(name)) {
    throw settings.refuse('agentServiceAccount', 'the name of a ServiceAccount');
  }
  return name || undefined;
}
