/** Which keys render which object, so that no two of them fight over one. Kept over runs; a key claims one object at a time. */
import type { RenderedObject } from './rendering';

export class IdentityClaims {
  private readonly byKey = new Map<string, string>();
  private readonly byIdentity = new Map<string, Set<string>>();

  /** @returns the other keys that render the same object; they have to be told, and none of them may be applied. */
  claim(key: string, object: RenderedObject): string[] {
    const identity = identityText(object);
    if (this.byKey.get(key) !== identity) this.release(key);
    this.byKey.set(key, identity);
    const keys = this.byIdentity.get(identity) ?? new Set<string>();
    keys.add(key);
    this.byIdentity.set(identity, keys);
    return [...keys].filter((other) => other !== key);
  }

  /** @returns the keys that rendered the same object; they may be alone with it now. */
  release(key: string): string[] {
    const identity = this.byKey.get(key);
    if (identity === undefined) return [];
    this.byKey.delete(key);
    const keys = this.byIdentity.get(identity);
    keys?.delete(key);
    if (keys?.size === 0) this.byIdentity.delete(identity);
    return [...(keys ?? [])];
  }

  /** @param apiVersion of any version. */
  keysOf(object: { readonly apiVersion: string; readonly kind: string; readonly name: string; readonly namespace?: string }): string[] {
    const { apiVersion, kind, name, namespace } = object;
    const metadata = { name, ...(namespace === undefined ? {} : { namespace }) };
    return [...(this.byIdentity.get(identityText({ apiVersion, kind, metadata })) ?? [])];
  }
}

/** The version is left out: it is the same object in every version. */
function identityText({ apiVersion, kind, metadata }: RenderedObject): string {
  const group = apiVersion.split('/').slice(0, -1).join('/');
  return JSON.stringify([group, kind, metadata.namespace ?? '', metadata.name]);
}
