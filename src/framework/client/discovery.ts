/** Asks a cluster what it is and what it serves. Nothing is cached here. */
import { NotFoundError } from '../errors/api-error';
import type { Kind } from '../kinds/kind';
import type { ApiTransport } from './transport';

export interface ServerVersion {
  readonly gitVersion: string;
  readonly major: string;
  readonly minor: string;
}

export interface ApiResource {
  /** Plural name; `plural/subresource` for subresources. */
  readonly name: string;
  readonly kind: string;
  readonly namespaced: boolean;
  readonly verbs: readonly string[];
}

export class Discovery {
  constructor(private readonly transport: ApiTransport) {}

  async version(signal?: AbortSignal): Promise<ServerVersion> {
    const { body } = await this.transport.request({ method: 'GET', path: '/version', signal });
    const { gitVersion = '', major = '', minor = '' } = (body ?? {}) as Partial<ServerVersion>;
    return { gitVersion, major, minor };
  }

  /** Resources of one group and version; `undefined` when it is not served. */
  async resources(apiVersion: string, signal?: AbortSignal): Promise<readonly ApiResource[] | undefined> {
    const path = apiVersion.includes('/') ? `/apis/${apiVersion}` : `/api/${apiVersion}`;
    try {
      const { body } = await this.transport.request({ method: 'GET', path, signal });
      return ((body ?? {}) as { resources?: ApiResource[] }).resources ?? [];
    } catch (error) {
      if (error instanceof NotFoundError) return undefined;
      throw error;
    }
  }

  /** The first of `apiVersion` and `alternatives` under which the kind is served. */
  async servedVersion(kind: Kind, signal?: AbortSignal): Promise<string | undefined> {
    for (const apiVersion of [kind.apiVersion, ...kind.alternatives]) {
      const resources = await this.resources(apiVersion, signal);
      if (resources?.some(({ name }) => name === kind.plural) === true) return apiVersion;
    }
    return undefined;
  }

  async serves(kind: Kind, signal?: AbortSignal): Promise<boolean> {
    return (await this.servedVersion(kind, signal)) !== undefined;
  }
}
