/**
 * A WolConfig as the manager acts on it: checked, defaults filled in, ready to be matched.
 *
 * Owns: validation and defaults. Never: reads virtual machines or other configs, so that configs cannot disturb one another.
 * Invariant: `evaluateConfig` is pure; every replica gets the same result from the same object.
 */
import type { WolConfig, WolConfigSecureOn, WolConfigSpec } from '../../api/wol/v1beta1';
import { isUsableMac, normalizeMac } from '../../kubevirt/mac-address';
import type { WakePolicy } from '../../kubevirt/wake-decision';
import { compileSelector, type Labels, selectorProblems } from './label-selector';
import { compileSourceNetworks, isCidr } from './source-networks';

/** In order of precedence, the strongest first. */
export const DISCOVERY_MODES = ['Explicit', 'LabelSelector', 'All'] as const;
export type DiscoveryMode = (typeof DISCOVERY_MODES)[number];

/** The discard port, which Wake-on-LAN tools use by default. */
const DEFAULT_PORT = 9;
const DEFAULT_STARTS_PER_MINUTE = 60;
const DEFAULT_PASSWORD_KEY = 'password';
const DEFAULT_CACHE_TTL_SECONDS = 300;
const MAX_CACHE_TTL_SECONDS = 86_400;

/** A key of a Secret. */
export interface PasswordReference {
  /** `undefined` = the namespace of the operator. */
  readonly namespace: string | undefined;
  readonly name: string;
  readonly key: string;
}

export interface EffectiveConfig extends WakePolicy {
  readonly name: string;
  readonly uid: string;
  /** Milliseconds since the epoch; the older of two configs goes first. */
  readonly createdAt: number;
  readonly mode: DiscoveryMode;
  /** 0 is the strongest. */
  readonly precedence: number;
  /** `undefined` = every namespace. */
  readonly namespaces: ReadonlySet<string> | undefined;
  matches(labels: Labels): boolean;
  /** Mode Explicit: usable addresses by scope key (`namespace/name`); a key without one is in scope and unwakeable. */
  readonly mappings: ReadonlyMap<string, readonly string[]>;
  /** Unique, in the order of the spec. */
  readonly ports: readonly number[];
  readonly rawEthernet: boolean;
  readonly learnRuntimeMacs: boolean;
  readonly includeRemote: boolean;
  /** `undefined` = any source. */
  readonly acceptsSource: ((sourceIp: string) => boolean) | undefined;
  /** Where the SecureOn password is; `undefined` = none is asked for. */
  readonly passwordSecret: PasswordReference | undefined;
  readonly startsPerMinute: number;
  readonly cacheTtlSeconds: number;
}

export type ConfigEvaluation =
  | { readonly kind: 'effective'; readonly config: EffectiveConfig }
  /** One line a problem, each naming field, value and what is allowed. */
  | { readonly kind: 'invalid'; readonly problems: readonly string[] }
  /** Is being deleted: contributes nothing. */
  | { readonly kind: 'deleting' };

/** Evaluates one config alone. An absent spec means mode All, every namespace and port 9. */
export function evaluateConfig(object: WolConfig): ConfigEvaluation {
  if (object.metadata?.deletionTimestamp !== undefined) return { kind: 'deleting' };
  const problems = configProblems(object.spec);
  return problems.length > 0 ? { kind: 'invalid', problems } : { kind: 'effective', config: effectiveConfigOf(object) };
}

/** Ports without repeats: `wolPorts`, else `wolPort`, else 9. */
export function effectivePorts({ wolPorts, wolPort }: WolConfigSpec = {}): readonly number[] {
  if (wolPorts !== undefined && wolPorts.length > 0) return [...new Set(wolPorts)];
  return [wolPort ?? DEFAULT_PORT];
}

/** What the manager refuses; fields that the mode ignores are not looked at, so no object that once worked is refused. */
export function configProblems(spec: WolConfigSpec = {}): string[] {
  const mode = spec.discoveryMode ?? 'All';
  return [
    ...(mode === 'LabelSelector' ? selectorModeProblems(spec) : []),
    ...(mode === 'Explicit' ? explicitModeProblems(spec) : namespaceProblems(spec)),
    ...portProblems(spec),
    ...(spec.allowedSources ?? []).flatMap((source, index) =>
      isCidr(source) ? [] : [`spec.allowedSources[${index}] is "${source}"; allowed: a CIDR, for example 192.0.2.0/24 or 2001:db8::/32`],
    ),
  ];
}

