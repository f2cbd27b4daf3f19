import { expect } from 'chai';
import fc from 'fast-check';
import { defineKind } from '../../../../src/framework/kinds/kind';
import { keyOf } from '../../../../src/framework/kinds/object';
import type { ResolvedSelection, ResourceEvent } from '../../../../src/framework/watch';
import { compareResourceVersions } from '../../../../src/framework/watch';
import { type Bench, informerBench, stopBenches } from './informer-bench';
import { statusError, type Widget } from './scripted-server';

const OptionalWidget = defineKind<Widget>('example.org/v1', 'Widget', 'widgets', { scope: 'Namespaced', optional: true });

/** One thing that happens to the server, the network, the clock or the informer. */
type Happening = (bench: Bench, pendingWrites: Widget[]) => void | Promise<void>;

const named = (text: string, happening: Happening): Happening =>
  Object.assign(happening, { toString: () => text, [fc.toStringMethod]: () => text });

const name = fc.constantFrom('a', 'b', 'c', 'd', 'e');
const namespace = fc.constantFrom('one', 'two');

const edit = fc
  .tuple(fc.constantFrom('write', 'write', 'remove', 'recreate', 'own write'), name, namespace, fc.nat(9))
  .map(([what, object, where, size]) =>
    named(`${what} ${where}/${object} ${size}`, ({ server }, pendingWrites) => {
      if (server.servedVersions.length === 0) return;
      const exists = server.objects.has(`${where}/${object}`);
      if (exists && (what === 'remove' || what === 'recreate')) server.remove(object, where);
      if (what === 'remove') return;
      const written =
        exists && what !== 'recreate' ? server.update(object, size, where) : server.create(object, { namespace: where, size });
      if (what === 'own write') pendingWrites.push(written);
    }),
  );

const gap = fc.array(edit, { minLength: 1, maxLength: 6 }).map((edits) =>
  named(`gap without history [${edits.join(', ')}]`, async (bench, pendingWrites) => {
    bench.server.resetWatches();
    await bench.clock.advance(0);
    for (const one of edits) await one(bench, pendingWrites);
    bench.server.compact();
  }),
);

const answerOfOwnWrite = fc.nat(5).map((which) =>
  named(`answer of own write ${which}`, ({ informer }, pendingWrites) => {
    const [written] = pendingWrites.splice(which % Math.max(1, pendingWrites.length), 1);
    if (written !== undefined) informer.putOwnWrite(written);
  }),
);

const failure = fc
  .tuple(fc.constantFrom('list', 'watch', 'discovery'), fc.constantFrom(401, 403, 404, 410, 429, 500, 503), fc.integer({ min: 1, max: 4 }))
  .map(([verb, status, times]) =>
    named(`${times} x ${status} on ${verb}`, ({ server }) =>
      server.failNext(verb as 'list' | 'watch' | 'discovery', statusError(status, 'Scripted'), times),
    ),
  );

const trouble = fc.constantFrom<Happening>(
  named('watches end', ({ server }) => server.endWatches()),
  named('watches are reset', ({ server }) => server.resetWatches()),
  named('history is compacted', ({ server }) => server.compact()),
  named('compacted and reset', ({ server }) => {
    server.compact();
    server.resetWatches();
  }),
  named('bookmark', ({ server }) => server.bookmark()),
  named('garbage', ({ server }) => server.openWatches.at(-1)?.send('{"type":\n')),
  named('cut line', ({ server }) => {
    const watch = server.openWatches.at(-1);
    watch?.send('{"type":"ADDED","object":{"metadata":{"name":"cu');
    watch?.end();
  }),
  named('410 within the stream', ({ server }) => server.openWatches.at(-1)?.sendEvent('ERROR', { code: 410, reason: 'Expired' })),
  named('500 within the stream', ({ server }) => server.openWatches.at(-1)?.sendEvent('ERROR', { code: 500, reason: 'InternalError' })),
  named('half open', ({ server }) => {
    for (const watch of server.openWatches) watch.send = () => undefined;
  }),
  named('goneAs event', ({ server }) => void Object.assign(server, { goneAs: 'event' })),
  named('events come twice', ({ server }) => void Object.assign(server, { duplicatesEvents: true })),
  named('watches end at once', ({ server }) => void Object.assign(server, { endsWatchesAtOnce: true })),
  named('lists are held', ({ server }) => void Object.assign(server, { holdsLists: true })),
  named('lists are released', ({ server }) => server.releaseLists()),
  named('healed', ({ server }) => server.heal()),
  named('the kind goes', ({ server }) => server.drop()),
  named('the kind comes', ({ server, discovery }) => {
    server.servedVersions = ['v1'];
    discovery.kick();
  }),
);

