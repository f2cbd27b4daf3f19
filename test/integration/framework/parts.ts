/** The kind of the fault tests, on a real API server. */
import { poll } from '../../harness/poll';
import { call, type Json, type ServerUnderTest } from '../../unit/framework/testing/http-client';

export const PARTS = '/apis/example.org/v1/namespaces/default/parts';

/** Resolves when parts are served. */
export async function installParts(direct: ServerUnderTest): Promise<void> {
  const crds = '/apis/apiextensions.k8s.io/v1/customresourcedefinitions';
  const schema = { openAPIV3Schema: { type: 'object', 'x-kubernetes-preserve-unknown-fields': true } };
  const versions = [{ name: 'v1', served: true, storage: true, schema, subresources: { status: {} } }];
  const spec = { group: 'example.org', names: { kind: 'Part', plural: 'parts' }, scope: 'Namespaced', versions };
  const body: Json = {
    apiVersion: 'apiextensions.k8s.io/v1',
    kind: 'CustomResourceDefinition',
    metadata: { name: 'parts.example.org' },
    spec,
  };
  await call(direct, 'POST', crds, { body });
  await poll('parts are served', async () => (await call(direct, 'GET', PARTS)).status === 200);
}
