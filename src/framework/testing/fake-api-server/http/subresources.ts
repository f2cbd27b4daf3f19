/** Subresources answered by functions of the test, such as `start` of a virtual machine. */
import type { JsonObject } from '../json';
import type { ExtraSubresource } from './discovery';
import type { ResourceRequest, Verb } from './request-info';

export interface SubresourceCall {
  /** Verb as RBAC names it: PUT is `update`, POST is `create`. */
  readonly method: Verb;
  /** The stored object, `undefined` when there is none. Do not change it; use `server.objects`. */
  readonly object: JsonObject | undefined;
  readonly body: unknown;
  readonly query: URLSearchParams;
  readonly user: string;
  readonly namespace: string;
  readonly name: string;
}

export interface SubresourceAnswer {
  /** @default 200 */
  status?: number;
  /** @default a Status that says Success */
  body?: unknown;
}

export interface SubresourceRoute {
  /** `subresources.kubevirt.io/v1`, for example. */
  apiVersion: string;
  /** Plural name. */
  resource: string;
  subresource: string;
  /** Group under which the object itself is served. @default the group of apiVersion */
  of?: string;
  /** Kind named in discovery. @default the subresource's name */
  kind?: string;
  handler: (call: SubresourceCall) => SubresourceAnswer;
}

export class SubresourceTable {
  private readonly routes = new Map<string, SubresourceRoute>();

  /** Adds a route, or replaces the one with the same path. */
  add(route: SubresourceRoute): void {
    this.routes.set(`${route.apiVersion}/${route.resource}/${route.subresource}`, route);
  }

  find({ group, version, resource, subresource }: ResourceRequest): SubresourceRoute | undefined {
    if (subresource === '') return undefined;
    const apiVersion = group === '' ? version : `${group}/${version}`;
    return this.routes.get(`${apiVersion}/${resource}/${subresource}`);
  }

  forDiscovery(): ExtraSubresource[] {
    return [...this.routes.values()].map(({ apiVersion, resource, subresource, kind }) => {
      const slash = apiVersion.indexOf('/');
      const group = slash < 0 ? '' : apiVersion.slice(0, slash);
      return { group, version: apiVersion.slice(slash + 1), resource, subresource, kind: kind ?? subresource };
    });
  }
}
