/** One long-running task for each object: a ConfigMap that mirrors a folder of this machine. */
import { on } from 'node:events';
import { watch } from 'node:fs';
import { readdir, readFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { ConfigMap, createContainer, Daemon, type DaemonContext, Handler, type InjectionToken, inject } from 'virt-steward/framework';

/** Where the folders are, one with the name of each ConfigMap. */
export const ROOT: InjectionToken<string> = Symbol('root of the mirrored folders');

@Handler({ rbac: [{ kind: ConfigMap, verbs: ['patch'], why: 'the files of the folder' }] })
export class FolderMirror {
  constructor(@inject(ROOT) private readonly root: string) {}

  /**
   * Runs beside the queue for as long as the ConfigMap is there and has the label; then, and at shutdown, `ctx.signal` aborts. A throw
   * (there is no such folder yet) starts it again after a pause that grows from 1 s to a minute.
   */
  @Daemon(ConfigMap, { labels: { 'example.org/mirror': 'yes' }, retry: { maxMs: 60_000 } })
  async mirror({ metadata }: ConfigMap, ctx: DaemonContext<ConfigMap>): Promise<void> {
    const { namespace, name } = metadata!;
    const folder = join(this.root, name!);
    const watcher = watch(folder);
    try {
      // Heard from before the first look on, so that no change falls between them; `watch` of node:fs/promises begins later.
      const changes = on(watcher, 'change', { signal: ctx.signal });
      for (;;) {
        const data = await filesIn(folder);
        const { changed } = await ctx.client.applyIfChanged(ConfigMap, { metadata: { namespace, name }, data });
        if (changed) ctx.log.info('the folder was copied', { files: Object.keys(data).length });
        await changes.next();
      }
    } finally {
      watcher.close();
    }
  }
}

async function filesIn(folder: string): Promise<Record<string, string>> {
  const files = (await readdir(folder, { withFileTypes: true })).filter((entry) => entry.isFile());
  return Object.fromEntries(await Promise.all(files.map(async ({ name }) => [name, await readFile(join(folder, name), 'utf8')])));
}

export const handlers = [FolderMirror];
export const options = { container: createContainer().registerInstance(ROOT, join(tmpdir(), 'mirror')) };
