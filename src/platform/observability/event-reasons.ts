/**
 * Every reason of an Event of this module.
 *
 * Owns: its type, when it is told again, and what it means. Users filter by these words: one that is shipped is not renamed.
 */
export interface EventReason {
  readonly type: 'Normal' | 'Warning';
  /**
   * `happening`: every time. `state`: when a key enters it, and hourly while it lasts. `value`: once for each value that somebody wrote,
   * a Warning hourly.
   */
  readonly told: 'happening' | 'state' | 'value';
  /** Also told about the managed object. */
  readonly onObject?: true;
  /** One sentence, for the reference. */
  readonly means: string;
}

const happening = (means: string): EventReason => ({ type: 'Normal', told: 'happening', means });
const warning = (means: string, more: Partial<EventReason> = {}): EventReason => ({ type: 'Warning', told: 'state', means, ...more });
const object = { onObject: true } as const;
const value = { told: 'value' } as const;

export const EVENT_REASONS = {
  AssetApplied: happening('An object of the catalog was created.'),
  DriftCorrected: happening('An object was set back to what the catalog says.'),
  PatchApplied: { type: 'Normal', told: 'value', means: 'An annotation patches an object, and was understood.' },
  Adopted: happening('An object that existed before is looked after from now on.'),
  OwnershipMigrated: happening('Fields of the older operators became ours.'),
  OwnershipReleased: happening('Fields were given up, with their values.'),
  CRDDiscovered: happening('A kind that assets need is served now.'),
  UnmanagedMode: { type: 'Normal', told: 'value', means: 'An object is left alone because its annotation says so.' },
  AssetSkipped: { type: 'Normal', told: 'state', means: 'An asset that was wanted is not wanted any more.' },
  ReconcileSucceeded: happening('Everything that is wanted is in sync, after a change.'),
  TombstoneDeleted: happening('An object of an earlier version was deleted.'),
  ResourceRemoved: happening('An object that is not wanted any more was deleted.'),
  Resumed: happening('A paused object is looked after again.'),
  RolloutPending: { type: 'Normal', told: 'state', means: 'An object that may reboot nodes waits.' },
  RolloutReleased: happening('An object that may reboot nodes waited and was written.'),
  DriftDetected: warning('Somebody changed an object; it is being set back.', { told: 'happening', ...object }),
  Throttled: warning('An object is corrected so often that corrections wait.', object),
  ThrashingDetected: warning('Somebody else and we kept changing an object; it was paused.', { told: 'happening', ...object }),
  PauseContested: warning('Somebody keeps removing the annotation that pauses an object.', { told: 'happening' }),
  ContestedField: warning('Somebody changes an object again and again, slowly.'),
  InvalidPatch: warning('The patch of an object cannot be used; nothing is written to the object.', { ...value, ...object }),
  InvalidIgnoreFields: warning('Some of the fields to be ignored are not understood.', { ...value, ...object }),
  InvalidMode: warning('The mode of an object is not understood.', { ...value, ...object }),
  InvalidExclusions: warning('The exclusions are not understood, or some of them.', value),
  InvalidOption: warning('An option of the anchor has a value that is not allowed.', value),
  UnknownOption: warning('Nothing reads an annotation of the anchor that has our prefix.', value),
  UnknownAsset: warning('The list of what is active names something that the catalog does not have.', value),
  CRDMissing: warning('A kind that a wanted asset needs is not served.'),
  VersionNotServed: warning('A kind that a wanted asset needs is served in other versions only.'),
  RenderFailed: warning('An asset cannot be rendered.'),
  ApplyFailed: warning('An object cannot be written.'),
  SchemaMismatch: warning('The API server does not know a field of an object, or not its value.'),
  Rejected: warning('An admission webhook or policy refuses an object.'),
  DryRunUnsupported: warning('A webhook cannot be asked without a write, so that drift cannot be told.'),
  Forbidden: warning('A right is missing.'),
  NamespaceMissing: warning('The namespace of an object does not exist, or is being deleted.'),
  WaitingForDeletion: warning('An object has been waiting to be deleted for long.'),
  ForeignManager: warning('An object belongs to somebody else.'),
  ExistingKept: warning('An object existed before, and its asset does not take over objects.'),
  DuplicateIdentity: warning('Two assets render the same object; neither is written.'),
  HardwareDetectionFailed: warning('Nodes or the configuration of the cluster could not be read for long.'),
  TombstoneFailed: warning('An object of an earlier version cannot be deleted.'),
  TombstoneSkipped: warning('An object of an earlier version is not ours, or is unmanaged, and stays.'),
  OrphansPresent: warning('Objects are left behind that no asset renders any more.', value),
  AnchorAmbiguous: warning('There are several HyperConverged objects.'),
  OlderOperatorRunning: warning('An older operator still runs; nothing is applied.'),
} as const satisfies Record<string, EventReason>;

export type PlatformEventReason = keyof typeof EVENT_REASONS;

export function isKnownReason(reason: string): reason is PlatformEventReason {
  return Object.hasOwn(EVENT_REASONS, reason);
}
