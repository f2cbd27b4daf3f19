/**
 * Flags and variables of a manager, read off the Deployment that runs it.
 *
 * Owns: what Kubernetes makes of a container's command, arguments and environment: references, `$(NAME)`, and which of several counts.
 * Never: reads a Secret; what comes from one, or is built from what is not known, is named and left out. Judges no value.
 */
import { ConfigMap, type Deployment, type FlagDefinition, type FlagValues } from '../../framework';
import type { ClusterView } from '../../kubevirt/diagnosis/cluster-view';
import { IMAGE_VARIABLE_PREFIX } from '../../platform/context/images';
import { MANAGER_FLAGS } from '../manager-flags';
import { MODULE_DEFINITIONS } from '../module-settings';

/** Everything that a manager takes. */
export const MANAGER_DEFINITIONS = [...MANAGER_FLAGS, ...MODULE_DEFINITIONS] as const;
export type ManagerSettingKey = (typeof MANAGER_DEFINITIONS)[number]['key'];

export interface ManagerContainer {
  readonly flags: FlagValues<ManagerSettingKey>;
  readonly variables: Readonly<Record<string, string>>;
  /** What counts for the manager and is not known here, each with its reason. */
  readonly unread: readonly string[];
}

interface Reference {
  readonly name?: string;
  readonly key?: string;
  readonly optional?: boolean;
}
interface Variable {
  readonly name: string;
  readonly value?: string;
  readonly valueFrom?: {
    readonly configMapKeyRef?: Reference;
    readonly secretKeyRef?: Reference;
    readonly fieldRef?: { readonly fieldPath?: string };
  };
}
interface Container {
  readonly name: string;
  readonly command?: readonly string[];
  readonly args?: readonly string[];
  readonly env?: readonly Variable[];
  readonly envFrom?: readonly { readonly prefix?: string; readonly configMapRef?: Reference; readonly secretRef?: Reference }[];
}

/** A text after references, and why it is not known where it is not. */
interface Word {
  readonly text: string;
  readonly why?: string | undefined;
}

export async function managerContainer(view: ClusterView, { metadata, spec }: Deployment): Promise<ManagerContainer> {
  const template = spec?.['template'] as { spec?: { containers?: readonly Container[] } } | undefined;
  const containers = template?.spec?.containers ?? [];
  const container = containers.find(({ name }) => name === 'manager') ?? containers[0] ?? { name: '' };
  const environment = new ContainerEnvironment(view, metadata?.namespace ?? '', referencesIn(container));
  await environment.read(container);
  const words = [...(container.command ?? []), ...(container.args ?? [])].map((word) => environment.expanded(word));
  const { flags, hidden, unread } = flagsIn(words);
  // A flag that is not known counts before its variable all the same.
  const variables = Object.fromEntries(Object.entries(environment.variables).filter(([name]) => !hidden.has(name)));
  return { flags, variables, unread: [...environment.unread, ...unread] };
}

class ContainerEnvironment {
  readonly variables: Record<string, string> = {};
  readonly unread: string[] = [];
  /** Variables that are set to what is not known, with where that comes from. */
  private readonly unknown = new Map<string, string>();
  /** Objects of which nobody knows what variables they set. */
  private readonly closed: string[] = [];

  constructor(
    private readonly view: ClusterView,
    private readonly namespace: string,
    private readonly references: ReadonlySet<string>,
  ) {}

  /** Single variables come after whole objects and count before them. */
  async read({ env = [], envFrom = [] }: Container): Promise<void> {
    for (const { prefix = '', configMapRef, secretRef } of envFrom) {
      if (secretRef !== undefined) this.close(`Secret ${secretRef.name}`);
      if (configMapRef === undefined) continue;
      const data = await this.dataOf(configMapRef);
      if (data instanceof Unreadable) this.close(data.why);
      else for (const [name, value] of Object.entries(data)) this.variables[`${prefix}${name}`] = value;
    }
    for (const variable of env) {
      const { name, valueFrom } = variable;
      // Nothing here depends on it, so nobody is asked.
      if (valueFrom?.configMapKeyRef !== undefined && !isSetting(name) && !this.references.has(name)) continue;
      const word = await this.wordOf(variable);
      if (word === undefined) continue;
      delete this.variables[name];
      this.unknown.delete(name);
      if (word.why === undefined) this.variables[name] = word.text;
      else this.unknown.set(name, word.why);
    }
    this.unread.push(...[...this.unknown].filter(([name]) => isSetting(name)).map(([, why]) => why));
  }

  /** As the kubelet does it: `$(NAME)` of a variable that is known, `$$(NAME)` for the text itself. */
  expanded(text: string): Word {
    const whys = new Set<string>();
    const expanded = text.replace(REFERENCE, (found, name: string | undefined) => {
      if (name === undefined) return '$';
      if (Object.hasOwn(this.variables, name)) return this.variables[name] ?? found;
      const why = this.unknown.get(name) ?? (this.closed.length === 0 ? undefined : `${name}, perhaps of ${this.closed.join(', ')}`);
      if (why !== undefined) whys.add(why);
      return found;
    });
    return { text: expanded, why: whys.size === 0 ? undefined : [...whys].join(', ') };
  }

