/** Asks a real API server whether it would take an object, without storing it. */
import type { ControlPlane } from '../../hack/control-plane';
import type { TestObject } from './steward-cluster';

/**
 * By server-side dry run with strict fields: what neither the schema nor the API server's own checks let pass.
 *
 * @param namespace for objects that name none.
 * @returns nothing, or one line.
 */
export async function refusalOf(controlPlane: Pick<ControlPlane, 'request'>, object: TestObject, namespace: string): Promise<string[]> {
  const { apiVersion, kind, metadata } = object;
  const root = apiVersion.includes('/') ? `/apis/${apiVersion}` : `/api/${apiVersion}`;
  const { body: resources } = await controlPlane.request({ path: root });
  const resource = (resources as { resources?: { name: string; kind: string; namespaced: boolean }[] }).resources?.find(
    (one) => one.kind === kind && !one.name.includes('/'),
  );
  if (resource === undefined) return [`${kind} is served by nobody`];
  const place = resource.namespaced ? `/namespaces/${metadata.namespace ?? namespace}` : '';
  const path = `${root}${place}/${resource.name}/${metadata.name}?dryRun=All&fieldManager=test&force=true&fieldValidation=Strict`;
  const { status, body } = await controlPlane.request({ method: 'PATCH', path, body: object, contentType: 'application/apply-patch+yaml' });
  return status < 300 ? [] : [`${kind}/${metadata.name}: ${JSON.stringify(body)}`];
}
