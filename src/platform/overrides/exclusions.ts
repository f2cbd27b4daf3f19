/**
 * Objects that the administrator has taken out: the anchor's annotation `platform.kubevirt.io/disabled-resources`.
 *
 * Owns: reading the rules, what they match, and which count while the text cannot be read. Never: touches an object.
 * Invariant: a typing error never lets us write to an object that was excluded before it.
 */
import { parseDocument } from 'yaml';
import { isJsonMap, type Json, type JsonMap } from '../json';
import { type Glob, parseGlob } from './glob';

const MAX_BYTES = 64 * 1024;
const MAX_RULES = 500;
const MEMBERS: readonly string[] = ['kind', 'name', 'namespace', 'group'];

export interface Identity {
  readonly group: string;
  readonly kind: string;
  /** Empty for cluster-scoped kinds. */
  readonly namespace: string;
  readonly name: string;
}

interface ExclusionRule {
  readonly kind: string;
  /** `undefined` = any. */
  readonly group: string | undefined;
  readonly name: Glob;
  /** `undefined` = any, cluster scope included. */
  readonly namespace: Glob | undefined;
}

export interface ExclusionRules {
  readonly kind: 'rules';
  readonly rules: readonly ExclusionRule[];
  /** One sentence for each rule that does not count, or not with everything in it. */
  readonly problems: readonly string[];
}

export type ParsedExclusions = ExclusionRules | { readonly kind: 'unreadable'; readonly problem: string };

const NO_RULES: ExclusionRules = { kind: 'rules', rules: [], problems: [] };

export function parseExclusions(text: string | undefined): ParsedExclusions {
  if (text === undefined || text.trim() === '') return NO_RULES;
  if (Buffer.byteLength(text) > MAX_BYTES) return { kind: 'unreadable', problem: `the text is longer than ${MAX_BYTES} bytes` };
  const list = yamlValue(text);
  if ('problem' in list) return { kind: 'unreadable', problem: list.problem };
  const { value } = list;
  if (value === null) return NO_RULES;
  if (!Array.isArray(value)) return { kind: 'unreadable', problem: 'it is no list of rules, such as "- {kind: ConfigMap, name: my-*}"' };
  if (value.length > MAX_RULES) return { kind: 'unreadable', problem: `it has ${value.length} rules; allowed: at most ${MAX_RULES}` };
  const rules: ExclusionRule[] = [];
  const problems: string[] = [];
  for (const [index, raw] of (value as readonly Json[]).entries()) {
    const rule = ruleOf(raw);
    if ('problem' in rule) problems.push(`rule ${index + 1}: ${rule.problem}`);
    else {
      rules.push(rule);
      const unknown = Object.keys(raw as JsonMap).find((member) => !MEMBERS.includes(member));
      // It may have been meant to narrow the rule down, but an exclusion is not lost by a typing error.
      if (unknown !== undefined)
        problems.push(
          `rule ${index + 1}: ${JSON.stringify(unknown.slice(0, 64))} is not known; allowed: ${MEMBERS.join(', ')}; the rule counts without it`,
        );
    }
  }
  return { kind: 'rules', rules, problems };
}

function yamlValue(text: string): { readonly value: Json } | { readonly problem: string } {
  try {
    const document = parseDocument(text, { uniqueKeys: true, merge: false, version: '1.2', logLevel: 'silent' });
    const [error] = document.errors;
    if (error !== undefined) return { problem: `it is no YAML: ${error.message.split('\n')[0]}` };
    return { value: document.toJS({ maxAliasCount: 100 }) as Json };
  } catch (error) {
    return { problem: `it is no YAML: ${(error as Error).message.split('\n')[0]}` };
  }
}

function ruleOf(raw: Json): ExclusionRule | { readonly problem: string } {
  if (!isJsonMap(raw)) return { problem: 'it is no map with kind and name' };
  const { kind, name, namespace = null, group = null } = raw;
  if (typeof kind !== 'string' || kind.trim() === '') return { problem: 'kind is missing' };
  if (typeof name !== 'string' || name.trim() === '') return { problem: 'name is missing; "*" means all' };
  if (group !== null && typeof group !== 'string') return { problem: 'group is no text' };
  if (namespace !== null && typeof namespace !== 'string') return { problem: 'namespace is no text' };
  try {
    return {
      kind: kind.trim(),
      group: group === null ? undefined : group.trim(),
      name: parseGlob(name.trim()),
      namespace: namespace === null || namespace.trim() === '' ? undefined : parseGlob(namespace.trim()),
    };
  } catch (error) {
    return { problem: (error as Error).message };
  }
}

export function matchesRule({ rules }: ExclusionRules, { group, kind, namespace, name }: Identity): boolean {
  return rules.some(
    (rule) =>
      rule.kind === kind &&
      (rule.group === undefined || rule.group === group) &&
      rule.name.matches(name) &&
      // Of the globs for names of namespaces, only those that match anything match the absence of one.
      (rule.namespace?.matches(namespace) ?? true),
  );
}

/** What holds for one object now. */
export type ExclusionVerdict =
  | { readonly kind: 'included' }
  | { readonly kind: 'excluded' }
  /** Nothing may be written to any object: whether this one is excluded cannot be known. */
  | { readonly kind: 'unknown'; readonly problem: string };

/**
 * The rules in force, over changes of the annotation: the last that could be read stay while the newest cannot.
 *
 * Memory only: after a restart with a text that cannot be read, nothing is known, and so nothing is written.
 */
export class Exclusions {
  private text: string | undefined;
  private inForce: ExclusionRules | undefined;
  private failure: string | undefined;
  private hasRead = false;

  /** @param text of the annotation of the anchor as it is now. @returns whether anything may have changed. */
  update(text: string | undefined): boolean {
    if (this.hasRead && text === this.text) return false;
    this.hasRead = true;
    this.text = text;
    const parsed = parseExclusions(text);
    this.failure = parsed.kind === 'unreadable' ? parsed.problem : undefined;
    if (parsed.kind === 'rules') this.inForce = parsed;
    return true;
  }

  /** Why the newest text, or a part of it, does not count; empty = all of it does. */
  get problems(): readonly string[] {
    return this.failure === undefined ? (this.inForce?.problems ?? []) : [this.failure];
  }

  /** Whether the newest text could be read as a whole. */
  get isReadable(): boolean {
    return this.failure === undefined;
  }

  verdict(identity: Identity): ExclusionVerdict {
    if (this.inForce === undefined) {
      return this.failure === undefined ? { kind: 'included' } : { kind: 'unknown', problem: this.failure };
    }
    return { kind: matchesRule(this.inForce, identity) ? 'excluded' : 'included' };
  }
}