  /** @returns `undefined`: it sets nothing. */
  private async wordOf({ name, value, valueFrom }: Variable): Promise<Word | undefined> {
    if (valueFrom === undefined) {
      const { text, why } = this.expanded(value ?? '');
      return { text, why: why === undefined ? undefined : `${name} (${why})` };
    }
    const { configMapKeyRef, secretKeyRef, fieldRef } = valueFrom;
    if (fieldRef?.fieldPath === 'metadata.namespace') return { text: this.namespace };
    if (configMapKeyRef === undefined) {
      const field = fieldRef === undefined ? '' : ` of field ${fieldRef.fieldPath}`;
      return { text: '', why: `${name}${secretKeyRef === undefined ? field : ` of Secret ${secretKeyRef.name}`}` };
    }
    const data = await this.dataOf(configMapKeyRef);
    if (data instanceof Unreadable) return { text: '', why: `${name} of ${data.why}` };
    const text = data[configMapKeyRef.key ?? ''];
    if (text !== undefined) return { text };
    return configMapKeyRef.optional === true
      ? undefined
      : { text: '', why: `${name} of ConfigMap ${configMapKeyRef.name}, which has no such key` };
  }

  private close(what: string): void {
    this.closed.push(what);
    this.unread.push(`variables of ${what}`);
  }

  private async dataOf({ name = '', optional }: Reference): Promise<Readonly<Record<string, string>> | Unreadable> {
    const found = await this.view.get(ConfigMap, name, this.namespace);
    if (found.kind === 'read') return found.value.data ?? {};
    if (found.kind === 'absent') return optional === true ? {} : new Unreadable(`ConfigMap ${name}, which does not exist`);
    return new Unreadable(`ConfigMap ${name} (${found.kind === 'denied' ? `you may not ${found.right}` : found.text})`);
  }
}

/** A class, so that no key of a ConfigMap is taken for it. */
class Unreadable {
  constructor(readonly why: string) {}
}

const REFERENCE = /\$\$|\$\(([^()]*)\)/g;
const KNOWN_VARIABLES: ReadonlySet<string> = new Set(MANAGER_DEFINITIONS.map(({ env }) => env));

/** What the manager itself reads. */
function isSetting(variable: string): boolean {
  return KNOWN_VARIABLES.has(variable) || variable.startsWith(IMAGE_VARIABLE_PREFIX);
}

/** Variables that a text of the container names. */
function referencesIn({ command = [], args = [], env = [] }: Container): ReadonlySet<string> {
  const texts = [...command, ...args, ...env.map(({ value = '' }) => value)];
  return new Set(texts.flatMap((text) => [...text.matchAll(REFERENCE)].flatMap(([, name]) => name ?? [])));
}

interface Flags {
  readonly flags: FlagValues<ManagerSettingKey>;
  /** Variables that do not count, as the flag before them is not known. */
  readonly hidden: ReadonlySet<string>;
  readonly unread: readonly string[];
}

/** `--flag=value`, `--flag value`, and the bare flag of a switch; the last one counts, unless a flag is repeatable. */
function flagsIn(words: readonly Word[]): Flags {
  const flags: Partial<Record<ManagerSettingKey, string | true>> = {};
  const whys = new Map<ManagerSettingKey, string>();
  const unread: string[] = [];
  let isTaken = false;
  for (const [index, { text, why }] of words.entries()) {
    const isValue = isTaken;
    isTaken = false;
    const [, flag, value] = /^(--[^=]+)(?:=([\s\S]*))?$/.exec(text) ?? [];
    const definition = MANAGER_DEFINITIONS.find((candidate) => candidate.flag === flag);
    if (definition === undefined) {
      // It could be any flag, once it is known.
      if (!isValue && why !== undefined && text.startsWith('$')) unread.push(`the argument ${text} (${why})`);
      continue;
    }
    const { isSwitch = false, isRepeatable = false }: FlagDefinition = definition;
    const next = words[index + 1];
    isTaken = value === undefined && (!isSwitch || next?.text === 'true' || next?.text === 'false' || isUnknownValue(next));
    const given = value ?? (isTaken ? (next?.text ?? '') : true);
    const whyNot = isTaken ? next?.why : why;
    const { key } = definition;
    const before = flags[key];
    flags[key] = isRepeatable && before !== undefined ? `${before},${given}` : given;
    if (whyNot !== undefined) whys.set(key, whyNot);
    else if (!isRepeatable) whys.delete(key);
  }
  const hidden = new Set<string>();
  for (const { key, flag, env } of MANAGER_DEFINITIONS.filter((definition) => whys.has(definition.key))) {
    delete flags[key];
    hidden.add(env);
    unread.push(`${flag} (${whys.get(key)})`);
  }
  return { flags, hidden, unread };
}

function isUnknownValue(word: Word | undefined): boolean {
  return word?.why !== undefined && !word.text.startsWith('--');
}
