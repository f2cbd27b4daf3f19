/** `virt-steward doctor asset/NAME` and `machine/NAMESPACE/NAME`, from checked options to exit code. Loaded only then. */
import { SystemClock, UsageError } from '../framework';
import { ClusterView } from '../kubevirt/diagnosis/cluster-view';
import type { Finding } from '../kubevirt/diagnosis/finding';
import { printReport } from '../kubevirt/diagnosis/report';
import { machinePath } from '../machines/doctor/machine-path';
import { type Catalog, loadCatalog } from '../platform/catalog';
import { assetPath } from '../platform/doctor/asset-path';
import { shippedAssets } from '../platform/settings';
import { openCaller } from './caller';
import type { CallerFlags } from './caller-flags';
import type { ModuleSubject } from './doctor-subject';
import type { CommandIo } from './program';
import { previewOfCluster } from './run-render';
import { type RunningSettings, runningSettings, type SaidFlags } from './running-settings';

export interface SubjectDoctorFlags extends CallerFlags, SaidFlags {
  platformAssetsDir?: string;
  deployment?: string;
}

export async function runSubjectDoctorCommand(
  subject: ModuleSubject,
  output: 'text' | 'json',
  flags: SubjectDoctorFlags,
  io: CommandIo,
): Promise<number> {
  const clock = new SystemClock();
  const { client, close, operatorNamespace: namespace } = openCaller('doctor', flags, io.env, clock);
  const view = new ClusterView(client);
  try {
    // Before anything is asked of the cluster.
    const catalog = subject.kind === 'asset' ? catalogWith(subject.name, flags) : undefined;
    const settings = await runningSettings(view, { namespace, deployment: flags.deployment, said: flags, env: io.env });
    const findings =
      subject.kind === 'machine'
        ? await machinePath(subject.namespace, subject.name, { view, settings: settings.machines, nowMs: clock.now() })
        : await ofAsset(subject.name, { view, namespace, settings, catalog: catalog! }, flags, io);
    return printReport([...settings.findings, ...findings], output, io.print);
  } finally {
    close();
  }
}

/** @throws {UsageError} when the catalog has no such asset. */
function catalogWith(name: string, { platformAssetsDir }: SubjectDoctorFlags): Catalog {
  const catalog = loadCatalog(platformAssetsDir ?? shippedAssets());
  if (catalog.assetByName(name) !== undefined) return catalog;
  const allowed = catalog.assets.map((one) => one.name).join(', ');
  throw new UsageError(`what to look at is ${JSON.stringify(`asset/${name}`)}; allowed: asset/ and one of ${allowed}`);
}

interface AssetParts {
  readonly view: ClusterView;
  readonly namespace: string;
  readonly settings: RunningSettings;
  readonly catalog: Catalog;
}

function ofAsset(name: string, { settings, catalog, ...parts }: AssetParts, flags: SubjectDoctorFlags, io: CommandIo): Promise<Finding[]> {
  const { platform, environment } = settings;
  const render = { ...flags, output: 'status', platformActivation: platform.activation } as const;
  const decide = () => previewOfCluster(render, catalog, { ...io, manager: { ...platform, environment } }, [name]);
  return assetPath(name, { ...parts, decide });
}
