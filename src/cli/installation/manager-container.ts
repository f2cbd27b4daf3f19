/**
 * Flags and variables of a manager, read off the Deployment that runs it.
 *
 * Owns: what Kubernetes makes of a container's command, arguments and environment: references, `$(NAME)`, and which of several counts.
 * Never: reads a Secret; what comes from one is named and left out. Judges no value.
 */
import { ConfigMap, type Deployment, type FlagDefinition, type FlagValues } from '../../framework';
import type { ClusterView } from '../../kubevirt/diagnosis/cluster-view';
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

export async function managerContainer(view: ClusterView, { metadata, spec }: Deployment): Promise<ManagerContainer> {
  const template = spec?.['template'] as { spec?: { containers?: readonly Container[] } } | undefined;
  const containers = template?.spec?.containers ?? [];
  const container = containers.find(({ name }) => name === 'manager') ?? containers[0];
  const environment = new ContainerEnvironment(view, metadata?.namespace ?? '');
  await environment.read(container ?? { name: '' });
  const { variables, unread } = environment;
  const words = [...(container?.command ?? []), ...(container?.args ?? [])].map((word) => expanded(word, variables));
  return { flags: flagsIn(words), variables, unread };
}

class ContainerEnvironment {
  readonly variables: Record<string, string> = {};
  readonly unread: string[] = [];

  constructor(
    private readonly view: ClusterView,
    private readonly namespace: string,
  ) {}

  /** Single variables come after whole objects and count before them. */
  async read({ env = [], envFrom = [] }: Container): Promise<void> {
    for (const { prefix = '', configMapRef, secretRef } of envFrom) {
      if (secretRef !== undefined) this.unread.push(`variables of Secret ${secretRef.name}`);
      if (configMapRef === undefined) continue;
      const data = await this.dataOf(configMapRef, `variables of ConfigMap ${configMapRef.name}`);
      for (const [name, value] of Object.entries(data ?? {})) this.variables[`${prefix}${name}`] = value;
    }
    for (const variable of env) {
      const value = await this.valueOf(variable);
      if (value === undefined) delete this.variables[variable.name];
      else this.variables[variable.name] = value;
    }
  }

  private async valueOf({ name, value, valueFrom }: Variable): Promise<string | undefined> {
    if (valueFrom === undefined) return expanded(value ?? '', this.variables);
    const { configMapKeyRef, secretKeyRef, fieldRef } = valueFrom;
    if (fieldRef?.fieldPath === 'metadata.namespace') return this.namespace;
    if (!KNOWN_VARIABLES.has(name)) return undefined;
    if (configMapKeyRef !== undefined) {
      const data = await this.dataOf(configMapKeyRef, `${name} of ConfigMap ${configMapKeyRef.name}`);
      return data?.[configMapKeyRef.key ?? ''];
    }
    this.unread.push(secretKeyRef === undefined ? name : `${name} of Secret ${secretKeyRef.name}`);
    return undefined;
  }

  private async dataOf({ name = '', optional }: Reference, what: string): Promise<Readonly<Record<string, string>> | undefined> {
    const found = await this.view.get(ConfigMap, name, this.namespace);
    if (found.kind === 'read') return found.value.data ?? {};
    if (found.kind === 'absent') {
      if (optional !== true) this.unread.push(`${what}, which does not exist`);
    } else this.unread.push(`${what} (${found.kind === 'denied' ? `you may not ${found.right}` : found.text})`);
    return undefined;
  }
}

const KNOWN_VARIABLES: ReadonlySet<string> = new Set(MANAGER_DEFINITIONS.map(({ env }) => env));

/** As the kubelet does it: `$(NAME)` of a variable that is known, `$$(NAME)` for the text itself. */
function expanded(text: string, variables: Readonly<Record<string, string>>): string {
  return text.replace(/\$\$|\$\(([^()]*)\)/g, (found, name: string | undefined) =>
    name === undefined ? '$' : Object.hasOwn(variables, name) ? (variables[name] ?? found) : found,
  );
}

/** `--flag=value`, `--flag value`, and the bare flag of a switch; the last one counts, unless a flag is repeatable. */
function flagsIn(words: readonly string[]): FlagValues<ManagerSettingKey> {
  const flags: Partial<Record<ManagerSettingKey, string | true>> = {};
  for (const [index, word] of words.entries()) {
    const [, flag, value] = /^(--[^=]+)(?:=([\s\S]*))?$/.exec(word) ?? [];
    const definition = MANAGER_DEFINITIONS.find((candidate) => candidate.flag === flag);
    if (definition === undefined) continue;
    const { isSwitch = false, isRepeatable = false }: FlagDefinition = definition;
    const next = words[index + 1];
    const given = value ?? (isSwitch && next !== 'true' && next !== 'false' ? true : (next ?? ''));
    const before = flags[definition.key];
    flags[definition.key] = isRepeatable && before !== undefined ? `${before},${given}` : given;
  }
  return flags;
}
