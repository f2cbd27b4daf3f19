/** The door to what tests of the machines module, and of packages that extend it, stand on. */
export type { CallOptions, ClientManager, KubernetesClient, MachineClient, RestConfig } from '../clusters/client-manager';
export { MockClientManager } from './mock-client-manager';
