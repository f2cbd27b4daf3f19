/** The catalog of this process, read once when somebody first asks, and what renders it. */
import { ConfigError, inject, singleton } from '../../framework';
import { type Catalog, CatalogError, CatalogRenderer, loadCatalog } from '../catalog';
import { PLATFORM_SETTINGS, type PlatformSettings } from '../settings';

@singleton()
export class PlatformCatalog {
  readonly catalog: Catalog;
  readonly renderer: CatalogRenderer;

  /** @throws {ConfigError} with everything that is wrong with the catalog. */
  constructor(@inject(PLATFORM_SETTINGS) { assetsDirectory }: PlatformSettings) {
    this.catalog = loaded(assetsDirectory);
    this.renderer = new CatalogRenderer(this.catalog);
  }
}

function loaded(directory: string): Catalog {
  try {
    return loadCatalog(directory);
  } catch (error) {
    if (!(error instanceof CatalogError)) throw error;
    throw new ConfigError(error.message.split('\n').map((text) => ({ code: 'CATALOG', text })));
  }
}
