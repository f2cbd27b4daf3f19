/** The Lease that the replicas of the manager compete for, in the namespace they run in. */
export const MANAGER_LEASE = 'virt-steward-manager';
