/** The table of kinds that are served now. Changes take effect at the next request, as on a real server. */
import { idOf, type ServedKind, type ServedVersion } from './served-kind';

export class ServedKinds {
  private readonly byId = new Map<string, ServedKind>();

  /** Adds a kind, or replaces what was known of it. */
  set(kind: ServedKind): void {
    this.byId.set(idOf(kind), kind);
  }

  remove(id: string): ServedKind | undefined {
    const kind = this.byId.get(id);
    this.byId.delete(id);
    return kind;
  }

  get(id: string): ServedKind | undefined {
    return this.byId.get(id);
  }

  all(): ServedKind[] {
    return [...this.byId.values()];
  }

  find(group: string, version: string, plural: string): { kind: ServedKind; version: ServedVersion } | undefined {
    const kind = this.byId.get(idOf({ group, plural }));
    const served = kind?.versions.find(({ name }) => name === version);
    return kind === undefined || served === undefined ? undefined : { kind, version: served };
  }

  /** By what an owner reference says. */
  findKind(apiVersion: string, kindName: string): ServedKind | undefined {
    const slash = apiVersion.indexOf('/');
    const group = slash < 0 ? '' : apiVersion.slice(0, slash);
    return this.all().find((kind) => kind.group === group && kind.kind === kindName);
  }
}
