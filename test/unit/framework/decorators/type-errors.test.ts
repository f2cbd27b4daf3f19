/**
 * What must not compile: handler methods that do not fit their decorator.
 *
 * Every snippet is a handler class of its own file. Those marked as wrong carry @ts-expect-error at the place of the mistake, so that
 * the compiler complains both about right code and about wrong code that it let pass. One run of the compiler serves all snippets.
 */
import { execFile } from 'node:child_process';
import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { promisify } from 'node:util';
import { expect } from 'chai';

const REPOSITORY = resolve(__dirname, '../../../../..');
const EXPECT_ERROR = '// @ts-expect-error';

const HEADER = `
import {
  Daemon, type DaemonContext, defineKind, defineVirtualKind, type FieldChange, Handler, type HandlerContext, Index, type KubernetesObject,
  mapped, OnCreate, OnDelete, OnEvent, OnField, OnResume, OnShutdown, OnStartup, OnTimer, OnUpdate, owned, PRESENT, Probe,
  type ProcessContext, Reconcile, type ReconcileContext, type ReconcileResult, type ResourceEvent, type Update,
} from '../../src/framework';

interface Widget extends KubernetesObject { spec?: { size?: number } }
const Widget = defineKind<Widget>('example.org/v1', 'Widget', 'widgets', { scope: 'Namespaced' });
interface Gadget extends KubernetesObject { spec: { color: string }; status?: { shade?: number; text: string } }
const Gadget = defineKind<Gadget>('example.org/v1', 'Gadget', 'gadgets', { scope: 'Cluster' });
interface Asset { readonly name: string; readonly template: string }
const Asset = defineVirtualKind<Asset>('Asset');
`;

interface Snippet {
  readonly title: string;
  /** Members of a handler class. */
  readonly members: string;
}

const RIGHT: readonly Snippet[] = [
  {
    title: 'every decorator with the fullest signature',
    members: `
  @Reconcile(Widget) async reconcile(object: Widget, ctx: ReconcileContext<Widget>): Promise<ReconcileResult> { return { requeueAfterMs: object.spec?.size ?? ctx.attempt }; }
  @OnCreate(Widget) async created(object: Widget, ctx: HandlerContext<Widget>): Promise<void> { ctx.log.info(object.kind ?? ''); }
  @OnResume(Widget) async resumed(_object: Widget, _ctx: HandlerContext<Widget>): Promise<void> {}
  @OnUpdate(Widget) async updated({ object, old, diff }: Update<Widget>, _ctx: HandlerContext<Widget>): Promise<void> { void [object.spec, old?.spec, diff.length]; }
  @OnField(Widget, 'spec.size') async resized({ old, value }: FieldChange<Widget, number>, _ctx: HandlerContext<Widget>): Promise<void> { void [old, value]; }
  @OnDelete(Widget) async deleted(_object: Widget, _ctx: HandlerContext<Widget>): Promise<void | { requeueAfterMs: number }> { return { requeueAfterMs: 1 }; }
  @OnTimer(Widget, { intervalMs: 1_000 }) async tick(_object: Widget, _ctx: HandlerContext<Widget>): Promise<void> {}
  @Daemon(Widget) async listen(object: Widget, ctx: DaemonContext<Widget>): Promise<void> { void (ctx.latest() ?? object).spec?.size; }
  @OnEvent(Widget) seen(event: ResourceEvent<Widget>): void { void event.object.spec; }
  @Index(Widget, 'size') bySize(object: Widget): string | readonly string[] | undefined { return String(object.spec?.size); }
  @OnStartup({ order: 1 }) async start(ctx: ProcessContext): Promise<void> { void ctx.signal; }
  @OnShutdown({ timeoutMs: 5 }) stop(): void {}
  @Probe('name') probe(): string { return 'ok'; }`,
  },
  {
    title: 'methods that take fewer parameters and return nothing',
    members: `
  @Reconcile(Widget) reconcile(): void {}
  @OnCreate(Widget) async created(): Promise<void> {}
  @OnDelete(Widget) deleted(_object: Widget): undefined { return undefined; }
  @OnEvent(Widget) seen(): void {}`,
  },
  {
    title: 'a parameter that is a base of the kind',
    members: `
  @Reconcile(Widget) @Reconcile(Gadget) async any(object: KubernetesObject): Promise<void> { void object.metadata?.name; }
  @OnEvent(Widget) seen(event: ResourceEvent): void { void event.object; }`,
  },
  {
    title: 'options that know the type of the object',
    members: `
  @Reconcile(Gadget, { when: ({ spec }) => spec.color === 'red', labels: { a: PRESENT, b: /x/, c: ['y'], d: (value) => value === 'z' }, owns: [Widget, owned(Widget, { anyOwner: true })],
    watches: [mapped(Widget, ({ spec }) => [String(spec?.size)], { when: (now, old) => now.spec?.size !== old?.spec?.size })], changed: (now, old) => now.spec.color !== old.spec.color })
  async reconcile(gadget: Gadget): Promise<void> { void gadget.spec.color; }`,
  },
  {
    title: 'status fields of the kind, removed ones too, and any where the kind says nothing',
    members: `
  @Reconcile(Gadget) async reconcile(_gadget: Gadget, { status }: ReconcileContext<Gadget>): Promise<void> { status.set({ shade: 3 }); status.set({ shade: undefined, text: undefined }); }
  @Reconcile(Widget) async other(_widget: Widget, { status }: ReconcileContext<Widget>): Promise<void> { status.set({ anything: 'goes' }); }
  @OnCreate(Gadget) async any(_gadget: Gadget, { status }: HandlerContext): Promise<void> { status.set({ anything: 'goes' }); }`,
  },
  {
    title: 'a virtual kind where one may stand',
    members: `
  @Reconcile(Asset, { failure: { about: () => undefined } }) async reconcile(asset: Asset, _ctx: ReconcileContext): Promise<void> { void asset.template; }
  @OnTimer(Asset, { intervalMs: 1_000 }) async tick(asset: Asset): Promise<void> { void asset.name; }`,
  },
];

