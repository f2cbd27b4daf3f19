/**
 * Why a steady cluster costs nothing: rendering and live object, each as a digest, as they were when a run ended in sync.
 *
 * Invariant: equal digests mean equal values, whatever the order of members. Pure.
 */
import { createHash, type Hash } from 'node:crypto';
import type { KubernetesObject } from '../../framework';
import { isJsonMap, type Json } from '../json';
import { watchedPart } from './reduced-object';

export function digestOf(value: Json): string {
  const hash = createHash('sha256');
  feed(hash, value);
  return hash.digest('base64');
}

/** @param desired digest of what the catalog wants. */
export function fingerprintOf(desired: string, live: KubernetesObject): string {
  return `${desired} ${digestOf(watchedPart(live))}`;
}

/** Lengths go before texts, so that no two values are fed alike. */
function feed(hash: Hash, value: Json): void {
  if (Array.isArray(value)) {
    hash.update(`[${value.length}`);
    for (const element of value as readonly Json[]) feed(hash, element);
  } else if (isJsonMap(value)) {
    const names = Object.keys(value).sort();
    hash.update(`{${names.length}`);
    for (const name of names) {
      hash.update(`${name.length}:${name}`);
      feed(hash, value[name]!);
    }
  } else {
    const text = value === undefined ? 'null' : JSON.stringify(value);
    hash.update(`${text.length}=${text}`);
  }
}
