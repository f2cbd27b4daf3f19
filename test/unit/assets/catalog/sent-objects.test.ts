import { expect } from 'chai';
import { defineKind, type Kind, type KubernetesObject, nullLogger } from '../../../../src/framework';
import { FakeClock } from '../../../../src/framework/testing';
import { Baseline } from '../../../../src/platform/baseline/baseline';
import { CatalogRenderer } from '../../../../src/platform/catalog';
import { activationOf } from '../../../../src/platform/context/activation';
import { MODE_ANNOTATION, PATCH_ANNOTATION } from '../../../../src/platform/keys';
import { Exclusions } from '../../../../src/platform/overrides/exclusions';
import { parsePointer } from '../../../../src/platform/overrides/json-pointer';
import { type PreviewRow, previewCatalog } from '../../../../src/platform/preview';
import { Throttle } from '../../../../src/platform/throttling/throttle';
import { anHco, CATALOG, contextOf, type Sample } from '../../../harness/catalog-sample';
import { SAMPLES } from '../../../harness/catalog-samples';

const CLUSTERS: Readonly<Record<string, Sample>> = {
  'nothing-asked-for': SAMPLES['nothing-asked-for']!,
  'everything-compact': SAMPLES['everything-compact']!,
  'kubevirt-alone': SAMPLES['kubevirt-alone']!,
};
const RENDERER = new CatalogRenderer(CATALOG);
const kindOf = (apiVersion: string, kind: string): Kind => defineKind(apiVersion, kind, `${kind.toLowerCase()}s`, { scope: 'Namespaced' });

/** What is there: the anchor, and an object that the user patched and one that he took for himself. */
function liveOf({ anchor = anHco() }: Sample) {
  const changed: Readonly<Record<string, Record<string, string>>> = {
    'forklift-controller': { [PATCH_ANNOTATION]: '[{"op":"replace","path":"/spec/feature_validation","value":"false"}]' },
    metallb: { [MODE_ANNOTATION]: 'unmanaged' },
  };
  return async ({ apiVersion, kind }: Kind, key: string): Promise<KubernetesObject | undefined> => {
    const [namespace, name] = key.includes('/') ? (key.split('/') as [string, string]) : ['', key];
    if (kind === anchor.kind && name === anchor.metadata?.name) return anchor;
    const annotations = changed[name];
    return annotations === undefined ? undefined : { apiVersion, kind, metadata: { name, namespace, annotations } };
  };
}

describe('what render prints', () => {
  for (const [name, sample] of Object.entries(CLUSTERS)) {
    it(`is byte for byte what the manager sends on the cluster ${name}`, async () => {
      const clock = new FakeClock();
      const context = contextOf(sample);
      const activation = activationOf('', 'always', []);
      const live = liveOf(sample);
      const rows = await previewCatalog({
        ...{ catalog: CATALOG, context, activation, exclusions: new Exclusions(), clock, kindOf },
        reads: { get: live, schemaOf: async () => undefined },
        namespaceState: async () => 'active',
      });
      const baseline = new Baseline({
        throttle: new Throttle({ capacity: 1_000, windowMs: 1_000, clock }),
        rollout: { admit: () => ({ open: true }), wrote: () => undefined, ended: () => false },
        events: { normal: () => undefined, warning: () => undefined },
        counters: { dryRun: () => undefined, applied: () => undefined, thrashing: () => undefined },
        ...{ clock, log: nullLogger },
      });
      const inSync = new Set(rows.filter(({ status }) => status === 'INCLUDED').map(({ asset }) => asset.name));
      const inputs = { context, activation, isInSync: (asset: string) => inSync.has(asset) };

      let compared = 0;
      for (const row of rows.filter(isSent)) {
        const sent: string[] = [];
        const rendering = await RENDERER.render(row.key, inputs);
        if (rendering.kind !== 'object') throw new Error(`${row.key}: ${JSON.stringify(rendering)}`);
        const { adopt, create, strategy, isNodeLevel, position } = row.asset;
        const fill = rendering.fill.map((text) => parsePointer(text)) as Extract<ReturnType<typeof parsePointer>, readonly string[]>[];
        await baseline.run({
          ...{ key: row.key, kind: kindOf(rendering.object.apiVersion, rendering.object.kind), rendered: rendering.object },
          ...{ isFull: true, cached: undefined, namespaceState: () => 'active', exclusion: { kind: 'included' } },
          asset: { adopt, create, strategy, isNodeLevel, position, fill },
          api: {
            get: live,
            apply: async (_kind, object) => {
              sent.push(JSON.stringify(object));
              return object;
            },
            patch: async () => ({}),
            pause: async () => ({}),
          },
        });
        expect(new Set(sent), row.key).to.deep.equal(new Set([JSON.stringify(row.object)]));
        compared += 1;
      }
      expect(compared).to.be.greaterThan(3);
      const patched = rows.find(({ object }) => object?.metadata?.name === 'forklift-controller')?.object as { spec?: object } | undefined;
      expect(patched?.spec).to.include({ feature_validation: 'false' });
      expect(rows.find(({ identity }) => identity.endsWith('/metallb'))?.status).to.equal('UNMANAGED');
    });
  }
});

function isSent({ status, asset }: PreviewRow): boolean {
  return status === 'INCLUDED' && asset.into === undefined && asset.strategy === 'apply';
}
