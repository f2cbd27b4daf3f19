import { expect } from 'chai';
import { Handler, OnCreate, OnDelete, Reconcile, type ReconcileContext } from '../../../../src/framework';
import { ConfigMap } from '../../../../src/framework/kinds/core-kinds';
import type { KubernetesObject } from '../../../../src/framework/kinds/object';
import { type FakeApiServer, loseResponse, stall, type TestOperator } from '../../../../src/framework/testing';
import { aPart, aWorld, endWorlds, Part } from './world';

/** Five writes for a new object: finalizer, annotation, child, second child, status; three for its end. */
@Handler({ rbac: [{ kind: ConfigMap, verbs: ['create', 'patch', 'delete'], why: 'two maps for each part' }] })
class Sample {
  @OnCreate(Part, { remember: 'annotation' })
  async created(): Promise<void> {}

  @Reconcile(Part, { owns: [ConfigMap] })
  async reconcile(part: Part, ctx: ReconcileContext<Part>): Promise<void> {
    const { name, namespace } = part.metadata ?? {};
    for (const which of ['first', 'second']) {
      const metadata = { name: `${name}-${which}`, namespace: namespace! };
      await ctx.client.applyChild(part, ConfigMap, { metadata, data: { size: String(part.spec?.size) } });
    }
    ctx.status.set({ size: part.spec?.size });
  }

  @OnDelete(Part, { finalizer: 'example.org/sample' })
  async clean(part: Part, ctx: ReconcileContext<Part>): Promise<void> {
    const { name, namespace } = part.metadata ?? {};
    for (const which of ['first', 'second']) {
      const map = await ctx.client.find(ConfigMap, `${namespace}/${name}-${which}`);
      if (map !== undefined) await ctx.client.delete(ConfigMap, `${namespace}/${name}-${which}`, { uid: map.metadata!.uid! });
    }
  }
}

/** What is left of all objects when identities and times, which differ from run to run, are taken away. */
function endState(server: FakeApiServer): unknown {
  const essence = ({ metadata, ...rest }: KubernetesObject): unknown => ({
    ...rest,
    metadata: {
      name: metadata?.name,
      finalizers: metadata?.finalizers,
      labels: metadata?.labels,
      annotations: metadata?.annotations,
      generation: metadata?.generation,
      owners: metadata?.ownerReferences?.map(({ kind, name }) => `${kind} ${name}`),
    },
  });
  return { parts: server.objects.list(Part).map(essence), maps: server.objects.list(ConfigMap).map(essence) };
}

type Crash = { readonly write: number; readonly when: 'before' | 'after' } | undefined;

const WRITES = ['create', 'update', 'patch', 'delete'] as const;

/** Lets `change` happen under an operator that is killed at the given write, and started again. */
async function sweep(change: (server: FakeApiServer) => void, prepared: boolean, crash: Crash) {
  const { server, start } = await aWorld();
  if (prepared) server.objects.create(Part, aPart('a', 3));
  const operator: TestOperator = await start({ handlers: [Sample] });
  const before = operator.writes().length;
  const isCounted = ({ resource = '', query }: { resource?: string; query: URLSearchParams }): boolean =>
    resource !== 'leases' && !query.has('dryRun');
  const fault =
    crash &&
    server.faults.add({
      on: { verb: WRITES, nth: crash.write, when: isCounted },
      do: crash.when === 'before' ? stall() : loseResponse(),
    });
  change(server);
  await operator.settle();
  if (fault !== undefined) {
    expect(fault.strikes, 'the write was made').to.equal(1);
    await operator.kill();
    fault.remove();
    await operator.restart();
  }
  await operator.advance(120_000);
  const writes = operator.writes().length - before;
  const state = endState(server);
  const steady = server.currentVersion;
  await operator.restart();
  await operator.advance(120_000);
  expect(server.currentVersion, 'nothing is written once all is done').to.equal(steady);
  return { state, writes };
}

const courses = [
  { name: 'a new object', prepared: false, change: (server: FakeApiServer) => void server.objects.create(Part, aPart('a', 3)), writes: 5 },
  {
    name: 'a changed object',
    prepared: true,
    change: (server: FakeApiServer) => void server.objects.update(Part, 'default/a', (part) => Object.assign(part, { spec: { size: 4 } })),
    writes: 3,
  },
  { name: 'a deleted object', prepared: true, change: (server: FakeApiServer) => server.objects.delete(Part, 'default/a'), writes: 3 },
];

describe('a process that is killed at any write', () => {
  afterEach(endWorlds);

  for (const { name, prepared, change, writes } of courses) {
    it(`makes ${writes} writes for ${name} when nobody kills it`, async () => {
      expect((await sweep(change, prepared, undefined)).writes).to.equal(writes);
    });

    for (const when of ['before', 'after'] as const) {
      for (let write = 1; write <= writes; write++) {
        it(`leads to the same end for ${name} when it dies ${when} write ${write}, with nothing done twice`, async () => {
          const undisturbed = await sweep(change, prepared, undefined);
          const disturbed = await sweep(change, prepared, { write, when });
          expect(disturbed.state).to.deep.equal(undisturbed.state);
          // Of the write that it died in, the answer was lost or the request: it may be made a second time, no other one may.
          expect(disturbed.writes).to.be.within(writes, writes + 1);
        });
      }
    }
  }
});
