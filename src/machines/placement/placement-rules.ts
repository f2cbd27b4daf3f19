/**
 * Which cluster a Machine belongs to: the rules, pure.
 *
 * Owns: the order of the rules and every text about a failed placement. Never: contacts a cluster, writes, or guesses.
 * Invariant: a recorded placement always wins; no outcome names two clusters; without an outcome there is no virtual machine.
 */
import { OperatorError } from '../../framework';
import type { ApiProfile } from '../profile';

export type PlacementRule = 'Recorded' | 'Spec' | 'Annotation' | 'Default' | 'Single' | 'Search';

/** Rules that decide without anybody having named the cluster on the Machine: the annotation is written then, and people are told. */
export const AUTOMATIC_RULES: ReadonlySet<PlacementRule> = new Set(['Default', 'Single', 'Search']);

export interface PlacementInputs {
  /** `namespace/name` of the Machine. */
  readonly machine: string;
  readonly profile: ApiProfile;
  /** Where KubevirtConfigs are looked for, for the text. */
  readonly configNamespace: string;
  /** Cluster key of the record. */
  readonly recorded: string | undefined;
  /** Outcome of looking up `spec.kubevirtConfigRef`. */
  readonly spec: Reference | undefined;
  /** Outcome of looking up the annotation. */
  readonly annotation: Reference | undefined;
  /** Outcome of looking up the default of the operator. */
  readonly fallback: Reference | undefined;
  /** Cluster keys of configs that are not being deleted, sorted; an error when they cannot be listed. */
  readonly candidates: readonly string[] | Error;
}

/** A reference as it was written, and the cluster key it leads to; or why it leads to none. */
export type Reference =
  | { readonly wanted: string; readonly key: string }
  | {
      readonly wanted: string;
      readonly key: undefined;
      readonly problem: string;
      /** Keys that it means all the same: of a config that is gone, or of several with the name. */
      readonly meant: readonly string[];
    };

/** Reasons of the condition `Placed` where it is not True. */
export const PLACEMENT_PROBLEMS = [
  'KubevirtConfigError',
  'NoKubevirtConfigs',
  'AmbiguousPlacement',
  'DuplicateVirtualMachine',
  'SearchIncomplete',
  'ListFailed',
] as const;
export type PlacementProblem = (typeof PLACEMENT_PROBLEMS)[number];

export type PlacementDecision =
  | {
      readonly type: 'placed';
      readonly key: string;
      readonly rule: PlacementRule;
      /** The annotation is absent and has to be written. */
      readonly needsAnnotation: boolean;
      /** Clusters that could not be searched. */
      readonly unsearched: readonly string[];
      /** What names another config than the record: is neither followed nor overwritten. */
      readonly refused: RefusedChange | undefined;
    }
  | { readonly type: 'search'; readonly candidates: readonly string[] }
  | Unplaced;

export interface Unplaced {
  readonly type: 'unplaced';
  readonly problem: PlacementProblem;
  readonly text: string;
  /** Nothing is wrong that somebody has to mend: it passes by itself. */
  readonly waiting: boolean;
}

export interface RefusedChange {
  /** As people write it: `spec.kubevirtConfigRef`, or the annotation. */
  readonly field: 'spec.kubevirtConfigRef' | 'annotation vitistack.io/kubevirt-config';
  readonly wanted: string;
}

/** What the search found on one cluster. */
export type SearchAnswer = 'found' | 'absent' | 'unreachable';

/** The Machine cannot be placed, or not yet. */
export class PlacementError extends OperatorError {
  readonly waiting: boolean;

  constructor({ problem, text, waiting }: Unplaced) {
    super('PLACEMENT', text, { reason: problem });
    this.waiting = waiting;
  }
}