const WRONG: readonly Snippet[] = [
  {
    title: '@Reconcile with an object of another kind',
    members: `
  ${EXPECT_ERROR}
  @Reconcile(Widget)
  async reconcile(gadget: Gadget): Promise<void> { void gadget; }`,
  },
  {
    title: '@Reconcile with a context of another kind for its object',
    members: `
  ${EXPECT_ERROR}
  @Reconcile(Widget)
  async reconcile(ctx: ReconcileContext<Widget>): Promise<void> { void ctx; }`,
  },
  {
    title: '@Reconcile that returns what is no result',
    members: `
  ${EXPECT_ERROR}
  @Reconcile(Widget)
  async reconcile(): Promise<number> { return 5; }`,
  },
  {
    title: '@Reconcile with a requeue of a misspelt name',
    members: `
  ${EXPECT_ERROR}
  @Reconcile(Widget)
  async reconcile(): Promise<{ requeueAfter: number }> { return { requeueAfter: 5 }; }`,
  },
  {
    title: '@Reconcile with a third parameter',
    members: `
  ${EXPECT_ERROR}
  @Reconcile(Widget)
  async reconcile(_object: Widget, _ctx: ReconcileContext<Widget>, extra: string): Promise<void> { void extra; }`,
  },
  {
    title: '@Reconcile with an option it does not have',
    members: `
  ${EXPECT_ERROR}
  @Reconcile(Widget, { concurency: 2 })
  async reconcile(): Promise<void> {}`,
  },
  {
    title: 'a filter on a field that the object does not have',
    members: `
  ${EXPECT_ERROR}
  @Reconcile(Widget, { when: ({ spec }) => spec?.color === 'red' })
  async reconcile(): Promise<void> {}`,
  },
  {
    title: 'a mapping function for another kind',
    members: `
  ${EXPECT_ERROR}
  @Reconcile(Widget, { watches: [mapped(Gadget, (widget: Widget) => [widget.kind ?? ''])] })
  async reconcile(): Promise<void> {}`,
  },
  {
    title: 'a status field that the kind does not have',
    members: `
  @Reconcile(Gadget)
  async reconcile(_gadget: Gadget, { status }: ReconcileContext<Gadget>): Promise<void> {
    ${EXPECT_ERROR}
    status.set({ shadow: 3 });
  }`,
  },
  {
    title: 'a status field of another type',
    members: `
  @Reconcile(Gadget)
  async reconcile(_gadget: Gadget, { status }: ReconcileContext<Gadget>): Promise<void> {
    ${EXPECT_ERROR}
    status.set({ shade: 'dark' });
  }`,
  },
  {
    title: '@OnCreate with an update',
    members: `
  ${EXPECT_ERROR}
  @OnCreate(Widget)
  async created(update: Update<Widget>): Promise<void> { void update; }`,
  },
  {
    title: '@OnCreate that asks for a requeue, which it cannot have',
    members: `
  ${EXPECT_ERROR}
  @OnCreate(Widget)
  async created(): Promise<{ requeueAfterMs: number }> { return { requeueAfterMs: 5 }; }`,
  },
  {
    title: '@OnUpdate with the bare object',
    members: `
  ${EXPECT_ERROR}
  @OnUpdate(Gadget)
  async updated(gadget: Gadget): Promise<void> { void gadget; }`,
  },
  {
    title: '@OnUpdate of another kind',
    members: `
  ${EXPECT_ERROR}
  @OnUpdate(Widget)
  async updated(update: Update<Gadget>): Promise<void> { void update; }`,
  },
  {
    title: '@OnField with the bare object',
    members: `
  ${EXPECT_ERROR}
  @OnField(Gadget, 'spec.color')
  async painted(gadget: Gadget): Promise<void> { void gadget; }`,
  },
  {
    title: '@OnDelete with an object of another kind',
    members: `
  ${EXPECT_ERROR}
  @OnDelete(Widget)
  async deleted(gadget: Gadget): Promise<void> { void gadget; }`,
  },
  {
    title: '@OnEvent with the bare object',
    members: `
  ${EXPECT_ERROR}
  @OnEvent(Gadget)
  seen(gadget: Gadget): void { void gadget; }`,
  },
  {
    title: '@OnEvent that expects a context',
    members: `
  ${EXPECT_ERROR}
  @OnEvent(Widget)
  seen(_event: ResourceEvent<Widget>, ctx: HandlerContext<Widget>): void { void ctx; }`,
  },
  {
    title: '@OnEvent with options of the queue',
    members: `
  ${EXPECT_ERROR}
  @OnEvent(Widget, { retry: { maxMs: 5 } })
  seen(): void {}`,
  },
  {
    title: '@OnTimer without an interval',
    members: `
  ${EXPECT_ERROR}
  @OnTimer(Widget, {})
  async tick(): Promise<void> {}`,
  },
  {
    title: '@Daemon that is not asynchronous',
    members: `
  ${EXPECT_ERROR}
  @Daemon(Widget)
  listen(): number { return 5; }`,
  },
  {
    title: '@Index that returns a promise',
    members: `
  ${EXPECT_ERROR}
  @Index(Widget, 'size')
  async bySize(): Promise<string> { return ''; }`,
  },
  {
    title: '@Index of numbers',
    members: `
  ${EXPECT_ERROR}
  @Index(Widget, 'size')
  bySize(object: Widget): number { return object.spec?.size ?? 0; }`,
  },
  {
    title: '@OnStartup with an object',
    members: `
  ${EXPECT_ERROR}
  @OnStartup()
  async start(gadget: Gadget): Promise<void> { void gadget; }`,
  },
  {
    title: '@Probe that returns no text',
    members: `
  ${EXPECT_ERROR}
  @Probe('name')
  probe(): boolean { return true; }`,
  },
  {
    title: 'a decorator of methods on a property',
    members: `
  ${EXPECT_ERROR}
  @Reconcile(Widget)
  readonly reconcile: string = '';`,
  },
  {
    title: 'a virtual kind where none may stand',
    members: `
  ${EXPECT_ERROR}
  @OnCreate(Asset)
  async created(): Promise<void> {}`,
  },
  {
    title: '@Reconcile of a virtual kind with another object',
    members: `
  ${EXPECT_ERROR}
  @Reconcile(Asset)
  async reconcile(gadget: Gadget): Promise<void> { void gadget; }`,
  },
  {
    title: 'filters on a virtual kind, which has no labels',
    members: `
  ${EXPECT_ERROR}
  @Reconcile(Asset, { labels: { a: 'b' } })
  async reconcile(): Promise<void> {}`,
  },
];

