/**
 * Connects passes with the API server: finalizers, status, handler clients, and the memory of our own writes.
 *
 * Owns: that every answer of a write goes into the cache, marked with the handlers whose echo it is; that nothing is written by a
 * process that does not lead at the moment of sending.
 * Invariant: an answer that brings somebody else's change with it is nobody's echo, else that change would never be handled.
 */
import type { KubeClient } from '../client';
import { type EventRecorder, pathSegment } from '../client';
import { patchUntilDone } from '../client/finalizer';
import type { Cluster } from '../cluster/cluster';
import type { Kind } from '../kinds/kind';
import { type KubernetesObject, keyOf } from '../kinds/object';
import type { QueuedHandlerSpec } from '../registry/handler-spec';
import { isChangedByOthers } from './diff';
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
  const clientOf = (
    writers: readonly QueuedHandlerSpec[],
    runSignal: AbortSignal,
    isEcho: (written: KubernetesObject) => boolean = () => true,
  ): KubeClient =>
    clientIn(cluster, runSignal, (writtenKind, object) => {
      const version = object.metadata?.resourceVersion ?? '';
      if (isEcho(object)) for (const spec of writers) ownWrites.remember(writtenKind.id, keyOf(object), version, spec.id);
    });
  const clientIn = (of: Cluster, signal: AbortSignal, onWritten: (kind: Kind, object: KubernetesObject) => void): KubeClient =>
    of.client.derive({
      signal,
      guard: leader.guard,
      cached: (wanted, key) => of.informers.cached(wanted, key),
      onWritten: (writtenKind, object) => {
        onWritten(writtenKind, object);
        of.informers.putOwnWrite(writtenKind, object);
      },
    });
  /** Whether the answer brings nothing but what we wrote. */
  const isMere = (object: KubernetesObject, written: KubernetesObject, annotation?: string): boolean =>
    !isChangedByOthers(trimmed(kind, object), trimmed(kind, written), annotation);
  // Finalizers and annotations are written before or between handlers of the same pass, which see the result: an echo for all.
  const forAll = (object: KubernetesObject, annotation?: string): KubeClient =>
    clientOf(specs, leader.signal, (written) => isMere(object, written, annotation));
  return {
    // What is written elsewhere is no echo here: versions of two clusters have nothing to do with one another.
    clientFor: (spec, runSignal, of = cluster) => (of === cluster ? clientOf([spec], runSignal) : clientIn(of, runSignal, () => undefined)),
    addFinalizer: (object, finalizer) => forAll(object).addFinalizer(kind, object, finalizer),
    removeFinalizer: (object, finalizer) => forAll(object).removeFinalizer(kind, object, finalizer),
    annotate: (object, name, value) => {
      const path = `/metadata/annotations/${pathSegment(name)}`;
      return patchUntilDone(forAll(object, name), kind, object, {}, ({ metadata }) => {
        if (metadata?.annotations !== undefined) return [{ op: 'add', path, value }];
        return [
          { op: 'test', path: '/metadata/annotations', value: null },
          { op: 'add', path: '/metadata/annotations', value: { [name]: value } },
        ];
      });
    },
    writeStatus: async (object: KubernetesObject, { by, ...change }: StatusUpdate) => {
      // The answer may hold a change of somebody else that came in between, and no other news of it will come.
      await clientOf(by, leader.signal, (written) => isMere(object, written)).applyStatus(kind, object, change);
    },
    sendEvent: (event) => events.record(event, leader.guard),
  };
}

/** An object as the cache keeps its kind; an answer is whole, and what the cache leaves out is nobody's change. */
function trimmed(kind: Kind, object: KubernetesObject): KubernetesObject {
  if (kind.trim === undefined) return object;
  try {
    return kind.trim(structuredClone(object));
  } catch {
    // The cache keeps such an object whole too, and has said so.
    return object;
  }
}
