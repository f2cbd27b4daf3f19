/** What a rule about bundles is, and what it finds. */
import type { Bundle } from './bundle';

export interface Problem {
  /** In the bundle. */
  readonly path: string;
  /** Of the object; empty for the file as a whole. */
  readonly field: string;
  /** What is wrong and what is allowed. */
  readonly text: string;
}

export interface Rule {
  readonly id: string;
  /** What holds of a bundle that passes. */
  readonly title: string;
  readonly check: (bundle: Bundle) => Iterable<Problem>;
}

export interface Finding extends Problem {
  readonly id: string;
}

export function problem(path: string, field: string, text: string): Problem {
  return { path, field, text };
}

/** For example `B07 error manifests/x.yaml spec.icon: ...`. */
export function findingText({ id, path, field, text }: Finding): string {
  return `${id} error ${path}${field === '' ? '' : ` ${field}`}: ${text}`;
}
