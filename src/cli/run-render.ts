/** `virt-steward render`, from checked flags to exit code. Loaded only then: it needs the expressions and the Kubernetes client. */
import { readFileSync } from 'node:fs';
import { parseAllDocuments } from 'yaml';
import { type Clock, type KubernetesObject, openCluster, SystemClock, UsageError, userAgentOf } from '../framework';
import { objectApi } from '../platform/baseline/object-api';
import { type Catalog, CatalogError, loadCatalog } from '../platform/catalog';
import { activationOf } from '../platform/context/activation';
import type { OperatorFacts } from '../platform/context/asset-context';
import type { Json } from '../platform/json';
import { ACTIVATION_ANNOTATION, EXCLUSIONS_ANNOTATION } from '../platform/keys';
import { Exclusions } from '../platform/overrides/exclusions';
import {
  anchorKindOf,
  OfflineCluster,
  type PreviewParts,
  type PreviewRow,
  parseContextFile,
  previewCatalog,
  previewText,
  takeSnapshot,
} from '../platform/preview';
import { KindTable, platformRights } from '../platform/rights';
import { shippedAssets } from '../platform/settings';
import { callerKubeConfig, operatorNamespaceOf } from './caller';
import { EXIT_DONE, EXIT_FAILURE } from './exit-code';
import type { CommandIo, Environment } from './program';
import type { RenderFlags } from './render';
import { VERSION } from './version';

const MANAGER = 'virt-steward';
const METRICS_PORT = 8443;
const RUNBOOKS = 'https://github.com/dot-i/virt-steward/blob/main/docs/runbooks/';

export async function runRender(flags: RenderFlags, io: CommandIo): Promise<number> {
  const directory = flags.platformAssetsDir ?? shippedAssets();
  let catalog: Catalog;
  try {
    catalog = loadCatalog(directory);
    if (flags.check) platformRights(directory, { withRemoval: true });
  } catch (error) {
    if (!(error instanceof CatalogError)) throw error;
    for (const line of error.message.split('\n')) io.warn(line);
    return EXIT_FAILURE;
  }
  if (flags.check) {
    io.print(`${catalog.assets.length} assets, ${catalog.tombstones.length} tombstones, nothing wrong`);
    return EXIT_DONE;
  }
  const names = namesOf(flags.asset, catalog);
  const rows = await (flags.hcoFile === undefined
    ? previewOfCluster(flags, catalog, io, names)
    : fromFiles(flags, flags.hcoFile, catalog, directory, names));
  io.print(previewText(rows, flags.output, flags.showExcluded === true).trimEnd());
  return rows.some(({ status }) => status === 'ERROR') ? EXIT_FAILURE : EXIT_DONE;
}

/** @throws {UsageError} naming what is no asset. */
function namesOf(list: string | undefined, catalog: Catalog): string[] | undefined {
  if (list === undefined) return undefined;
  const names = list.split(',').map((name) => name.trim());
  const unknown = names.find((name) => catalog.assetByName(name) === undefined);
  if (unknown === undefined) return names;
  throw new UsageError(`--asset names ${JSON.stringify(unknown)}; allowed: ${catalog.assets.map(({ name }) => name).join(', ')}`);
}

async function fromFiles(
  flags: RenderFlags,
  file: string,
  catalog: Catalog,
  directory: string,
  names: readonly string[] | undefined,
): Promise<PreviewRow[]> {
  const anchor = (documentIn(file) ?? {}) as KubernetesObject;
  const anchorKind = anchorKindOf(anchor, file);
  const context = parseContextFile(flags.context === undefined ? undefined : documentIn(flags.context), flags.context ?? '');
  const cluster = new OfflineCluster(anchor, context, KindTable.in(directory), anchorKind);
  const facts = operatorFacts(flags.operatorNamespace ?? 'virt-steward-system', catalog);
  const parts: PreviewParts = {
    ...{ catalog, context: cluster.context(facts), clock: new SystemClock() },
    ...userChoices(anchor, catalog, flags),
    reads: {
      get: (kind, key) => cluster.live(kind.apiVersion, kind.kind, key),
      schemaOf: async () => undefined,
    },
    kindOf: (apiVersion, kind) => cluster.kindOf(apiVersion, kind),
    // Nobody said which namespaces there are.
    namespaceState: async () => 'unknown',
  };
  return previewCatalog(parts, names);
}

