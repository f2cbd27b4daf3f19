export { leaseCheck, renewalCheck } from './leader-checks';
export {
  type CompiledLeaderElectionOptions,
  compileLeaderElectionOptions,
  type LeaderElectionOptions,
} from './leader-options';
export { type LeaderMetrics, type LeaderStatus, LeaseElector, type LeaseElectorOptions } from './lease-elector';
export { ApiLeaseStore } from './lease-store';
