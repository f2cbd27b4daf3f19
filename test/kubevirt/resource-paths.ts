/** Where the API server serves virtual machines and their instances. Owns: the paths. Invariant: names are escaped. */

export interface Named {
  readonly namespace: string;
  readonly name: string;
}

const ROOT = '/apis/kubevirt.io/v1/namespaces';

export function vmsPath(namespace: string): string {
  return `${ROOT}/${encodeURIComponent(namespace)}/virtualmachines`;
}

export function vmPath({ namespace, name }: Named): string {
  return `${vmsPath(namespace)}/${encodeURIComponent(name)}`;
}

export function instancesPath(namespace: string): string {
  return `${ROOT}/${encodeURIComponent(namespace)}/virtualmachineinstances`;
}

export function instancePath({ namespace, name }: Named): string {
  return `${instancesPath(namespace)}/${encodeURIComponent(name)}`;
}