function selectorModeProblems({ vmSelector }: WolConfigSpec): string[] {
  if (vmSelector !== undefined) return selectorProblems(vmSelector, 'spec.vmSelector');
  return ['spec.vmSelector is not set; allowed with discoveryMode LabelSelector: a label selector, {} for every virtual machine in scope'];
}

function explicitModeProblems({ explicitMappings = [] }: WolConfigSpec): string[] {
  return explicitMappings.length > 0 ? [] : ['spec.explicitMappings is empty; allowed with discoveryMode Explicit: at least one mapping'];
}

function namespaceProblems({ namespaceSelectors = [] }: WolConfigSpec): string[] {
  return namespaceSelectors.flatMap((name, index) =>
    name.trim() === '' ? [`spec.namespaceSelectors[${index}] is "${name}"; allowed: the name of a namespace`] : [],
  );
}

function portProblems({ wolPorts, wolPort }: WolConfigSpec): string[] {
  const isAllowed = (port: number): boolean => Number.isInteger(port) && port >= 1 && port <= 65_535;
  const text = (field: string, port: number): string => `${field} is ${port}; allowed: 1 to 65535`;
  if (wolPorts !== undefined && wolPorts.length > 0) {
    return wolPorts.flatMap((port, index) => (isAllowed(port) ? [] : [text(`spec.wolPorts[${index}]`, port)]));
  }
  return wolPort === undefined || isAllowed(wolPort) ? [] : [text('spec.wolPort', wolPort)];
}

function effectiveConfigOf({ metadata = {}, spec = {} }: WolConfig): EffectiveConfig {
  const mode = spec.discoveryMode ?? 'All';
  const namespaces = spec.namespaceSelectors ?? [];
  const sources = spec.allowedSources ?? [];
  return {
    name: metadata.name ?? '',
    uid: metadata.uid ?? '',
    createdAt: Date.parse(metadata.creationTimestamp ?? '') || 0,
    mode,
    precedence: DISCOVERY_MODES.indexOf(mode),
    namespaces: mode === 'Explicit' || namespaces.length === 0 ? undefined : new Set(namespaces),
    matches: mode === 'LabelSelector' ? compileSelector(spec.vmSelector ?? {}) : () => true,
    mappings: mode === 'Explicit' ? mappingsOf(spec) : new Map(),
    ports: effectivePorts(spec),
    rawEthernet: spec.agent?.rawEthernet ?? false,
    learnRuntimeMacs: spec.learnRuntimeMACs ?? false,
    includeRemote: spec.includeRemote ?? true,
    startPolicy: spec.startPolicy ?? 'Start',
    unpause: spec.unpause ?? false,
    acceptsSource: sources.length === 0 ? undefined : compileSourceNetworks(sources),
    passwordSecret: spec.secureOn && passwordReferenceOf(spec.secureOn),
    startsPerMinute: spec.limits?.startsPerMinute ?? DEFAULT_STARTS_PER_MINUTE,
    cacheTtlSeconds: Math.min(spec.cacheTTL || DEFAULT_CACHE_TTL_SECONDS, MAX_CACHE_TTL_SECONDS),
  };
}

function passwordReferenceOf({ passwordSecretRef: { namespace, name, key } }: WolConfigSecureOn): PasswordReference {
  return { namespace, name, key: key ?? DEFAULT_PASSWORD_KEY };
}

function mappingsOf({ explicitMappings = [] }: WolConfigSpec): Map<string, readonly string[]> {
  const mappings = new Map<string, readonly string[]>();
  for (const { macAddress, namespace, vmName } of explicitMappings) {
    const key = `${namespace}/${vmName}`;
    const macs = mappings.get(key) ?? [];
    const mac = normalizeMac(macAddress);
    const isNew = mac !== undefined && isUsableMac(mac) && !macs.includes(mac);
    mappings.set(key, isNew ? [...macs, mac] : macs);
  }
  return mappings;
}
