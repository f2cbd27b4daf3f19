import { createServer, type Server } from 'node:https';
import type { AddressInfo } from 'node:net';
import { expect } from 'chai';
import { type ControlPlane, startControlPlane } from '../../../hack/control-plane';
import { CertificateAuthority } from '../../../hack/control-plane/certificates';
import { defineKind, type Kind, type KubernetesObject } from '../../../src/framework';
import type { Pointer } from '../../../src/platform/overrides/json-pointer';
import { poll } from '../../harness/poll';
import { BaselineStage } from './baseline-stage';

type Spec = Record<string, unknown>;
type Version = 'v1' | 'v1beta1';

/** In v1 everything is one level deeper than in v1beta1. */
const GROUP = 'versions.example.org';
const FILL: Readonly<Record<Version, Pointer>> = { v1: ['spec', 'inner', 'limits'], v1beta1: ['spec', 'limits'] };
const kindOf = (version: Version): Kind => defineKind(`${GROUP}/${version}`, 'Sprocket', 'sprockets', { scope: 'Namespaced' }) as Kind;

/** Converts between the versions, as the API server asks for it. */
function converter(): { server: Server; authority: string } {
  const authority = CertificateAuthority.create('conversion');
  const { certificate, privateKey } = authority.issue({ commonName: 'conversion', ipAddresses: ['127.0.0.1'], usage: 'server' });
  const server = createServer({ cert: certificate, key: privateKey }, (request, response) => {
    let text = '';
    request.on('data', (part) => {
      text += part;
    });
    request.on('end', () => {
      const { uid, objects, desiredAPIVersion } = (JSON.parse(text) as { request: ConversionRequest }).request;
      const convertedObjects = objects.map((object) => converted(object, desiredAPIVersion));
      const answer = { uid, convertedObjects, result: { status: 'Success' } };
      response.setHeader('content-type', 'application/json');
      response.end(JSON.stringify({ apiVersion: 'apiextensions.k8s.io/v1', kind: 'ConversionReview', response: answer }));
    });
  });
  return { server: server.listen(0, '127.0.0.1'), authority: authority.keyPair.certificate };
}

interface ConversionRequest {
  uid: string;
  objects: (KubernetesObject & { spec?: Spec })[];
  desiredAPIVersion: string;
}

function converted(object: ConversionRequest['objects'][number], apiVersion: string): KubernetesObject {
  const { spec = {}, metadata = {} } = object;
  if (object.apiVersion === apiVersion) return { ...object, metadata };
  const inner = apiVersion.endsWith('/v1') ? { inner: spec } : ((spec['inner'] ?? {}) as Spec);
  return { ...object, metadata, apiVersion, spec: inner } as KubernetesObject;
}

function definition(versions: readonly Version[], conversion: object): object {
  const limit = { type: 'integer', default: 9 };
  const limits = { type: 'object', default: {}, properties: { a: limit, b: limit, c: limit } };
  const fields = { type: 'object', default: {}, properties: { limits, forced: { type: 'integer' } } };
  const spec = { v1beta1: fields, v1: { type: 'object', default: {}, properties: { inner: fields } } };
  return {
    apiVersion: 'apiextensions.k8s.io/v1',
    kind: 'CustomResourceDefinition',
    metadata: { name: `sprockets.${GROUP}` },
    spec: {
      ...{ group: GROUP, scope: 'Namespaced', names: { kind: 'Sprocket', plural: 'sprockets', singular: 'sprocket' }, conversion },
      versions: versions.map((name) => ({
        ...{ name, served: true, storage: name === 'v1beta1' },
        schema: { openAPIV3Schema: { type: 'object', properties: { spec: spec[name] } } },
      })),
    },
  };
}

