/** What the environment decides. */

/** Where we run; in a pod from the downward API. */
export const NAMESPACE = process.env['POD_NAMESPACE'] ?? 'acme-steward';
export const HEALTH_ADDRESS = process.env['HEALTH_PROBE_BIND_ADDRESS'] ?? ':8081';
export const LEASE = 'acme-steward';
