/** The bundle of the repository, and copies of it in which something is wrong. */
import { join } from 'node:path';
import { parse, stringify } from 'yaml';
import { type Bundle, bundleOf, readBundle } from '../../../../hack/olm/bundle';
import { findingsIn } from '../../../../hack/olm/validate';
import { ROOT } from '../../../harness/steward-cluster';

export const CSV = 'manifests/virt-steward.clusterserviceversion.yaml';
export const CRD = 'manifests/wol.pillon.org_wolconfigs.yaml';
export const ANNOTATIONS = 'metadata/annotations.yaml';

export const original: Bundle = readBundle(join(ROOT, 'olm-bundle'), join(ROOT, 'crds'));

/** The text of a file before to after; `undefined` removes it. */
export type Change = (files: Map<string, string>) => void;

/** Rules that a changed bundle breaks, sorted and each once. */
export function brokenBy(change: Change, { isAlone = false } = {}): string[] {
  const files = new Map(original.files);
  change(files);
  return [...new Set(findingsIn(bundleOf(files, isAlone ? undefined : original.sources)).map(({ id }) => id))].sort();
}

/** Replaces text in a file. @throws {Error} when it is not there, so that a case cannot pass because it changes nothing. */
export function text(path: string, before: string | RegExp, after: string): Change {
  return (files) => {
    const old = files.get(path) ?? '';
    const changed = old.replace(before, after);
    if (changed === old) throw new Error(`${path} has no ${String(before)}`);
    files.set(path, changed);
  };
}

// biome-ignore lint/suspicious/noExplicitAny: cases reach into YAML that has no type
type Any = any;

/** Edits an object in place. */
export function object(path: string, edit: (value: Any) => void): Change {
  return (files) => {
    const value: unknown = parse(files.get(path) ?? '');
    edit(value);
    files.set(path, stringify(value, { version: '1.1' }));
  };
}

export const csv = (edit: (version: Any) => void): Change => object(CSV, edit);

/** Edits an annotation that holds JSON. */
export const json = (name: string, edit: (value: Any) => void): Change =>
  csv(({ metadata: { annotations } }) => {
    const value: unknown = JSON.parse(annotations[name]);
    edit(value);
    annotations[name] = JSON.stringify(value);
  });

export const file =
  (path: string, content: unknown): Change =>
  (files) =>
    void files.set(path, typeof content === 'string' ? content : stringify(content));
export const without =
  (path: string): Change =>
  (files) =>
    void files.delete(path);

/** The pod of the only Deployment. */
export const pod = (edit: (spec: Any) => void): Change =>
  csv((version) => edit(version.spec.install.spec.deployments[0].spec.template.spec));
export const container = (edit: (one: Any) => void): Change => pod((spec) => edit(spec.containers[0]));
/** Grants the manager something everywhere. */
export const grant = (rule: { apiGroups: string[]; resources: string[]; resourceNames?: string[]; verbs: string[] }): Change =>
  csv((version) => version.spec.install.spec.clusterPermissions[0].rules.push(rule));
/** Changes an annotation and its label together. */
export const annotation =
  (name: string, value: string): Change =>
  (files) => {
    object(ANNOTATIONS, ({ annotations }) => {
      annotations[name] = value;
    })(files);
    text('bundle.Dockerfile', new RegExp(`LABEL ${name.replaceAll('.', '\\.')}=.*`), `LABEL ${name}=${value}`)(files);
  };

/** The entry of WolConfig among the owned kinds. */
export const owned = (edit: (entry: Any) => void): Change =>
  csv(({ spec }) => edit(spec.customresourcedefinitions.owned.find(({ kind }: Any) => kind === 'WolConfig')));
/** The example of WolConfig. */
export const example = (edit: (one: Any) => void): Change =>
  json('alm-examples', (examples) => edit(examples.find(({ kind }: Any) => kind === 'WolConfig')));
