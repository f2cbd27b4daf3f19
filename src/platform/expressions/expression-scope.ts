/** What the expressions of one rendering may know, in the form that the language wants. */
import type { AssetContext } from '../context/asset-context';
import type { Json, JsonMap } from '../json';
import { DOMAIN } from '../keys';
import { type CelValue, celValueOf } from './cel-values';
import type { AssetFacts } from './expression';
import { ExpressionError } from './expression-error';
import { HARDWARE, OPERATOR, SELF, SETTINGS, TOPOLOGY } from './facts';
import { LookUpMemo } from './look-up-memo';

export interface ScopeFacts {
  readonly context: AssetContext;
  readonly self?: AssetFacts;
  readonly params?: JsonMap;
  /** Absent outside of `forEach`. */
  readonly item?: Json;
  /** Text by path below the folder of files. */
  readonly files?: ReadonlyMap<string, string>;
}

/** The variable `cluster`: the receiver of look-ups. */
export class ClusterValue {
  constructor(readonly memo: LookUpMemo) {}
}

/** No expression can name it. */
export const SCOPE_VARIABLE = '$scope';

const NO_SELF: AssetFacts = { apiVersion: '', name: '', group: '' };
const NOTHING: JsonMap = {};

/** One scope serves one rendering: its look-ups are answered once. */
export class ExpressionScope {
  readonly lookUps: LookUpMemo;
  /** By name; the expressions that are evaluated next see what was added. */
  readonly variables: Readonly<Record<string, CelValue>>;
  private readonly vars = new Map<string, CelValue>();
  private readonly annotations: Readonly<Record<string, unknown>>;
  private readonly files: ReadonlyMap<string, string>;

  constructor({ context, self = NO_SELF, params = NOTHING, item, files = new Map() }: ScopeFacts) {
    this.files = files;
    this.lookUps = new LookUpMemo(context.cluster);
    this.annotations = annotationsOf(context.anchor);
    this.variables = Object.assign(Object.create(null) as Record<string, CelValue>, {
      hco: celValueOf(context.hco),
      anchor: celValueOf(context.anchor),
      settings: SETTINGS.valueFor(context.settings),
      hardware: HARDWARE.valueFor(context.hardware),
      topology: TOPOLOGY.valueFor(context.topology),
      images: celValueOf(context.images),
      operator: OPERATOR.valueFor(context.operator),
      cluster: new ClusterValue(this.lookUps),
      params: celValueOf(params),
      vars: this.vars,
      self: SELF.valueFor(self),
      ...(item === undefined ? {} : { item: celValueOf(item) }),
      [SCOPE_VARIABLE]: this,
    });
  }

  /** Makes a value known as `vars.<name>`. */
  define(name: string, value: CelValue): void {
    this.vars.set(name, value);
  }

  /** An annotation of the anchor without blanks around it. @returns `undefined` when there is none, or a blank one. */
  option(name: string): string | undefined {
    const value = this.annotations[DOMAIN + name];
    const text = typeof value === 'string' ? value.trim() : '';
    return text === '' ? undefined : text;
  }

  file(path: string): string {
    const text = this.files.get(path);
    if (text === undefined) throw new ExpressionError(`there is no file ${path}`);
    return text;
  }
}

function annotationsOf(anchor: JsonMap): Readonly<Record<string, unknown>> {
  const metadata = anchor['metadata'] as JsonMap | undefined;
  const annotations = metadata?.['annotations'];
  return Object.assign(Object.create(null) as Record<string, unknown>, annotations);
}
