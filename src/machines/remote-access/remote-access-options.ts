/** Options of `virt-steward kubeconfig`, checked. Pure. */
import { parseDurationMs, UsageError } from '../../framework/basics';

export interface RemoteAccessFlags {
  context?: string;
  name?: string;
  kubeconfig?: string;
  server?: string;
  remoteNamespace: string;
  serviceAccount: string;
  configNamespace: string;
  tokenTtl?: string;
  output: string;
  apply?: true;
  supervisorContext?: string;
}

export interface RemoteAccessOptions {
  /** Of the KubevirtConfig. */
  readonly name: string;
  /** Of the remote cluster, in the caller's kubeconfig. */
  readonly context: string;
  /** Under which the supervisor reaches it; `undefined` = as the caller does. */
  readonly server: string | undefined;
  readonly remoteNamespace: string;
  readonly serviceAccount: string;
  readonly configNamespace: string;
  /** `undefined` = a credential that is revoked by deleting it. */
  readonly tokenTtlSeconds: number | undefined;
  readonly output: 'yaml' | 'kubeconfig';
  /** Context of the supervisor to write to; `undefined` = print only. */
  readonly applyTo: string | undefined;
}

const DNS_LABEL = /^[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?$/;
const OBJECT_NAME = /^[a-z0-9]([-.a-z0-9]{0,251}[a-z0-9])?$/;
/** @source TokenRequest: shorter ones are refused. */
const MIN_TTL_MS = 600_000;

/** @throws {UsageError} naming the option, its value and what is allowed. */
export function compileRemoteAccessOptions(flags: RemoteAccessFlags): RemoteAccessOptions {
  const { context, name, server, tokenTtl, output, apply, supervisorContext } = flags;
  if (context === undefined) throw new UsageError('--context is missing; allowed: the context of the remote cluster in your kubeconfig');
  if (name === undefined) throw new UsageError('--name is missing; allowed: the name of the KubevirtConfig');
  requireText('--name', name, OBJECT_NAME, 'the name of an object');
  requireText('--remote-namespace', flags.remoteNamespace, DNS_LABEL, 'the name of a namespace');
  requireText('--config-namespace', flags.configNamespace, DNS_LABEL, 'the name of a namespace');
  requireText('--service-account', flags.serviceAccount, OBJECT_NAME, 'the name of a ServiceAccount');
  if (server !== undefined && !/^https:\/\/[^/]/.test(server)) throw refused('--server', server, 'https://host:port');
  if (output !== 'yaml' && output !== 'kubeconfig') throw refused('--output', output, 'yaml, kubeconfig');
  if (apply === true && supervisorContext === undefined)
    throw new UsageError('--apply needs --supervisor-context, the cluster to write to');
  if (apply !== true && supervisorContext !== undefined) throw new UsageError('--supervisor-context has no effect without --apply');
  return {
    ...{ name, context, server, output },
    remoteNamespace: flags.remoteNamespace,
    serviceAccount: flags.serviceAccount,
    configNamespace: flags.configNamespace,
    tokenTtlSeconds: tokenTtl === undefined ? undefined : seconds(tokenTtl),
    applyTo: apply === true ? supervisorContext : undefined,
  };
}

function seconds(text: string): number {
  const ms = parseDurationMs(text);
  if (ms === undefined || ms < MIN_TTL_MS) throw refused('--token-ttl', text, '10m or longer, for example 8760h');
  return Math.floor(ms / 1_000);
}

function requireText(flag: string, value: string, allowed: RegExp, text: string): void {
  if (!allowed.test(value)) throw refused(flag, value, text);
}

function refused(flag: string, value: string, allowed: string): UsageError {
  return new UsageError(`${flag} is ${JSON.stringify(value)}; allowed: ${allowed}`);
}
