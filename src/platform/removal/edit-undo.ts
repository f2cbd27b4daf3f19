/**
 * Takes one text of somebody else's object back to what it is without us.
 *
 * Expected flow: read -> rules -> is it still our value -> JSON Patch on exactly the version that was read.
 * Guarantees: only what the asset sets is taken out, and only while all of it has our value; the object itself is never deleted.
 * Assumptions: the caller decided that the asset is not wanted, and knows whether we wrote to the object.
 * Caveats: a value that stood there before ours is not known any more; the member is taken out.
 * Errors: what the API server or the rendering answered.
 */
import { ConflictError, InvalidError, type Kind, type KubeClient, type KubernetesObject, type ObjectKey } from '../../framework';
import { entriesOf } from '../baseline/ownership';
import { type TextOperation, textEdit, textsOf } from '../baseline/text-edit';
import { isJsonMap } from '../json';
import { MANAGED_BY, PAUSED_ANNOTATION } from '../keys';
import { isUnmanaged } from './deletion-rules';
import { textWithout } from './text-undo';

const TRIES = 5;

export interface EditedText {
  readonly kind: Kind;
  readonly key: ObjectKey;
  /** We are known to have written it; otherwise the field managers of the object have to say so. */
  readonly isOurs: boolean;
  /** What the asset would make of the object. */
  readonly renderOver: (live: KubernetesObject) => Promise<KubernetesObject>;
}

export type Undo =
  | { readonly kind: 'undone'; readonly object: KubernetesObject }
  /** Nothing of ours is in it. */
  | { readonly kind: 'nothing' }
  /** The user said so. */
  | { readonly kind: 'kept' };

export async function undoEdit(client: Pick<KubeClient, 'find' | 'patch'>, edit: EditedText): Promise<Undo> {
  for (let attempt = 1; ; attempt++) {
    const live = await client.find(edit.kind, edit.key);
    if (live === undefined || live.metadata?.deletionTimestamp !== undefined) return { kind: 'nothing' };
    if (isUnmanaged(live) || live.metadata?.annotations?.[PAUSED_ANNOTATION] === 'true') return { kind: 'kept' };
    const operations = await operationsOf(live, edit);
    if (operations.length === 0) return { kind: 'nothing' };
    try {
      const version = { op: 'test', path: '/metadata/resourceVersion', value: live.metadata?.resourceVersion } as const;
      return { kind: 'undone', object: await client.patch(edit.kind, edit.key, [version, ...operations]) };
    } catch (error) {
      // Somebody wrote in between: perhaps it is not our value any more.
      if (!(error instanceof ConflictError || error instanceof InvalidError) || attempt === TRIES) throw error;
    }
  }
}

async function operationsOf(live: KubernetesObject, { isOurs, renderOver }: EditedText): Promise<readonly TextOperation[]> {
  const texts = textsOf(live);
  const rendered = await renderOver(live);
  // It would be edited now: somebody else has set another value.
  if (textEdit(rendered, live).differences.length > 0) return [];
  const set = textsOf(await renderOver({ ...live, data: {} } as KubernetesObject));
  return Object.entries(set).flatMap(([name, ours]) => {
    const without = isOurs || ownsText(live, name) ? textWithout(texts[name] ?? '', ours) : undefined;
    return without === undefined || without === texts[name] ? [] : [setText(name, without)];
  });
}

function setText(name: string, value: string): TextOperation {
  return { op: 'add', path: `/data/${name.replaceAll('~', '~0').replaceAll('/', '~1')}`, value };
}

function ownsText(live: KubernetesObject, name: string): boolean {
  return entriesOf(live).some(({ manager, fieldsV1 }) => {
    const data = manager === MANAGED_BY ? fieldsV1?.['f:data'] : undefined;
    return isJsonMap(data) && data[`f:${name}`] !== undefined;
  });
}