/** Rules 0 to 3; says `search` when rule 4 has to decide. */
export function decidePlacement(inputs: PlacementInputs): PlacementDecision {
  const { recorded, spec, annotation, fallback, candidates } = inputs;
  const needsAnnotation = annotation === undefined;
  if (recorded !== undefined) {
    return { ...placed(recorded, 'Recorded', needsAnnotation), refused: refusedChange(recorded, spec, annotation) };
  }
  if (spec !== undefined) return byReference(spec, 'Spec', needsAnnotation, annotation);
  if (annotation !== undefined) return byReference(annotation, 'Annotation', false);
  if (fallback !== undefined) return byReference(fallback, 'Default', true);
  if (candidates instanceof Error) {
    return unplaced('ListFailed', `${unreferenced(inputs)} and failed to list available configs: ${candidates.message}`, true);
  }
  if (candidates.length === 0) {
    const where = inputs.profile === 'first' ? ` in namespace ${inputs.configNamespace}` : '';
    return unplaced('NoKubevirtConfigs', `${unreferenced(inputs)} and no KubevirtConfigs are available${where}`);
  }
  const [only, ...others] = candidates;
  return others.length === 0 ? placed(only!, 'Single', true) : { type: 'search', candidates };
}

/**
 * Rule 4, from the answers of all candidates.
 * @param unidentified clusters with the machine of which nobody knows whether they are one.
 */
export function decideSearch(
  inputs: PlacementInputs,
  answers: ReadonlyMap<string, SearchAnswer>,
  vm: string,
  unidentified: readonly string[] = [],
): PlacementDecision {
  const keysOf = (wanted: SearchAnswer): string[] =>
    [...answers]
      .filter(([, answer]) => answer === wanted)
      .map(([key]) => key)
      .sort();
  const found = keysOf('found');
  const unsearched = [...keysOf('unreachable'), ...unidentified].sort();
  const available = `${unreferenced(inputs)} and ${answers.size} configs are available - cannot determine placement`;
  const remedy = "Please set annotation 'vitistack.io/kubevirt-config'";
  if (found.length === 1) return { ...placed(found[0]!, 'Search', true), unsearched };
  if (found.length > 1 && unidentified.length === 0) {
    const where = `VirtualMachine ${vm} exists on ${found.length} clusters (${found.join(', ')})`;
    return unplaced('DuplicateVirtualMachine', `${unreferenced(inputs)} and ${where} - cannot determine placement. ${remedy}`);
  }
  if (unsearched.length === 0) {
    return unplaced('AmbiguousPlacement', `${available}. ${remedy} or DEFAULT_KUBEVIRT_CONFIG env var`);
  }
  const text = `${available}: could not search ${unsearched.join(', ')}. ${remedy} or wait until they are reachable`;
  return unplaced('SearchIncomplete', text, true);
}

/** Message of the condition `PlacementImmutable`. */
export function refusedChangeText(machine: string, placed: string, { field, wanted }: RefusedChange): string {
  return `machine ${machine} is placed on KubevirtConfig ${placed}; changing ${field} to ${wanted} is not supported. Restore ${placed}, or delete the Machine and create it anew`;
}

type Placed = Extract<PlacementDecision, { type: 'placed' }>;

function placed(key: string, rule: PlacementRule, needsAnnotation: boolean): Placed {
  return { type: 'placed', key, rule, needsAnnotation, unsearched: [], refused: undefined };
}

function byReference(reference: Reference, rule: PlacementRule, needsAnnotation: boolean, annotation?: Reference): PlacementDecision {
  if (reference.key === undefined) return unplaced('KubevirtConfigError', reference.problem);
  return { ...placed(reference.key, rule, needsAnnotation), refused: refusedChange(reference.key, undefined, annotation) };
}

function refusedChange(key: string, spec: Reference | undefined, annotation: Reference | undefined): RefusedChange | undefined {
  if (spec !== undefined && !means(spec, key)) return { field: 'spec.kubevirtConfigRef', wanted: spec.wanted };
  if (annotation !== undefined && !means(annotation, key)) {
    return { field: 'annotation vitistack.io/kubevirt-config', wanted: annotation.wanted };
  }
  return undefined;
}

function means(reference: Reference, key: string): boolean {
  return reference.key === undefined ? reference.meant.includes(key) : reference.key === key;
}

function unplaced(problem: PlacementProblem, text: string, waiting = false): Unplaced {
  return { type: 'unplaced', problem, text, waiting };
}

function unreferenced({ machine }: PlacementInputs): string {
  return `machine ${machine} has no KubevirtConfig reference`;
}
