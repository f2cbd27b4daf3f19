/** `virt-steward render`: prints what the platform module would apply. */
import { Option } from 'commander';
import { UsageError } from '../framework/basics';
import { addCallerFlags, type CallerFlags } from './caller-flags';
import type { RegisterCommand } from './program';

export interface RenderFlags extends CallerFlags {
  hcoFile?: string;
  context?: string;
  asset?: string;
  showExcluded?: true;
  check?: true;
  dryRunDiff?: true;
  output: 'yaml' | 'json' | 'status';
  platformAssetsDir?: string;
  platformActivation: 'always' | 'annotation';
}

const HELP = `
Reads a cluster with your own rights, or the files you give; writes nothing. Objects come from the code of the manager, up to what it
would send. Overrides on live objects (patch, ignore-fields, mode) count as they do for the manager.

The file of --context is YAML or JSON: hardware, topology and images as expressions see them; served and absent, lists of
<apiVersion>/<Kind>; objects. What an expression asks for and the file does not say is an error.

Output:
  yaml    objects with comments, for kubectl diff or apply
  json    a record for each asset: asset, file, status, reason, conditions, object
  status  a table
Statuses: INCLUDED, EXCLUDED, FILTERED, MISSING, HELD, PAUSED, UNMANAGED, PENDING, CONFLICT, ERROR.

Exit codes: 0 no row is an ERROR, 1 one is or the cluster cannot be read, 2 usage.

Examples:
  virt-steward render | kubectl diff -f -
  virt-steward render --output=status --show-excluded
  virt-steward render --asset=kubelet-perf-settings --dry-run-diff
  virt-steward render --hco-file=hyperconverged.yaml --context=cluster.yaml
  virt-steward render --check --platform-assets-dir=my-assets`;

export const renderCommand: RegisterCommand = (program, io, done) => {
  const command = program
    .command('render')
    .description('print what the platform module would apply, and why it leaves out what it leaves out')
    .option('--hco-file <file>', 'HyperConverged or KubeVirt to take switches from, instead of a cluster')
    .option('--context <file>', 'with --hco-file: what else is known of that cluster')
    .option('--asset <list>', 'only these assets, joined by commas')
    .option('--show-excluded', 'also what is excluded, switched off or left out by a condition')
    .option('--check', 'load the catalog and tell everything that is wrong with it')
    .option('--dry-run-diff', 'ask the API server what it would make of each object, and tell where that differs')
    .addOption(new Option('--output <format>', 'output format').choices(['yaml', 'json', 'status']).default('yaml'))
    .option('--platform-assets-dir <directory>', 'another catalog than the one that is shipped')
    .addOption(new Option('--platform-activation <mode>', 'as the manager has it').choices(['always', 'annotation']).default('always'))
    .addHelpText('after', HELP)
    .action(async (flags: RenderFlags) => {
      requireCombination(flags);
      const { runRender } = await import('./run-render.js');
      done(await runRender(flags, io));
    });
  addCallerFlags(command);
};

/** Flags that would be ignored are mistakes. */
function requireCombination({ hcoFile, context, kubeconfig, dryRunDiff, check, asset, platformAssetsDir }: RenderFlags): void {
  const conflicts: readonly (readonly [boolean, string])[] = [
    [platformAssetsDir === '', '--platform-assets-dir is empty; allowed: the directory of a catalog'],
    [context !== undefined && hcoFile === undefined, '--context needs --hco-file: a cluster tells these things itself'],
    [hcoFile !== undefined && kubeconfig !== undefined, '--hco-file and --kubeconfig exclude one another'],
    [hcoFile !== undefined && dryRunDiff === true, '--dry-run-diff needs a cluster; leave out --hco-file'],
    [check === true && (hcoFile ?? asset) !== undefined, '--check looks at the whole catalog; leave out --hco-file and --asset'],
  ];
  const conflict = conflicts.find(([isGiven]) => isGiven);
  if (conflict !== undefined) throw new UsageError(conflict[1]);
}
