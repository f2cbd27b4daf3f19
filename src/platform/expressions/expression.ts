/**
 * An expression of the catalog, compiled and checked.
 *
 * Owns: what is known of an expression before it is evaluated, and what it is given then.
 * Invariant: pure but for look-ups; the same scope gives the same value.
 */
import type { Json } from '../json';
import type { ExpressionScope } from './expression-scope';

/** A look-up that an expression makes. What is no literal is absent. */
export interface LookUpUse {
  readonly type: 'get' | 'list' | 'has' | 'schema';
  readonly apiVersion: string;
  readonly kind: string;
  readonly namespace?: string;
  /** Only of `get`. */
  readonly name?: string;
}

/** An annotation of the anchor that an expression reads. */
export interface OptionUse {
  /** Without `platform.kubevirt.io/`. */
  readonly name: string;
  /** Absent when it is no literal. */
  readonly default?: string;
  /** A regular expression for the whole value; absent = any text. */
  readonly pattern?: string;
}

/** The variable `self`. */
export interface AssetFacts {
  readonly apiVersion: string;
  readonly name: string;
  readonly group: string;
}

export interface Expression {
  /** As written in the file. */
  readonly source: string;
  /** Variables of the context that it reads, such as `hco` or `hardware`. What it reads with `option` and `enabled` stands in `options`. */
  readonly reads: ReadonlySet<string>;
  readonly lookUps: readonly LookUpUse[];
  readonly options: readonly OptionUse[];
  /**
   * @returns `undefined` for null and `optional.none()`.
   * @throws {ExpressionError} when the expression fails; what a look-up failed with is its cause.
   */
  evaluate(scope: ExpressionScope): Promise<Json | undefined>;
}
