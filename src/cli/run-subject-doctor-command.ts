/** `virt-steward doctor asset/NAME` and `machine/NAMESPACE/NAME`, from checked options to exit code. Loaded only then. */
import { SystemClock, UsageError } from '../framework';
import { ClusterView } from '../kubevirt/diagnosis/cluster-view';
import type { Finding } from '../kubevirt/diagnosis/finding';
import { printReport } from '../kubevirt/diagnosis/report';
import { machinePath } from '../machines/doctor/machine-path';
import { loadCatalog } from '../platform/catalog';
import { assetPath } from '../platform/doctor/asset-path';
import { shippedAssets } from '../platform/settings';
import { openCaller } from './caller';
import type { CallerFlags } from './caller-flags';
import type { ModuleSubject } from './doctor-subject';
import { defaultSettings } from './modules';
import type { CommandIo } from './program';
import { previewOfCluster } from './run-render';

export interface SubjectDoctorFlags extends CallerFlags {
  platformAssetsDir?: string;
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
    const findings =
      subject.kind === 'machine'
        ? await machinePath(subject.namespace, subject.name, { view, settings: defaultSettings().machines, nowMs: clock.now() })
        : await ofAsset(subject.name, { view, namespace }, flags, io);
    return printReport(findings, output, io.print);
  } finally {
    close();
  }
}

/** @throws {UsageError} when the catalog has no such asset. */
function ofAsset(
  name: string,
  parts: { readonly view: ClusterView; readonly namespace: string },
  flags: SubjectDoctorFlags,
  io: CommandIo,
): Promise<Finding[]> {
  const catalog = loadCatalog(flags.platformAssetsDir ?? shippedAssets());
  const asset = catalog.assetByName(name);
  if (asset === undefined) {
    const allowed = catalog.assets.map((one) => one.name).join(', ');
    throw new UsageError(`what to look at is ${JSON.stringify(`asset/${name}`)}; allowed: asset/ and one of ${allowed}`);
  }
  const decide = () => previewOfCluster({ ...flags, output: 'status', platformActivation: 'always' }, catalog, io, [asset.name]);
  return assetPath(asset.name, { ...parts, decide });
}
