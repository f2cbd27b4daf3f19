/**
 * The cluster as the caller of a command may see it.
 *
 * Owns: asking for each thing once, and naming the right that a refusal lacked. Never: writes; an access review stores nothing.
 * Invariant: content of a Secret leaves only through `secret`, and only to code that judges it.
 */
import { type ApiResource, defineKind, type Kind, type KubeClient, type KubernetesObject, objectKey, Secret } from '../../framework';
import { type Reading, reading } from './reading';

export interface ListScope {
  /** @default every namespace */
  readonly namespace?: string | undefined;
  readonly labels?: string;
  readonly fields?: string;
}

/** One question to the API server's authorizer. */
export interface AccessQuestion {
  readonly verb: string;
  readonly group: string;
  /** With its subresource behind a slash. */
  readonly resource: string;
  readonly namespace?: string | undefined;
  readonly name?: string | undefined;
}

const SubjectAccessReview = defineKind<KubernetesObject & { status?: { allowed?: boolean } }>(
  'authorization.k8s.io/v1',
  'SubjectAccessReview',
  'subjectaccessreviews',
  { scope: 'Cluster' },
);

export class ClusterView {
  private readonly memory = new Map<string, Promise<Reading<unknown>>>();

  constructor(private readonly client: KubeClient) {}

  list<T extends KubernetesObject>(kind: Kind<T>, scope: ListScope = {}): Promise<Reading<T[]>> {
    const { namespace, labels, fields } = scope;
    const options = {
      ...(namespace === undefined ? {} : { namespace }),
      ...(labels === undefined ? {} : { labels }),
      ...(fields === undefined ? {} : { fields }),
    };
    const right = `list ${kind.id}${inNamespace(namespace)}`;
    return this.once(`list ${kind.id} ${JSON.stringify(options)}`, right, () => this.client.list(kind, options).toArray());
  }

  /** Not remembered: for what is looked at until it changes. */
  look<T extends KubernetesObject>(kind: Kind<T>, name: string, namespace?: string): Promise<Reading<T>> {
    return reading(`get ${kind.id}${inNamespace(namespace)}`, () => this.client.get(kind, objectKey(namespace, name)));
  }

  get<T extends KubernetesObject>(kind: Kind<T>, name: string, namespace?: string): Promise<Reading<T>> {
    const key = objectKey(namespace, name);
    return this.once(`get ${kind.id} ${key}`, `get ${kind.id}${inNamespace(namespace)}`, () => this.client.get(kind, key));
  }

  /** Values of a Secret, in base64 as stored. They must not be printed. */
  async secret(name: string, namespace: string): Promise<Reading<Readonly<Record<string, string>>>> {
    const result = await this.get(Secret, name, namespace);
    return result.kind === 'read' ? { kind: 'read', value: result.value.data ?? {} } : result;
  }

  /** What one group and version serves. */
  resources(apiVersion: string): Promise<Reading<readonly ApiResource[]>> {
    return this.once(`resources ${apiVersion}`, `get /apis/${apiVersion}`, async () => {
      const { body } = await this.client.raw({ method: 'GET', path: `/apis/${apiVersion}` });
      return ((body ?? {}) as { resources?: ApiResource[] }).resources ?? [];
    });
  }

  /** Whether a user may do something. */
  async isAllowed(user: string, question: AccessQuestion): Promise<Reading<boolean>> {
    const [resource, subresource] = question.resource.split('/');
    const { verb, group, namespace, name } = question;
    const resourceAttributes = { verb, group, resource, subresource, namespace, name };
    const right = 'create subjectaccessreviews.authorization.k8s.io';
    const groups = groupsOf(user);
    return this.once(`may ${user} ${JSON.stringify(resourceAttributes)}`, right, async () => {
      const { body } = await this.client.raw({
        method: 'POST',
        path: '/apis/authorization.k8s.io/v1/subjectaccessreviews',
        body: { apiVersion: SubjectAccessReview.apiVersion, kind: SubjectAccessReview.kind, spec: { user, groups, resourceAttributes } },
      });
      return (body as { status?: { allowed?: boolean } } | undefined)?.status?.allowed === true;
    });
  }

  /** What a pod serves over HTTP, through the API server. */
  podText(namespace: string, pod: string, port: number, path: string): Promise<Reading<string>> {
    const proxy = `/api/v1/namespaces/${encodeURIComponent(namespace)}/pods/http:${encodeURIComponent(pod)}:${port}/proxy${path}`;
    return this.once(proxy, `get pods/proxy${inNamespace(namespace)}`, async () => {
      const { body } = await this.client.raw({ method: 'GET', path: proxy, accept: 'text/plain', totalTimeoutMs: 5_000 });
      return typeof body === 'string' ? body : '';
    });
  }

  private once<T>(id: string, right: string, read: () => Promise<T>): Promise<Reading<T>> {
    const known = this.memory.get(id) ?? reading(right, read);
    this.memory.set(id, known);
    return known as Promise<Reading<T>>;
  }
}

function inNamespace(namespace: string | undefined): string {
  return namespace === undefined ? '' : ` in namespace ${namespace}`;
}

/** Those that the API server gives every service account. */
function groupsOf(user: string): string[] {
  const [, namespace] = /^system:serviceaccount:([^:]+):/.exec(user) ?? [];
  const own = namespace === undefined ? [] : ['system:serviceaccounts', `system:serviceaccounts:${namespace}`];
  return [...own, 'system:authenticated'];
}
