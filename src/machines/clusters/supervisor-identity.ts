/**
 * Who we are on remote clusters: what marks objects as those of this supervisor and no other.
 *
 * Owns: asking once. Invariant: one answer for the life of the process.
 */
import { Cluster, inject, Namespace, singleton } from '../../framework';
import { MACHINES_SETTINGS, type MachinesSettings } from '../settings';

/** Its UID is that of a cluster. */
export const IDENTITY_NAMESPACE = 'kube-system';

@singleton()
export class SupervisorIdentity {
  private known: string | undefined;

  constructor(
    private readonly cluster: Cluster,
    @inject(MACHINES_SETTINGS) settings: MachinesSettings,
  ) {
    this.known = settings.supervisorId === '' ? undefined : settings.supervisorId;
  }

  /** `undefined` before it was asked for. */
  get current(): string | undefined {
    return this.known;
  }

  async id(signal?: AbortSignal): Promise<string> {
    if (this.known === undefined) {
      const { metadata } = await this.cluster.client.get(Namespace, IDENTITY_NAMESPACE, { signal });
      this.known = metadata?.uid ?? '';
    }
    return this.known;
  }
}
