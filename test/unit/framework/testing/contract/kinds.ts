/** Custom kinds of the contract suite, and how a server gets them. */
import { call, type Json, type ServerUnderTest } from '../http-client';

const string = { type: 'string' };

/** A kind with everything a structural schema can say that the fake knows. */
export const WIDGET_CRD: Json = {
  apiVersion: 'apiextensions.k8s.io/v1',
  kind: 'CustomResourceDefinition',
  metadata: { name: 'widgets.contract.test' },
  spec: {
    group: 'contract.test',
    scope: 'Namespaced',
    names: { kind: 'Widget', listKind: 'WidgetList', plural: 'widgets', singular: 'widget', shortNames: ['wd'] },
    versions: [
      {
        name: 'v1',
        served: true,
        storage: true,
        subresources: { status: {} },
        selectableFields: [{ jsonPath: '.spec.color' }],
        schema: {
          openAPIV3Schema: {
            type: 'object',
            required: ['spec'],
            properties: {
              spec: {
                type: 'object',
                required: ['size'],
                properties: {
                  size: { type: 'integer', minimum: 1, maximum: 100 },
                  color: { type: 'string', enum: ['red', 'green', 'blue'], default: 'red' },
                  name: { type: 'string', minLength: 2, maxLength: 8, pattern: '^[a-z]+$' },
                  enabled: { type: 'boolean' },
                  ratio: { type: 'number' },
                  portOrName: { 'x-kubernetes-int-or-string': true },
                  plain: { type: 'array', items: string, maxItems: 3 },
                  tags: { type: 'array', items: string, 'x-kubernetes-list-type': 'set' },
                  parts: {
                    type: 'array',
                    'x-kubernetes-list-type': 'map',
                    'x-kubernetes-list-map-keys': ['name'],
                    items: { type: 'object', required: ['name'], properties: { name: string, count: { type: 'integer' }, note: string } },
                  },
                  ports: {
                    type: 'array',
                    'x-kubernetes-list-type': 'map',
                    'x-kubernetes-list-map-keys': ['port', 'protocol'],
                    items: {
                      type: 'object',
                      required: ['port'],
                      properties: { port: { type: 'integer' }, protocol: { type: 'string', default: 'TCP' }, label: string },
                    },
                  },
                  settings: { type: 'object', additionalProperties: string },
                  whole: { type: 'object', 'x-kubernetes-map-type': 'atomic', properties: { a: string, b: string } },
                  nested: {
                    type: 'object',
                    properties: { deep: { type: 'object', properties: { level: { type: 'integer', default: 3 } } } },
                  },
                  free: { type: 'object', 'x-kubernetes-preserve-unknown-fields': true },
                },
              },
              status: {
                type: 'object',
                properties: {
                  observedGeneration: { type: 'integer' },
                  phase: string,
                  conditions: {
                    type: 'array',
                    'x-kubernetes-list-type': 'map',
                    'x-kubernetes-list-map-keys': ['type'],
                    items: { type: 'object', required: ['type'], properties: { type: string, status: string, reason: string } },
                  },
                },
              },
            },
          },
        },
      },
    ],
  },
};

/** A kind without status subresource that keeps everything. */
export const GADGET_CRD: Json = {
  apiVersion: 'apiextensions.k8s.io/v1',
  kind: 'CustomResourceDefinition',
  metadata: { name: 'gadgets.contract.test' },
  spec: {
    group: 'contract.test',
    scope: 'Namespaced',
    names: { kind: 'Gadget', listKind: 'GadgetList', plural: 'gadgets', singular: 'gadget' },
    versions: [
      {
        name: 'v1',
        served: true,
        storage: true,
        schema: { openAPIV3Schema: { type: 'object', 'x-kubernetes-preserve-unknown-fields': true } },
      },
      {
        name: 'v1beta1',
        served: true,
        storage: false,
        schema: { openAPIV3Schema: { type: 'object', 'x-kubernetes-preserve-unknown-fields': true } },
      },
    ],
  },
};

const CRDS = '/apis/apiextensions.k8s.io/v1/customresourcedefinitions';

/** Installs both kinds and waits until they are served. */
export async function installContractKinds(server: ServerUnderTest): Promise<void> {
  for (const crd of [WIDGET_CRD, GADGET_CRD]) await call(server, 'POST', CRDS, { body: crd });
  for (const plural of ['widgets', 'gadgets']) await waitUntilServed(server, `/apis/contract.test/v1/${plural}`);
  await waitUntilServed(server, '/apis/contract.test/v1beta1/gadgets');
}

async function waitUntilServed(server: ServerUnderTest, path: string): Promise<void> {
  const deadlineMs = Date.now() + 60_000;
  while ((await call(server, 'GET', path)).status !== 200) {
    if (Date.now() > deadlineMs) throw new Error(`${path} is not served after 60 s`);
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}

/** Creates a namespace of its own for a scenario. */
export async function createNamespace(server: ServerUnderTest, name: string): Promise<void> {
  await call(server, 'POST', '/api/v1/namespaces', { body: { apiVersion: 'v1', kind: 'Namespace', metadata: { name } } });
}
