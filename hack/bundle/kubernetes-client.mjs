/**
 * Stands in for @kubernetes/client-node in the bundle: its kubeconfig and credentials, without the 5 MB of generated API classes.
 *
 * Our own client replaces those classes. The base class of the operator names one of them when it is constructed and uses it in methods
 * that StewardOperator overrides, all of them; src/framework may import nothing else of the package (see biome.json).
 */
export { KubeConfig } from '../../node_modules/@kubernetes/client-node/dist/config.js';

/** Constructed by the base class, never called. */
export class CoreV1Api {}
