/** The door to the rights of the platform module. */
export { type CatalogRightsOptions, catalogRights, platformRights } from './catalog-rights';
export { contextRights } from './context-rights';
export { KindTable } from './kind-table';
