/**
 * Connects passes with the API server: finalizers, status, handler clients, and the memory of our own writes.
 *
 * Owns: that every answer of a write goes into the cache, marked with the handlers whose echo it is; that nothing is written by a
 * process that does not lead at the moment of sending.
 * Invariant: an answer that brings somebody else's change with it is nobody's echo, else that change would never be handled.
 */
import { isDeepStrictEqual } from 'node:util';
import type { KubeClient } from '../client';
import { type EventRecorder, pathSegment } from '../client';
import type { Cluster } from '../cluster/cluster';
import type { Kind } from '../kinds/kind';
import { type KubernetesObject, keyOf } from '../kinds/object';
import type { QueuedHandlerSpec } from '../registry/handler-spec';
import { differ, essence } from './diff';
import type { LeaderScope } from './leadership';
import type { OwnWrites } from './own-writes';
import type { PassPorts, StatusUpdate } from './pass-ports';

export interface PassWritersOptions {
  readonly kind: Kind;
  /** All queued handlers of the kind. */
  readonly specs: readonly QueuedHandlerSpec[];
  readonly cluster: Cluster;
  readonly ownWrites: OwnWrites;
  readonly events: EventRecorder;
  readonly leader: LeaderScope;
}

type Writers = Pick<PassPorts, 'clientFor' | 'addFinalizer' | 'removeFinalizer' | 'annotate' | 'writeStatus' | 'sendEvent'>;

export function passWriters({ kind, specs, cluster, ownWrites, events, leader }: PassWritersOptions): Writers {
  /** A client whose writes are the echo of these handlers, unless the answer differs from `expected` in more than what we wrote. */
  const clientOf = (writers: readonly QueuedHandlerSpec[], runSignal: AbortSignal, expected?: KubernetesObject): KubeClient =>
    cluster.client.derive({
      signal: runSignal,
      guard: leader.guard,
      cached: (wanted, key) => cluster.informers.cached(wanted, key),
      onWritten: (writtenKind, object) => {
        const version = object.metadata?.resourceVersion ?? '';
        const isEcho = expected === undefined || !bringsForeignChange(expected, object);
        for (const spec of isEcho ? writers : []) ownWrites.remember(writtenKind.id, keyOf(object), version, spec.id);
        cluster.informers.putOwnWrite(writtenKind, object);
      },
    });
  // Finalizers and annotations are written before or between handlers of the same pass, which see the result: an echo for all.
  const forAll = (expected: KubernetesObject): KubeClient => clientOf(specs, leader.signal, expected);
  return {
    clientFor: (spec, runSignal) => clientOf([spec], runSignal),
    addFinalizer: (object, finalizer) => forAll(object).addFinalizer(kind, object, finalizer),
    removeFinalizer: (object, finalizer) => forAll(object).removeFinalizer(kind, object, finalizer),
    annotate: async (object: KubernetesObject, name: string, value: string) => {
      const path = `/metadata/annotations/${pathSegment(name)}`;
      const { uid, annotations } = object.metadata ?? {};
      const parent = annotations === undefined ? [{ op: 'add' as const, path: '/metadata/annotations', value: {} }] : [];
      const expected = { ...object, metadata: { ...object.metadata, annotations: { ...annotations, [name]: value } } };
      const patch = [{ op: 'test' as const, path: '/metadata/uid', value: uid }, ...parent, { op: 'add' as const, path, value }];
      await forAll(expected).patch(kind, keyOf(object), patch);
    },
    writeStatus: async (object: KubernetesObject, { by, ...change }: StatusUpdate) => {
      await clientOf(by, leader.signal, object).applyStatus(kind, object, change);
    },
    sendEvent: (event) => events.record(event, leader.guard),
  };
}

/** Status and finalizers are what passes write; anything else that differs was changed by somebody else meanwhile. */
function bringsForeignChange(expected: KubernetesObject, written: KubernetesObject): boolean {
  const { generation, deletionTimestamp } = expected.metadata ?? {};
  if (generation === undefined) return differ(expected, written, []);
  return (
    generation !== written.metadata?.generation ||
    deletionTimestamp !== written.metadata?.deletionTimestamp ||
    !isDeepStrictEqual(essence(expected)['metadata'], essence(written)['metadata'])
  );
}