/** Complaints of the compiler by file, in one run over all snippets. */
async function compile(snippets: readonly Snippet[]): Promise<ReadonlyMap<Snippet, string[]>> {
  // Inside the repository, so that modules are found the way they are for our own files.
  await mkdir(join(REPOSITORY, 'build'), { recursive: true });
  const folder = await mkdtemp(join(REPOSITORY, 'build', 'type-errors-'));
  try {
    const { compilerOptions } = JSON.parse(await readFile(join(REPOSITORY, 'tsconfig.json'), 'utf8')) as { compilerOptions: object };
    const options = { ...compilerOptions, rootDir: REPOSITORY, noEmit: true, incremental: false, tsBuildInfoFile: undefined };
    // Snippets import more than each of them needs.
    const loose = { noUnusedLocals: false, noUnusedParameters: false };
    await writeFile(join(folder, 'tsconfig.json'), JSON.stringify({ compilerOptions: { ...options, ...loose }, include: ['*.ts'] }));
    const names = snippets.map((_snippet, index) => `snippet-${index}.ts`);
    await Promise.all(
      snippets.map(({ members }, index) =>
        writeFile(join(folder, names[index]!), `${HEADER}\n@Handler()\nexport class Example {${members}\n}\n`),
      ),
    );
    const output = await run(['-p', folder, '--pretty', 'false']);
    const lines = output.split('\n').filter((line) => line.includes('error TS'));
    const foreign = lines.filter((line) => !/(^|\/)snippet-\d+\.ts\(/.test(line));
    if (foreign.length > 0) throw new Error(`the compiler stumbled over something else: ${foreign.join('\n')}`);
    return new Map(snippets.map((snippet, index) => [snippet, lines.filter((line) => line.includes(`${names[index]}(`))]));
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

/** The compiler ends with an error code when it complains; what it says is all that matters. */
async function run(args: readonly string[]): Promise<string> {
  const compiler = join(REPOSITORY, 'node_modules', 'typescript', 'bin', 'tsc');
  try {
    return (await promisify(execFile)(process.execPath, [compiler, ...args])).stdout;
  } catch (error) {
    const { stdout } = error as { stdout?: string };
    if (stdout === undefined || stdout === '') throw error;
    return stdout;
  }
}

/** The same without the promise of an error, to prove that the mark stands where the error is. */
const unmarked = ({ title, members }: Snippet): Snippet => ({ title, members: members.replace(EXPECT_ERROR, '') });

describe('the types of the decorators', () => {
  // One run of the compiler over some fifty small files; the machine may be busy.
  const bare = WRONG.map(unmarked);
  let complaints: ReadonlyMap<Snippet, string[]>;

  before(async () => {
    complaints = await compile([...RIGHT, ...WRONG, ...bare]);
  });

  for (const snippet of RIGHT) {
    it(`let pass ${snippet.title}`, () => {
      expect(complaints.get(snippet)).to.deep.equal([]);
    });
  }

  WRONG.forEach((snippet, index) => {
    it(`refuse ${snippet.title}`, () => {
      expect(complaints.get(snippet), 'the mistake was not found, or not where the mark is').to.deep.equal([]);
      expect(complaints.get(bare[index]!), 'without the mark the mistake is reported').not.to.have.length(0);
    });
  });
});
