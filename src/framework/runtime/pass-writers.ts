/**
 * Connects passes with the API server: finalizers, status, handler clients, and the memory of our own writes.
 *
 * Owns: that every answer of a write goes into the cache, marked with the handlers whose echo it is; that nothing is written by a
 * process that does not lead at the moment of sending.
 */
import type { KubeClient } from '../client';
import { type EventRecorder, pathSegment } from '../client';
import type { Cluster } from '../cluster/cluster';
import type { Kind } from '../kinds/kind';
import { type KubernetesObject, keyOf } from '../kinds/object';
import type { QueuedHandlerSpec } from '../registry/handler-spec';
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
  /** A client whose writes are the echo of these handlers. */
  const clientOf = (writers: readonly QueuedHandlerSpec[], runSignal: AbortSignal): KubeClient =>
    cluster.client.derive({
      signal: runSignal,
      guard: leader.guard,
      cached: (wanted, key) => cluster.informers.cached(wanted, key),
      onWritten: (writtenKind, object) => {
        const version = object.metadata?.resourceVersion ?? '';
        for (const spec of writers) ownWrites.remember(writtenKind.id, keyOf(object), version, spec.id);
        cluster.informers.putOwnWrite(writtenKind, object);
      },
    });
  // Finalizers and annotations are written before or between handlers of the same pass, which see the result: an echo for all.
  const forAll = (): KubeClient => clientOf(specs, leader.signal);
  return {
    clientFor: (spec, runSignal) => clientOf([spec], runSignal),
    addFinalizer: (object, finalizer) => forAll().addFinalizer(kind, object, finalizer),
    removeFinalizer: (object, finalizer) => forAll().removeFinalizer(kind, object, finalizer),
    annotate: async (object: KubernetesObject, name: string, value: string) => {
      const path = `/metadata/annotations/${pathSegment(name)}`;
      const { uid, annotations } = object.metadata ?? {};
      const parent = annotations === undefined ? [{ op: 'add' as const, path: '/metadata/annotations', value: {} }] : [];
      await forAll().patch(kind, keyOf(object), [{ op: 'test', path: '/metadata/uid', value: uid }, ...parent, { op: 'add', path, value }]);
    },
    writeStatus: async (object: KubernetesObject, { by, ...change }: StatusUpdate) => {
      await clientOf(by, leader.signal).applyStatus(kind, object, change);
    },
    sendEvent: (event) => events.record(event, leader.guard),
  };
}
