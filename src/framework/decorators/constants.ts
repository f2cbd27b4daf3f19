/** All reflect-metadata keys of the framework, so that no two decorators can collide. */

/** On a class: `HandlerOptions` of its own `@Handler`. */
export const HANDLER_METADATA = Symbol('virt-steward:handler');
/** On a class: `Declaration[]` of the methods decorated in that class itself, not in its bases. */
export const DECLARATIONS_METADATA = Symbol('virt-steward:declarations');
/** On a class: the virtual kind whose keys it brings. */
export const SOURCE_METADATA = Symbol('virt-steward:source');