const passing = fc
  .constantFrom(0, 0, 1, 400, 1_000, 6_000, 30_000, 130_000)
  .map((ms) => named(`${ms} ms pass`, ({ clock }) => clock.advance(ms)));

const happenings = fc.array(
  fc.oneof(
    { weight: 5, arbitrary: edit },
    { weight: 1, arbitrary: gap },
    { weight: 1, arbitrary: answerOfOwnWrite },
    { weight: 1, arbitrary: failure },
    { weight: 2, arbitrary: trouble },
    { weight: 4, arbitrary: passing },
  ),
  { maxLength: 60 },
);

/** Longer than the longest of: asked life of a silent stream, wait while denied, poll for an absent kind, all after one another. */
const LONG_ENOUGH_MS = 1_500_000;

async function happen(selection: ResolvedSelection, sequence: readonly Happening[]): Promise<Bench> {
  const bench = informerBench({ kind: OptionalWidget, selection, watch: { pageLimit: 3, minPageLimit: 1 } });
  const pendingWrites: Widget[] = [];
  bench.informer.start();
  for (const happening of sequence) await happening(bench, pendingWrites);
  bench.server.servedVersions = ['v1'];
  bench.server.heal();
  await bench.clock.advance(LONG_ENOUGH_MS);
  const streams = selection.namespaces?.length ?? 1;
  if (bench.server.openWatches.length < streams) await bench.clock.advance(2_000); // one is just being renewed
  for (const written of pendingWrites) bench.informer.putOwnWrite(written); // answers that came very late
  return bench;
}

function identities(objects: Iterable<Widget>, namespaces?: readonly string[]): string[] {
  return [...objects]
    .filter(({ metadata }) => namespaces?.includes(metadata!.namespace!) ?? true)
    .map((object) => `${keyOf(object)} ${object.metadata!.uid} @${object.metadata!.resourceVersion} size ${object.spec?.size}`)
    .sort();
}

/** ADDED, MODIFIED*, DELETED and so on again, of one UID at a time, never going back. */
function expectWellFormed(events: readonly ResourceEvent<Widget>[]): void {
  const known = new Map<string, Widget>();
  for (const { type, object, old } of events) {
    const key = keyOf(object);
    const before = known.get(key);
    const story = `${type} ${key} ${object.metadata!.uid}@${object.metadata!.resourceVersion}`;
    expect(before !== undefined, story).to.equal(type !== 'ADDED');
    expect(old, story).to.equal(before);
    if (before !== undefined) {
      expect(object.metadata!.uid, story).to.equal(before.metadata!.uid);
      const order = compareResourceVersions(object.metadata!.resourceVersion, before.metadata!.resourceVersion)!;
      expect(order, story).to.be.at.least(type === 'MODIFIED' ? 1 : 0);
    }
    if (type === 'DELETED') known.delete(key);
    else known.set(key, object);
  }
}

describe('whatever happens between an informer and its server', () => {
  afterEach(stopBenches);

  for (const selection of [{}, { namespaces: ['one', 'two'] }, { namespaces: ['one'] }] satisfies ResolvedSelection[]) {
    it(`the store ends equal to the server and events are well formed, with selection ${JSON.stringify(selection)}`, async () => {
      await fc.assert(
        fc.asyncProperty(happenings, async (sequence) => {
          const { informer, server, events, clock } = await happen(selection, sequence);
          expect(identities(informer.store.list())).to.deep.equal(identities(server.objects.values(), selection.namespaces));
          expectWellFormed(events);
          expect(informer.status()).to.include({ state: 'Watching', synced: true, stale: false });
          expect(server.openWatches).to.have.length(selection.namespaces?.length ?? 1);

          await informer.stop();
          expect(clock.pendingTimers).to.equal(0);
          expect(server.openWatches).to.have.length(0);
        }),
        { numRuns: 500 },
      );
    });
  }
});
