/** Renders a key as if look-ups had read exactly one state of its object: for texts that are edited, not owned. */
import type { KubernetesObject } from '../../framework';
import type { CatalogRenderer, RenderInputs } from '../catalog';
import type { LookUps } from '../context/asset-context';

/** @throws {Error} when it renders to nothing, or cannot be rendered. */
export async function renderOver(
  renderer: CatalogRenderer,
  key: string,
  live: KubernetesObject,
  inputs: RenderInputs,
): Promise<KubernetesObject> {
  const rendering = await renderer.render(key, {
    ...inputs,
    context: { ...inputs.context, cluster: withObject(inputs.context.cluster, live) },
  });
  if (rendering.kind === 'object') return rendering.object;
  throw new Error(rendering.kind === 'failed' ? rendering.message : rendering.why);
}

function withObject(inner: LookUps, live: KubernetesObject): LookUps {
  const { apiVersion, kind, metadata: { namespace = '', name } = {} } = live;
  return {
    get: (version, of, place, called) =>
      version === apiVersion && of === kind && place === namespace && called === name
        ? Promise.resolve(live)
        : inner.get(version, of, place, called),
    list: (version, of, place) => inner.list(version, of, place),
    has: (version, of) => inner.has(version, of),
    hasResource: (resource) => inner.hasResource(resource),
    scopeOf: (version, of) => inner.scopeOf(version, of),
    schemaOf: (version, of) => inner.schemaOf(version, of),
  };
}
