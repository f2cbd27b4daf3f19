/** Flags of the manager that belong to the platform module, and what they say once checked. */
import { existsSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import type { FlagDefinition, InjectionToken, Settings } from '../framework';
import type { ActivationMode } from './context/activation';

export const PLATFORM_FLAGS = [
  {
    key: 'platformActivation',
    flag: '--platform-activation',
    env: 'PLATFORM_ACTIVATION',
    value: 'always|annotation',
    default: 'always',
    description: 'whether the catalog is applied without being asked for, or only with the annotation platform.kubevirt.io/autopilot',
  },
  {
    key: 'throttleCapacity',
    flag: '--throttle-capacity',
    env: 'THROTTLE_CAPACITY',
    value: 'number',
    default: '5',
    description: 'writes to one object within the window; 1 to 1000',
  },
  {
    key: 'throttleWindow',
    flag: '--throttle-window',
    env: 'THROTTLE_WINDOW',
    value: 'duration',
    default: '60s',
    description: 'window in which writes to one object are counted; 1s to 1h',
  },
  {
    key: 'platformConcurrency',
    flag: '--platform-concurrency',
    env: 'PLATFORM_CONCURRENCY',
    value: 'number',
    default: '8',
    description: 'assets looked after at the same time; 1 to 64',
  },
  {
    key: 'platformResync',
    flag: '--platform-resync',
    env: 'PLATFORM_RESYNC',
    value: 'duration',
    default: '10m',
    description: 'every asset is looked at wholly after about this time; 1m to 24h',
  },
  {
    key: 'platformAssetsDir',
    flag: '--platform-assets-dir',
    env: 'PLATFORM_ASSETS_DIR',
    value: 'directory',
    default: '',
    description: 'another catalog than the one that is shipped; the printed rights are those of the one given',
  },
  {
    key: 'runbookUrl',
    flag: '--runbook-url',
    env: 'RUNBOOK_URL',
    value: 'address',
    default: 'https://github.com/dot-i/virt-steward/blob/main/docs/runbooks/',
    description: 'where the runbooks of alerts are; the name of the alert and ".md" follow',
  },
] as const satisfies readonly FlagDefinition[];

export type PlatformSettingKey = (typeof PLATFORM_FLAGS)[number]['key'];

export interface PlatformSettings {
  /** The operator runs in. */
  readonly namespace: string;
  readonly version: string;
  readonly activation: ActivationMode;
  readonly throttleCapacity: number;
  readonly throttleWindowMs: number;
  readonly concurrency: number;
  readonly resyncMs: number;
  /** Holds catalog.yaml. */
  readonly assetsDirectory: string;
  readonly runbookUrl: string;
  /** 0 = metrics are off. */
  readonly metricsPort: number;
  readonly metricsSecure: boolean;
  /** The process runs as a pod of the cluster it looks after. */
  readonly inCluster: boolean;
}

/** What the manager knows of itself beside the flags of the module. */
export type ManagerFacts = Pick<PlatformSettings, 'namespace' | 'version' | 'metricsPort' | 'metricsSecure' | 'inCluster'>;

/** Inject with `@inject(PLATFORM_SETTINGS)`. */
export const PLATFORM_SETTINGS: InjectionToken<PlatformSettings> = Symbol('PlatformSettings');

const MINUTE_MS = 60_000;

/** @throws {UsageError} one line naming the flag, its value and what is allowed. */
export function platformSettings(settings: Settings<PlatformSettingKey>, facts: ManagerFacts): PlatformSettings {
  return {
    ...facts,
    activation: settings.oneOf('platformActivation', ['always', 'annotation']),
    throttleCapacity: settings.wholeNumber('throttleCapacity', { min: 1, max: 1_000 }),
    throttleWindowMs: settings.durationMs('throttleWindow', { minMs: 1_000, maxMs: 60 * MINUTE_MS }),
    concurrency: settings.wholeNumber('platformConcurrency', { min: 1, max: 64 }),
    resyncMs: settings.durationMs('platformResync', { minMs: MINUTE_MS, maxMs: 24 * 60 * MINUTE_MS }),
    assetsDirectory: assetsDirectory(settings),
    runbookUrl: runbookUrl(settings),
  };
}

function assetsDirectory(settings: Settings<PlatformSettingKey>): string {
  const given = settings.text('platformAssetsDir');
  if (given === '') return shippedAssets();
  const directory = resolve(given);
  if (!existsSync(join(directory, 'catalog.yaml'))) throw settings.refuse('platformAssetsDir', 'a directory that holds catalog.yaml');
  return directory;
}

/** Beside the program, however deep in it this file is. @throws {Error} when the program was shipped without. */
export function shippedAssets(): string {
  for (let directory = __dirname; ; directory = dirname(directory)) {
    const assets = join(directory, 'assets');
    if (existsSync(join(assets, 'catalog.yaml'))) return assets;
    if (dirname(directory) === directory) throw new Error('the program was installed without its folder assets');
  }
}

function runbookUrl(settings: Settings<PlatformSettingKey>): string {
  const text = settings.text('runbookUrl');
  if (!URL.canParse(text) || !/^https?:$/.test(new URL(text).protocol))
    throw settings.refuse('runbookUrl', 'an address that begins with https:// or http://');
  return text.endsWith('/') ? text : `${text}/`;
}
