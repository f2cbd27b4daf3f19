/**
 * Makes `docs/reference/options.md`, every option a handler author can write, from the doc comments in `src/framework`.
 *
 *     node build/hack/generators/option-tables.js            writes what differs
 *     node build/hack/generators/option-tables.js --check    writes nothing, exits 1 and shows the difference
 *
 * Owns: which interfaces are shown, and in which order.
 */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { GENERATED_MARK, type GeneratedFiles } from './generated-files';
import { type Generator, main } from './generator-command';
import { commentBefore, type DocumentedOption, optionsOf } from './interface-docs';

const FRAMEWORK = 'src/framework';
const PAGE = 'docs/reference/options.md';

interface Section {
  readonly title: string;
  readonly file: string;
  readonly interface: string;
  /** What these options add to. */
  readonly beyond?: string;
  /** The decorator whose comment introduces them. */
  readonly decorator?: string;
}

const decorator = (name: string, file: string, options: string, beyond?: string): Section => ({
  title: `@${name}`,
  file: `decorators/${file}.ts`,
  interface: options,
  decorator: name,
  ...(beyond === undefined ? {} : { beyond }),
});
const QUEUED = 'Handlers from the queue';
const FILTERS = 'Filters';
const DATA_ONLY = 'Kubeconfigs of others';

const SECTIONS: readonly Section[] = [
  { title: 'Kinds', file: 'kinds/kind.ts', interface: 'KindOptions' },
  decorator('Handler', 'handler', 'HandlerOptions'),
  { title: 'Declared calls (`rbac`)', file: 'decorators/handler.ts', interface: 'RbacClaim' },
  { title: FILTERS, file: 'decorators/options.ts', interface: 'FilterOptions' },
  { title: 'Server-side choice (`select`)', file: 'watch/informer-contract.ts', interface: 'Selection' },
  { title: QUEUED, file: 'decorators/options.ts', interface: 'QueuedOptions', beyond: FILTERS },
  { title: 'Retries (`retry`)', file: 'queue/backoff.ts', interface: 'RetryOptions' },
  decorator('Reconcile', 'reconcile', 'ReconcileOptions', QUEUED),
  decorator('OnCreate', 'on-create', 'OnCreateOptions', QUEUED),
  decorator('OnDelete', 'on-delete', 'OnDeleteOptions', QUEUED),
  decorator('OnField', 'on-field', 'OnFieldOptions', QUEUED),
  decorator('OnTimer', 'on-timer', 'TimerOptions', QUEUED),
  decorator('Daemon', 'daemon', 'DaemonOptions', FILTERS),
  decorator('OnEvent', 'on-event', 'OnEventOptions', FILTERS),
  decorator('Index', 'indexed', 'IndexOptions'),
  decorator('OnStartup', 'lifecycle', 'HookOptions'),
  decorator('Probe', 'lifecycle', 'ProbeOptions'),
  { title: 'Operator', file: 'runtime/operator-options.ts', interface: 'OperatorOptions' },
  { title: 'Metrics (`metrics`)', file: 'runtime/operator-options.ts', interface: 'MetricsOptions' },
  { title: 'Leader election (`leaderElection`)', file: 'leader/leader-options.ts', interface: 'LeaderElectionOptions' },
  {
    ...{ title: 'Remote clusters (`ClusterRegistry.engage`)', file: 'cluster/engage-options.ts', interface: 'EngageOptions' },
    beyond: DATA_ONLY,
  },
  { title: DATA_ONLY, file: 'client/kubeconfig-policy.ts', interface: 'DataOnlyOptions' },
  { title: 'Health of remote clusters (`health`)', file: 'cluster/engage-options.ts', interface: 'ClusterHealthOptions' },
];

const INTRODUCTION = [
  '# Options',
  '',
  'Every option that a handler author can write, from the doc comments of the code. Times are milliseconds where the name ends in `Ms`.',
  '`@OnUpdate` and `@OnResume` have those of handlers from the queue and no others, `@OnShutdown` has those of `@OnStartup`.',
  'How it all plays together: [write a handler](../guides/write-a-handler.md), [the life of an event](../life-of-an-event.md).',
];

/** The page, as the sources below `root` have it. */
export function optionPage(root: string): GeneratedFiles {
  const sections = SECTIONS.flatMap((section) => ['', ...textOf(section, readFileSync(join(root, FRAMEWORK, section.file), 'utf8'))]);
  const mark = `<!-- ${GENERATED_MARK}the doc comments in ${FRAMEWORK}; DO NOT EDIT. -->`;
  return new Map([[PAGE, [mark, ...INTRODUCTION, ...sections, ''].join('\n')]]);
}

function textOf({ title, interface: name, decorator: of, beyond }: Section, source: string): string[] {
  const lead = of === undefined ? commentBefore(source, `export interface ${name}`) : commentBefore(source, `export function ${of}`);
  const anchor = beyond?.toLowerCase().replaceAll(' ', '-');
  const more = beyond === undefined ? '' : `Also those of [${beyond.toLowerCase()}](#${anchor}).`;
  const text = [lead, more].filter((part) => part !== '').join(' ');
  const options = optionsOf(source, name);
  return [
    `## ${title}`,
    ...(text === '' ? [] : ['', text]),
    '',
    '| option | type | default | meaning |',
    '|---|---|---|---|',
    ...options.map(row),
  ];
}

function row({ name, required, type, default: preset, text }: DocumentedOption): string {
  return `| \`${name}\` | ${cell(`\`${type}\``)} | ${required ? '**required**' : presetText(preset)} | ${cell(text)} |`;
}

/** Values as code, descriptions as text. */
function presetText(preset: string): string {
  return preset === '' || preset.includes(' ') ? cell(preset) : cell(`\`${preset}\``);
}

function cell(text: string): string {
  return text.replaceAll('|', '\\|');
}

if (require.main === module) {
  const generator: Generator = {
    folder: 'docs',
    isOwn: (path) => path === PAGE,
    source: `the doc comments in ${FRAMEWORK}`,
    files: optionPage,
  };
  main(generator);
}
