/**
 * The rights to read Secrets, by the namespaces that the settings name.
 *
 * Owns: where Secrets may be read, as Roles. Never: reads one; KubeconfigSecrets does, by name.
 * Invariant: no right over all Secrets of the cluster; with `*` for KubevirtConfigs the administrator adds Roles.
 */
import {
  ConfigMap,
  Handler,
  type HandlerClass,
  inject,
  LOGGER,
  type Logger,
  OnStartup,
  PersistentVolumeClaim,
  type RbacClaim,
  rightText,
  Secret,
} from '../../framework';
import type { MachinesSettings } from '../settings';

const VERBS = ['get', 'watch'] as const;
const WHY = 'kubeconfigs that KubevirtConfigs name and cloud-init data that Machines name, one Secret at a time';

/** Namespaces in which Secrets may be read. */
export function secretNamespaces({ configNamespaces, secretNamespaces: further }: MachinesSettings): readonly string[] {
  return [...new Set([...(configNamespaces === '*' ? [] : configNamespaces), ...further])].sort();
}

function claimsOf(settings: MachinesSettings): RbacClaim[] {
  const { secretNames, secretNamespaces: further, legacyPvcCleanup } = settings;
  const names = secretNames.length === 0 ? {} : { names: secretNames };
  return [
    ...secretNamespaces(settings).map((namespace) => ({ kind: Secret, verbs: [...VERBS], namespace, ...names, why: WHY })),
    ...further.map((namespace): RbacClaim => ({ kind: ConfigMap, verbs: ['get'], namespace, why: 'cloud-init data that Machines name' })),
    ...(legacyPvcCleanup
      ? [{ kind: PersistentVolumeClaim, verbs: [...LEGACY_VERBS], why: 'disks that the older operator made here' }]
      : []),
  ];
}

const LEGACY_VERBS = ['list', 'delete'] as const;

/** On remote clusters: cloud-init Secrets are made in the namespaces of Machines and can neither be read nor listed. */
const ON_REMOTES = ['create', 'delete'].map((verb) =>
  rightText(verb, { group: '', resource: Secret.plural, names: [], namespace: undefined }),
);

/**
 * To watch one Secret by its name takes, where the names are not known beforehand, the right to watch any in the namespace.
 * @returns as `exceptionalRights` takes them.
 */
export function exceptionalSecretRights(settings: MachinesSettings): string[] {
  if (settings.secretNames.length > 0) return [...ON_REMOTES];
  const watched = secretNamespaces(settings).map((namespace) =>
    rightText('watch', { group: '', resource: Secret.plural, names: [], namespace }),
  );
  return [...ON_REMOTES, ...watched];
}

/** Rights follow from the settings, so the class that claims them is made from them. */
export function secretRightsHandler(settings: MachinesSettings): HandlerClass {
  @Handler({ id: 'KubeconfigSecrets', rbac: claimsOf(settings) })
  class KubeconfigSecretRights {
    constructor(@inject(LOGGER) private readonly logger: Logger) {}

    @OnStartup()
    tell(): void {
      this.logger.info('Secrets are read by name', { namespaces: settings.configNamespaces === '*' ? '*' : secretNamespaces(settings) });
    }
  }
  return KubeconfigSecretRights;
}