/** What a manager knows that runs otherwise than usual. */
export interface ManagerKnowledge extends Partial<Pick<OperatorFacts, 'metricsPort' | 'metricsSecure' | 'runbookUrl'>> {
  /** Variables of its container, which name images; `undefined` = those of this process. */
  readonly environment?: Environment | undefined;
}

/** What the manager's code makes of the cluster of the caller. @param io.manager whose code that is; without it, one with the usual settings. */
export async function previewOfCluster(
  flags: RenderFlags,
  catalog: Catalog,
  io: CommandIo & { readonly manager?: ManagerKnowledge },
  names: readonly string[] | undefined,
): Promise<PreviewRow[]> {
  const clock: Clock = new SystemClock();
  const namespace = operatorNamespaceOf(flags, io.env);
  const kubeConfig = callerKubeConfig(flags.kubeconfig === undefined ? {} : { kubeconfig: flags.kubeconfig }, io.env);
  const opened = openCluster(kubeConfig, { clock, namespace, manager: MANAGER, userAgent: userAgentOf(VERSION, 'render') });
  const { anchor, close, ...snapshot } = await takeSnapshot({
    ...{ opened, catalog, clock, environment: io.manager?.environment ?? io.env },
    operator: operatorFacts(namespace, catalog, io.manager),
    activation: flags.platformActivation,
  });
  const { client } = opened.cluster;
  const api = objectApi(client, () => undefined);
  try {
    const parts: PreviewParts = {
      ...{ catalog, clock, ...snapshot, exclusions: userChoices(anchor, catalog, flags).exclusions },
      reads: {
        get: api.get,
        schemaOf: (apiVersion, kind) => snapshot.context.cluster.schemaOf(apiVersion, kind),
        ...(flags.dryRunDiff ? { dryRun: (kind, object) => api.apply(kind, object, true) } : {}),
      },
    };
    return await previewCatalog(parts, names);
  } finally {
    await close();
  }
}

function userChoices(
  { metadata }: KubernetesObject,
  catalog: Catalog,
  { platformActivation }: RenderFlags,
): Pick<PreviewParts, 'activation' | 'exclusions'> {
  const exclusions = new Exclusions();
  exclusions.update(metadata?.annotations?.[EXCLUSIONS_ANNOTATION]);
  return { exclusions, activation: activationOf(metadata?.annotations?.[ACTIVATION_ANNOTATION], platformActivation, catalog.assets) };
}

/** Of a manager in a cluster, with its usual settings where nothing else is known. */
function operatorFacts(
  namespace: string,
  { version }: Catalog,
  { metricsPort = METRICS_PORT, metricsSecure = true, runbookUrl = RUNBOOKS }: Partial<ManagerKnowledge> = {},
): OperatorFacts {
  return {
    namespace,
    version: VERSION,
    catalogVersion: version,
    ...{ metricsPort, metricsSecure, runbookUrl },
    inCluster: true,
  };
}

/** @throws {UsageError} naming the file. */
function documentIn(file: string): Json {
  let text: string;
  try {
    text = readFileSync(file, 'utf8');
  } catch (error) {
    throw new UsageError(`${file} cannot be read: ${(error as Error).message}`);
  }
  const documents = parseAllDocuments(text, { uniqueKeys: true });
  const problem = Array.isArray(documents) ? documents.flatMap(({ errors }) => errors)[0]?.message.split('\n')[0] : 'it is empty';
  if (problem !== undefined) throw new UsageError(`${file} is no YAML document: ${problem}`);
  if (documents.length !== 1) throw new UsageError(`${file} has ${documents.length} documents; allowed: one`);
  return documents[0]!.toJS({ maxAliasCount: 100 }) as Json;
}
