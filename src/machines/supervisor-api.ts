/**
 * What the supervisor cluster serves of our API: profile, compatibility, and which fields its schemas keep.
 *
 * Owns: what follows from the installed CRDs; told by watch, so that a mended CRD counts at once. Never: writes a CRD.
 * Invariant: where a CRD is missing or cannot be used, `problem` says so and nothing is worked on.
 */
import { type Condition, type CustomResourceDefinition, inject, singleton } from '../framework';
import { type ApiProfile, profileOf } from './profile';
import { configNamespace, MACHINES_SETTINGS, type MachinesSettings } from './settings';

export const OUR_CRDS = ['machines', 'kubevirtconfigs', 'networkconfigurations'] as const;
export type OurCrd = (typeof OUR_CRDS)[number];
export const OUR_GROUP = 'vitistack.io';
const VERSION = 'v1alpha1';
export const OUR_API = `${OUR_GROUP}/${VERSION}`;

/** The part of a schema that says which fields are kept. */
interface Schema {
  readonly properties?: Readonly<Record<string, Schema>>;
  readonly items?: Schema;
  readonly 'x-kubernetes-preserve-unknown-fields'?: boolean;
}

/** A CRD with what matters here. */
export interface Definition extends CustomResourceDefinition {
  spec?: CustomResourceDefinition['spec'] & {
    scope?: 'Namespaced' | 'Cluster';
    versions: {
      name: string;
      served: boolean;
      storage: boolean;
      subresources?: { status?: object };
      schema?: { openAPIV3Schema?: Schema };
    }[];
  };
  status?: { conditions?: Condition[]; storedVersions?: string[] };
}

@singleton()
export class SupervisorApi {
  private readonly definitions = new Map<OurCrd, Definition>();
  private readonly listeners = new Set<() => void>();
  /** Answers of `keeps`, which is asked for every field of every status. */
  private readonly kept = new Map<string, boolean>();

  constructor(@inject(MACHINES_SETTINGS) private readonly settings: MachinesSettings) {}

  get profile(): ApiProfile {
    return profileOf(this.settings.profile, this.definitions.get('kubevirtconfigs')?.spec?.scope);
  }

  /** Namespace in which names of KubevirtConfigs stand alone; empty in the second profile. */
  get home(): string {
    return configNamespace(this.settings, this.profile);
  }

  /** None of the CRDs is installed: a cluster that has no use for the module, or not yet. */
  get isAbsent(): boolean {
    return this.definitions.size === 0;
  }

  /** Why nothing can be worked on; `undefined` = it can. */
  get problem(): string | undefined {
    const missing = OUR_CRDS.filter((crd) => !this.definitions.has(crd));
    if (missing.length > 0) {
      return `missing required CRDs/resources: ${missing.map((crd) => `${OUR_API} ${crd}`).join(', ')}`;
    }
    for (const crd of OUR_CRDS) {
      const what = incompatibility(crd, this.definitions.get(crd)!);
      if (what !== undefined) return `CRD '${crd}.${OUR_GROUP}' is not compatible: ${what}`;
    }
    return undefined;
  }

  isCompatible(crd: OurCrd): boolean {
    const definition = this.definitions.get(crd);
    return definition !== undefined && incompatibility(crd, definition) === undefined;
  }

  definition(crd: OurCrd): Definition | undefined {
    return this.definitions.get(crd);
  }

  /** Whether a field is stored, for example `keeps('machines', 'status.kubevirtConfigRef')`. */
  keeps(crd: OurCrd, path: string): boolean {
    const question = `${crd} ${path}`;
    const known = this.kept.get(question);
    if (known !== undefined) return known;
    const definition = this.definitions.get(crd);
    const answer = definition !== undefined && hasField(definition, path);
    this.kept.set(question, answer);
    return answer;
  }

  /** Told inline after anything above may be another answer. @returns ends it. */
  onChange(listener: () => void): () => void {
    this.listeners.add(listener);
    return () => void this.listeners.delete(listener);
  }

  /** Takes in what the watch tells; `undefined` = the CRD is gone. */
  see(crd: OurCrd, definition: Definition | undefined): void {
    if (definition === undefined) this.definitions.delete(crd);
    else this.definitions.set(crd, definition);
    this.kept.clear();
    for (const listener of this.listeners) listener();
  }
}

function incompatibility(crd: OurCrd, definition: Definition): string | undefined {
  const version = versionOf(definition);
  if (version?.served !== true) return `version ${VERSION} is not served`;
  if (version.subresources?.status === undefined && crd !== 'networkconfigurations') return 'status subresource is missing';
  if (crd === 'kubevirtconfigs' && !hasField(definition, 'spec.kubeconfigSecretRef')) return 'spec.kubeconfigSecretRef is missing';
  return undefined;
}

function versionOf({ spec }: Definition): NonNullable<Definition['spec']>['versions'][number] | undefined {
  return spec?.versions.find(({ name }) => name === VERSION);
}

export function hasField(definition: Definition, path: string): boolean {
  let schema: Schema | undefined = versionOf(definition)?.schema?.openAPIV3Schema;
  for (const step of path.split('.')) {
    if (schema?.['x-kubernetes-preserve-unknown-fields'] === true) return true;
    schema = schema?.properties?.[step] ?? schema?.items?.properties?.[step];
  }
  return schema !== undefined;
}