describe('an object whose kind is served in a newer version', () => {
  let controlPlane: ControlPlane;
  let server: Server;
  let conversion: object;

  before(async () => {
    controlPlane = await startControlPlane();
    const started = converter();
    server = started.server;
    await new Promise<void>((resolve) => (server.listening ? resolve() : server.once('listening', resolve)));
    const url = `https://127.0.0.1:${(server.address() as AddressInfo).port}/`;
    const clientConfig = { url, caBundle: Buffer.from(started.authority).toString('base64') };
    conversion = { strategy: 'Webhook', webhook: { conversionReviewVersions: ['v1'], clientConfig } };
  });
  after(async () => {
    await controlPlane?.stop();
    server?.closeAllConnections();
    server?.close();
  });

  const request = async (method: string, path: string, body?: unknown, contentType?: string): Promise<Record<string, unknown>> => {
    const answer = await controlPlane.request({ method, path, body, ...(contentType === undefined ? {} : { contentType }) } as never);
    if (answer.status >= 300) throw new Error(`${method} ${path}: ${answer.status} ${JSON.stringify(answer.body)}`);
    return answer.body as Record<string, unknown>;
  };
  const define = (versions: readonly Version[]): Promise<unknown> =>
    request(
      'PATCH',
      `/apis/apiextensions.k8s.io/v1/customresourcedefinitions/sprockets.${GROUP}?fieldManager=test&force=true`,
      definition(versions, conversion),
      'application/apply-patch+yaml',
    );
  const pathIn = (version: Version, namespace: string): string => `/apis/${GROUP}/${version}/namespaces/${namespace}/sprockets`;
  const isServed = (version: Version, namespace: string): Promise<unknown> =>
    poll(
      `${version} to be served`,
      async () => (await controlPlane.request({ method: 'GET', path: pathIn(version, namespace) })).status === 200,
    );

  for (const [who, manager] of [
    ['we', undefined],
    ['virt-platform-autopilot', 'virt-platform-autopilot'],
  ] as const) {
    it(`keeps what ${who} offered in the older one, and what somebody set`, async () => {
      const namespace = `versions-${manager ?? 'own'}`;
      const stage = await BaselineStage.set(controlPlane, namespace);
      try {
        await controlPlane
          .request({ method: 'DELETE', path: `/apis/apiextensions.k8s.io/v1/customresourcedefinitions/sprockets.${GROUP}` })
          .then(() => poll('the definition to be gone', () => isGone(controlPlane)));
        await define(['v1beta1']);
        await isServed('v1beta1', namespace);
        const wanted = { limits: { a: 1, b: 2, c: 3 }, forced: 4 };
        const sprocket = (version: Version): KubernetesObject =>
          ({
            ...{ apiVersion: `${GROUP}/${version}`, kind: 'Sprocket', metadata: { name: 'a', namespace } },
            spec: version === 'v1' ? { inner: wanted } : wanted,
          }) as KubernetesObject;
        const run = (version: Version) => stage.run(sprocket(version), { kind: kindOf(version), rules: { fill: [FILL[version]] } });
        const path = `${pathIn('v1beta1', namespace)}/a`;
        if (manager === undefined) expect(await run('v1beta1')).to.include({ status: 'Applied' });
        else await request('PATCH', `${path}?fieldManager=${manager}&force=true`, sprocket('v1beta1'), 'application/apply-patch+yaml');
        await request('PATCH', `${path}?fieldManager=a-person`, { spec: { limits: { b: 7 } } }, 'application/merge-patch+json');
        await define(['v1beta1', 'v1']);
        await isServed('v1', namespace);

        expect(await run('v1')).to.include({ compliance: 1 });
        expect(await run('v1')).to.include({ status: 'InSync' });
        const live = await request('GET', `${pathIn('v1', namespace)}/a`);
        expect(live['spec']).to.deep.equal({ inner: { limits: { a: 1, b: 7, c: 3 }, forced: 4 } });
        const { managedFields } = live['metadata'] as { managedFields: { manager: string; fieldsV1: Record<string, object> }[] };
        expect(managedFields.find((entry) => entry.manager === 'virt-steward')?.fieldsV1['f:spec']).to.deep.equal({
          'f:inner': { 'f:forced': {}, 'f:limits': { 'f:a': {}, 'f:c': {} } },
        });
      } finally {
        stage.close();
      }
    });
  }
});

/** Who serves its objects learns by a watch that it is gone, and would else take what is meant for the next one. */
async function isGone(controlPlane: ControlPlane): Promise<boolean> {
  const paths = [`/apis/apiextensions.k8s.io/v1/customresourcedefinitions/sprockets.${GROUP}`, `/apis/${GROUP}/v1beta1/sprockets`];
  const answers = await Promise.all(paths.map((path) => controlPlane.request({ method: 'GET', path })));
  return answers.every(({ status }) => status === 404);
}
