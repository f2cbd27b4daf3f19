/** Flags and variables of the manager that belong to the machines module, and what they say once checked. */
import { isIP } from 'node:net';
import type { FlagDefinition, InjectionToken, Settings } from '../framework';
import type { ApiProfile } from './profile';
import { MACHINES_VARIABLES } from './variables';

export { MACHINES_VARIABLES } from './variables';

export const MACHINES_FLAGS = [
  {
    key: 'kubevirtConfigsNamespace',
    flag: '--kubevirt-configs-namespace',
    env: 'KUBEVIRT_CONFIGS_NAMESPACE',
    value: 'list',
    default: 'default',
    description: 'namespaces of KubevirtConfigs, joined by commas, or * for all; in the first one their names stand alone',
  },
  {
    key: 'defaultKubevirtConfig',
    flag: '--default-kubevirt-config',
    env: 'DEFAULT_KUBEVIRT_CONFIG',
    value: 'name',
    default: '',
    description: 'KubevirtConfig for Machines that name none, as [namespace/]name',
  },
  {
    key: 'machinesSecretNamespaces',
    flag: '--machines-secret-namespaces',
    env: 'MACHINES_SECRET_NAMESPACES',
    value: 'list',
    default: '',
    description: 'further namespaces in which the manager may read the Secrets and ConfigMaps that Machines name',
  },
  {
    key: 'machinesSecretNames',
    flag: '--machines-secret-names',
    env: 'MACHINES_SECRET_NAMES',
    value: 'list',
    default: '',
    description: 'narrows the right to read Secrets to these names',
  },
  {
    key: 'legacyPvcCleanup',
    flag: '--legacy-pvc-cleanup',
    env: 'LEGACY_PVC_CLEANUP',
    value: 'true|false',
    default: 'false',
    description: 'delete disks that the older operator left on this cluster',
  },
] as const satisfies readonly FlagDefinition[];

export type MachinesSettingKey = (typeof MACHINES_FLAGS | typeof MACHINES_VARIABLES)[number]['key'];
/** Namespaces outside of it do not exist for any module. */
type SharedKey = 'watchNamespaces';

export interface MachinesSettings {
  /** Of KubevirtConfigs; `*` = all, and then bare names are looked up in `default`. At least one. */
  readonly configNamespaces: readonly string[] | '*';
  /** Nobody has chosen a namespace, which the log says. */
  readonly isConfigNamespaceDefault: boolean;
  /** `[namespace/]name`; empty = none. */
  readonly defaultConfig: string;
  readonly secretNamespaces: readonly string[];
  readonly secretNames: readonly string[];
  readonly profile: 'auto' | ApiProfile;
  /** `undefined` = what the profile says. */
  readonly namePrefix: string | undefined;
  readonly managedBy: string;
  /** Empty = UID of the namespace kube-system. */
  readonly supervisorId: string;
  /** Hosts, addresses and networks that kubeconfigs may name although they are loopback or link-local. */
  readonly allowedServers: readonly string[];
  /** Empty = by architecture. */
  readonly cpuModel: string;
  /** Empty = none. */
  readonly machineType: string;
  readonly disableHyperThreading: 'auto' | 'true' | 'false';
  readonly macSet: string;
  /** Empty = the cluster's default. */
  readonly storageClassName: string;
  readonly volumeMode: 'Block' | 'Filesystem' | undefined;
  readonly accessMode: 'ReadWriteMany' | 'ReadWriteOnce' | 'ReadWriteOncePod' | undefined;
  readonly nadCniVersion: string;
  readonly ipSource: 'vmi' | 'networkconfiguration';
  readonly podNetworkBinding: 'bridge' | 'masquerade';
  readonly cloudInitDelivery: 'secret' | 'inline';
  readonly bootImageProbe: boolean;
  readonly bootImageProbeAllowed: readonly string[];
  /** Whether clusters without CDI are reported. */
  readonly expectsImporter: boolean;
  readonly legacyPvcCleanup: boolean;
  /** Names, with a trailing `*` for the rest of a name. */
  readonly deniedNamespaces: readonly string[];
  readonly remoteConcurrency: number;
  /** Calls a second to one cluster; 0 = no limit. */
  readonly remoteQps: number;
  readonly remoteBurst: number;
  readonly remoteRequestTimeoutMs: number;
  readonly searchTimeoutMs: number;
  readonly resyncMs: number;
  readonly checkIntervalMs: number;
  /** Of Machines; empty = all. */
  readonly watchNamespaces: readonly string[];
  /** Variables of the older operator that are set and have no effect any more. */
  readonly ignoredVariables: readonly string[];
}

