/**
 * Why a KubevirtConfig gives no client: one class, with the exact texts that scripts and people of the older operator know.
 *
 * Owns: the texts, and which word of the status each belongs to. Never: content of a kubeconfig beyond names, fields and the host.
 */
import { isOperatorError, OperatorError } from '../../framework';
import type { ApiProfile } from '../profile';

/** `status.status` of the KubevirtConfig, or what a Machine says that cannot find its own. */
export type ConfigProblem =
  | 'ConfigNotFound'
  | 'ConfigUnreadable'
  | 'BeingDeleted'
  | 'InvalidSpec'
  | 'SecretNotFound'
  | 'SecretForbidden'
  | 'SecretUnreadable'
  | 'InvalidKubeconfig'
  | 'ClientFailed';

export class KubevirtConfigError extends OperatorError {
  constructor(
    readonly config: string,
    readonly problem: ConfigProblem,
    message: string,
    cause?: unknown,
  ) {
    super('KUBEVIRT_CONFIG', message, { reason: problem, cause });
  }
}

/** Where a config and its Secret are, for the texts that differ between the profiles. */
export interface ConfigPlace {
  readonly profile: ApiProfile;
  /** Cluster key. */
  readonly key: string;
  /** metadata.name of the KubevirtConfig. */
  readonly name: string;
  /** Of the KubevirtConfig; empty in the second profile. */
  readonly namespace: string;
}

const error = (place: ConfigPlace, problem: ConfigProblem, text: string, cause?: unknown): KubevirtConfigError =>
  new KubevirtConfigError(place.key, problem, text, cause);

export function configNotFound(place: ConfigPlace): KubevirtConfigError {
  const where = place.profile === 'first' ? ` in namespace ${place.namespace}` : '';
  return error(place, 'ConfigNotFound', `KubevirtConfig ${place.name} not found${where}`);
}

export function configUnreadable(place: ConfigPlace, cause: unknown): KubevirtConfigError {
  return error(place, 'ConfigUnreadable', `failed to get KubevirtConfig: ${textOf(cause)}`, cause);
}

export function configBeingDeleted(place: ConfigPlace): KubevirtConfigError {
  return error(place, 'BeingDeleted', `KubevirtConfig ${place.name} is being deleted`);
}

export function noSecretRef(place: ConfigPlace): KubevirtConfigError {
  return error(place, 'InvalidSpec', `KubevirtConfig ${place.name} has no kubeconfigSecretRef`);
}

export function noSecretNamespace(place: ConfigPlace): KubevirtConfigError {
  return error(place, 'InvalidSpec', `KubevirtConfig ${place.name} has no secretNamespace`);
}

export function foreignSecretNamespace(place: ConfigPlace, named: string): KubevirtConfigError {
  const text = `KubevirtConfig ${place.name} names secretNamespace ${named}, but only its own namespace ${place.namespace} is allowed`;
  return error(place, 'InvalidSpec', text);
}

export function secretUnreadable(place: ConfigPlace, secret: SecretPlace, cause: unknown): KubevirtConfigError {
  const problem = isOperatorError(cause, 'NOT_FOUND')
    ? 'SecretNotFound'
    : isOperatorError(cause, 'FORBIDDEN')
      ? 'SecretForbidden'
      : 'SecretUnreadable';
  return error(place, problem, `failed to get kubeconfig secret ${nameOf(place, secret)}: ${textOf(cause)}`, cause);
}

/** Known to be gone without an answer of the server: the watch has told it. */
export function secretGone(place: ConfigPlace, secret: SecretPlace, cause: Error): KubevirtConfigError {
  return error(place, 'SecretNotFound', `failed to get kubeconfig secret ${nameOf(place, secret)}: ${cause.message}`, cause);
}

export function noKubeconfigKey(place: ConfigPlace, secret: SecretPlace): KubevirtConfigError {
  return error(place, 'InvalidKubeconfig', `secret ${nameOf(place, secret)} does not contain 'kubeconfig' key`);
}

export function kubeconfigRefused(place: ConfigPlace, cause: unknown): KubevirtConfigError {
  return error(place, 'InvalidKubeconfig', `failed to create REST config from kubeconfig: ${textOf(cause)}`, cause);
}

export function clientFailed(place: ConfigPlace, cause: unknown): KubevirtConfigError {
  return error(place, 'ClientFailed', `failed to create Kubernetes client: ${textOf(cause)}`, cause);
}

export function listFailed(cause: unknown): OperatorError {
  return new OperatorError('KUBEVIRT_CONFIG_LIST', `failed to list KubevirtConfigs: ${textOf(cause)}`, { cause });
}

export function validationFailed(cause: unknown): OperatorError {
  return new OperatorError('CLUSTER_VALIDATION', `failed to validate connection to cluster: ${textOf(cause)}`, { cause });
}

export interface SecretPlace {
  readonly namespace: string;
  readonly name: string;
}

function nameOf({ profile }: ConfigPlace, { namespace, name }: SecretPlace): string {
  return profile === 'first' ? name : `${namespace}/${name}`;
}

/** The message alone: what is around it says where it comes from. */
export function textOf(cause: unknown): string {
  return cause instanceof Error ? cause.message : String(cause);
}
