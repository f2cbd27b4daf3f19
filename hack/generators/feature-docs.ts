/** What is told of features: the table for people and the records for programs. Pure. */
import type { Catalog, CatalogAsset, Feature } from '../../src/platform/catalog';
import { code, MATURITY } from './asset-docs';

/** @param page path of the page of assets; empty on that page itself. */
export function featureTable(catalog: Catalog, page: string): string[] {
  return [
    '| feature | maturity | what it gives | how it is asked for | assets |',
    '|---|---|---|---|---|',
    ...catalog.features.map((feature) => {
      const optIn = optInOf(catalog, feature);
      const asked = optIn.length === 0 ? 'always on' : optIn.map(code).join(', ');
      const assets = feature.assets.map((name) => `[${name}](${page}#${name})`).join(', ');
      return `| ${feature.name} | ${MATURITY[feature.maturity]} | ${feature.description} | ${asked} | ${assets} |`;
    }),
  ];
}

/** One record a feature, sorted as the catalog sorts them. */
export function featureRecords(catalog: Catalog): unknown[] {
  return catalog.features.map((feature) => {
    const { name, description, maturity, assets, groups, requires, recommended } = feature;
    return { name, description, maturity, optIn: optInOf(catalog, feature), assets, groups, requires, recommended };
  });
}

/** Switches, options and gates without which nothing of the feature is there; empty when something of it is always on. */
function optInOf(catalog: Catalog, feature: Feature): string[] {
  const assets = feature.assets.map((name) => catalog.assetByName(name)!);
  if (assets.some(({ install }) => install === 'always')) return [];
  return [...new Set(assets.flatMap(choicesOf))];
}

function choicesOf({ switches, when }: CatalogAsset): string[] {
  const [name] = switches;
  const options = when.flatMap(({ options }) => options.map((option) => option.name));
  const gates = when.flatMap(({ source }) =>
    [...source.matchAll(/settings\.gates\[\?"(\w+)"\]/g)].map(([, gate]) => `feature gate ${gate}`),
  );
  const asked = options.filter((option) => !switches.some((one) => option === `enable-${one}`));
  return [
    ...(name === undefined ? [] : [`enable-${name}: "true"`]),
    ...gates,
    ...asked.map((option) => (option.startsWith('enable-') ? `${option}: "true"` : option)),
  ];
}
