/** What the search for objects left behind may know of a key. Pure. */
import type { CatalogAsset } from '../catalog';
import type { Identity } from '../overrides/exclusions';
import { groupOf } from '../overrides/sensitive-kinds';
import type { KnownKey } from '../removal/orphans';
import type { KeyState } from './key-states';

export function knownKeyOf(asset: CatalogAsset, state: KeyState | undefined): KnownKey {
  const { position, onUnwanted, create, identity } = asset;
  const wanted = wantedBy(state);
  return {
    ...{ position, onUnwanted, isCreated: create, kind: identity.kind, group: groupOf(identity.apiVersions[0]!) },
    wanted,
    // Where the object of a key may be another than the catalog shows, none of its kind is left behind.
    identity: state?.target ?? (wanted === 'no' ? constantIdentity(asset) : undefined),
  };
}

function wantedBy(state: KeyState | undefined): KnownKey['wanted'] {
  if (state === undefined || state.reason === 'ContextUnknown') return 'unknown';
  if (state.status === 'FILTERED') return 'no';
  // What cannot be rendered may be wanted under another name than before.
  return state.outcome?.status === 'RenderFailed' && state.target === undefined ? 'unknown' : 'yes';
}

/** Of an asset that was not rendered since the process began, if no expression decides on it. */
function constantIdentity({ identity, forEach }: CatalogAsset): Identity | undefined {
  const [name, ...others] = identity.names ?? [];
  if (name === undefined || others.length > 0 || forEach !== undefined) return undefined;
  const { kind, apiVersions, namespace = '' } = identity;
  return { group: groupOf(apiVersions[0]!), kind, namespace, name };
}
