/** Why a wake ended without a start: the closed list that answers, Events and metrics share. Scripts match these words. */
export const WAKE_REASONS = [
  'InvalidMAC',
  'InvalidEvent',
  'SourceNotAllowed',
  'PasswordMismatch',
  'SecretUnavailable',
  'VMMissing',
  'Terminating',
  'NotStartable',
  'SkippedByPolicy',
  'ManualRecoveryRequired',
  'RerunByKubeVirt',
  'AlwaysFailing',
  'Forbidden',
  'StartRefused',
  'StartTimeout',
  'StopTimeout',
  'RateLimited',
  'Overloaded',
  'ClusterUnavailable',
] as const;

export type WakeReason = (typeof WAKE_REASONS)[number];