/** Inject with `@inject(MACHINES_SETTINGS)`. */
export const MACHINES_SETTINGS: InjectionToken<MachinesSettings> = Symbol('MachinesSettings');

const SECOND_MS = 1_000;
const MINUTE_MS = 60 * SECOND_MS;
const HOUR_MS = 60 * MINUTE_MS;
const DNS_LABEL = /^[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?$/;
const OBJECT_NAME = /^[a-z0-9]([-.a-z0-9]{0,251}[a-z0-9])?$/;
const IGNORED = ['namespaceIgnored', 'nameMachineProvider', 'vitistackName'] as const;

type Given = Settings<MachinesSettingKey | SharedKey>;

/** @throws {UsageError} one line naming the flag or variable, its value and what is allowed. */
export function machinesSettings(settings: Given): MachinesSettings {
  return {
    ...configsOf(settings),
    secretNamespaces: matching(settings, 'machinesSecretNamespaces', DNS_LABEL, 'namespace names, joined by commas'),
    secretNames: matching(settings, 'machinesSecretNames', OBJECT_NAME, 'names of Secrets, joined by commas'),
    profile: settings.oneOf('machinesApiProfile', ['auto', 'first', 'second']),
    namePrefix: namePrefix(settings),
    managedBy: labelValue(settings, 'managedBy'),
    supervisorId: labelValue(settings, 'supervisorId'),
    allowedServers: allowedServers(settings),
    cpuModel: settings.text('cpuModel'),
    machineType: settings.text('machineType'),
    disableHyperThreading: settings.oneOf('disableCpuHtFeature', ['auto', 'true', 'false']),
    macSet: settings.text('macSet'),
    storageClassName: optional(settings, 'storageClassName', OBJECT_NAME, 'the name of a StorageClass'),
    volumeMode: settings.oneOf<'' | 'Block' | 'Filesystem'>('pvcVolumeMode', ['', 'Block', 'Filesystem']) || undefined,
    accessMode: accessMode(settings),
    nadCniVersion: optional(settings, 'nadCniVersion', /^\d{1,4}\.\d{1,4}\.\d{1,4}$/, 'a version, for example 1.0.0'),
    ipSource: settings.oneOf('ipSource', ['vmi', 'networkconfiguration']),
    podNetworkBinding: settings.oneOf('podNetworkBinding', ['bridge', 'masquerade']),
    cloudInitDelivery: settings.oneOf('cloudInitDelivery', ['secret', 'inline']),
    bootImageProbe: settings.boolean('bootImageProbe'),
    bootImageProbeAllowed: networks(settings, 'bootImageProbeAllowCidrs'),
    expectsImporter: settings.boolean('kubevirtSupportCdi'),
    legacyPvcCleanup: settings.boolean('legacyPvcCleanup'),
    deniedNamespaces: matching(settings, 'deniedNamespaces', /^[a-z0-9][-a-z0-9]*\*?$/, 'namespace names, joined by commas; * may end one'),
    ...remoteLimits(settings),
    resyncMs: settings.durationMs('machineResyncPeriod', { minMs: 10 * SECOND_MS, maxMs: 24 * HOUR_MS }),
    checkIntervalMs: settings.durationMs('clusterCheckInterval', { minMs: 10 * SECOND_MS, maxMs: 24 * HOUR_MS }),
    watchNamespaces: matching(settings, 'watchNamespaces', DNS_LABEL, 'namespace names of at most 63 characters, joined by commas'),
    ignoredVariables: IGNORED.filter((key) => settings.given(key) !== undefined).map((key) => settings.nameOf(key)),
  };
}

/** Where names of KubevirtConfigs are looked up that have no namespace; empty in the second profile, whose configs have none. */
export function configNamespace({ configNamespaces }: Pick<MachinesSettings, 'configNamespaces'>, profile: ApiProfile): string {
  if (profile === 'second') return '';
  return configNamespaces === '*' ? 'default' : configNamespaces[0]!;
}

function configsOf(settings: Given): Pick<MachinesSettings, 'configNamespaces' | 'isConfigNamespaceDefault' | 'defaultConfig'> {
  const key = 'kubevirtConfigsNamespace';
  const names = settings.list(key);
  const isAll = names.length === 1 && names[0] === '*';
  if (!isAll && (names.length === 0 || !names.every((name) => DNS_LABEL.test(name)))) {
    throw settings.refuse(key, 'namespace names, joined by commas, or * for all');
  }
  const defaultConfig = settings.text('defaultKubevirtConfig').trim();
  const parts = defaultConfig.split('/');
  const [name = '', namespace] = [...parts].reverse();
  const isName = OBJECT_NAME.test(name) && (namespace === undefined || DNS_LABEL.test(namespace)) && parts.length <= 2;
  if (defaultConfig !== '' && !isName) throw settings.refuse('defaultKubevirtConfig', '[namespace/]name of a KubevirtConfig');
  return { configNamespaces: isAll ? '*' : names, isConfigNamespaceDefault: !settings.given(key), defaultConfig };
}

type RemoteLimits = Pick<
  MachinesSettings,
  'remoteConcurrency' | 'remoteQps' | 'remoteBurst' | 'remoteRequestTimeoutMs' | 'searchTimeoutMs'
>;

function remoteLimits(settings: Given): RemoteLimits {
  return {
    remoteConcurrency: settings.wholeNumber('remoteConcurrency', { min: 1, max: 64 }),
    remoteQps: settings.wholeNumber('remoteQps', { min: 0, max: 10_000 }),
    remoteBurst: settings.wholeNumber('remoteBurst', { min: 0, max: 10_000 }),
    remoteRequestTimeoutMs: settings.durationMs('remoteRequestTimeout', { minMs: SECOND_MS, maxMs: MINUTE_MS }),
    searchTimeoutMs: settings.durationMs('placementSearchTimeout', { minMs: SECOND_MS, maxMs: MINUTE_MS }),
  };
}

/** Set to nothing it is used as it is: names then begin with that of the Machine. */
function namePrefix(settings: Given): string | undefined {
  const prefix = settings.given('vmNamePrefix');
  if (prefix !== undefined && !/^([a-z0-9][-a-z0-9]{0,19})?$/.test(prefix)) {
    throw settings.refuse('vmNamePrefix', 'at most 20 lower-case letters, digits and hyphens');
  }
  return prefix;
}

function accessMode(settings: Given): MachinesSettings['accessMode'] {
  const modes = ['ReadWriteMany', 'ReadWriteOnce', 'ReadWriteOncePod'] as const;
  return settings.oneOf<'' | (typeof modes)[number]>('pvcAccessMode', ['', ...modes]) || undefined;
}

function labelValue(settings: Given, key: 'managedBy' | 'supervisorId'): string {
  return optional(settings, key, /^[A-Za-z0-9]([-._A-Za-z0-9]{0,61}[A-Za-z0-9])?$/, 'the value of a label, at most 63 characters');
}

function optional(settings: Given, key: MachinesSettingKey, allowed: RegExp, text: string): string {
  const value = settings.text(key);
  if (value !== '' && !allowed.test(value)) throw settings.refuse(key, text);
  return value;
}

function matching(settings: Given, key: MachinesSettingKey | SharedKey, allowed: RegExp, text: string): readonly string[] {
  const items = settings.list(key);
  if (!items.every((item) => allowed.test(item))) throw settings.refuse(key, text);
  return items;
}

function allowedServers(settings: Given): readonly string[] {
  const items = settings.list('kubeconfigAllowedServers');
  const isHost = (item: string): boolean => isIP(item) !== 0 || OBJECT_NAME.test(item.toLowerCase());
  if (!items.every((item) => isHost(item) || isNetwork(item))) {
    throw settings.refuse('kubeconfigAllowedServers', 'host names, addresses and networks such as 169.254.1.0/24, joined by commas');
  }
  return items;
}

function networks(settings: Given, key: MachinesSettingKey): readonly string[] {
  const items = settings.list(key);
  if (!items.every(isNetwork)) throw settings.refuse(key, 'networks such as 10.0.0.0/8 or fd00::/8, joined by commas');
  return items;
}

function isNetwork(text: string): boolean {
  const [address = '', bits = '', ...rest] = text.split('/');
  const family = isIP(address);
  return rest.length === 0 && family !== 0 && /^\d{1,3}$/.test(bits) && Number(bits) <= (family === 4 ? 32 : 128);
}
