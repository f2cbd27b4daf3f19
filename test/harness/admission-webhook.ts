/**
 * An admission webhook in the process of the test, for an API server that runs on this machine.
 *
 * Owns: its certificate, its port and its configuration on the cluster. Never: answers anything but what the test says last.
 */
import { createServer, type Server } from 'node:https';
import type { ControlPlane } from '../../hack/control-plane';
import { TestCertificateAuthority } from '../../src/framework/testing';
import { poll } from './poll';

export interface AdmissionRequest {
  readonly uid: string;
  readonly operation: string;
  readonly name: string;
  readonly dryRun?: boolean;
}

export type AdmissionAnswer =
  | { readonly allowed: true; readonly patch?: readonly object[] }
  | { readonly allowed: false; readonly message: string };

export interface AdmissionWebhookOptions {
  readonly controlPlane: ControlPlane;
  /** Of the configuration, and the only namespace it is for. */
  readonly namespace: string;
  /** Of the webhook, as refusals name it. */
  readonly name: string;
  readonly group: string;
  readonly resource: string;
  readonly kind: 'Validating' | 'Mutating';
}

const GROUP = 'admissionregistration.k8s.io/v1';

export class AdmissionWebhook implements AsyncDisposable {
  /** What it was asked, oldest first. */
  readonly requests: AdmissionRequest[] = [];
  answer: (request: AdmissionRequest) => AdmissionAnswer = () => ({ allowed: true });

  private constructor(
    private readonly options: AdmissionWebhookOptions,
    private readonly server: Server,
  ) {}

  static async start(options: AdmissionWebhookOptions): Promise<AdmissionWebhook> {
    const authority = new TestCertificateAuthority();
    const server = createServer(authority.issue());
    const webhook = new AdmissionWebhook(options, server);
    server.on('request', (request, response) => {
      const chunks: Buffer[] = [];
      request.on('data', (chunk: Buffer) => chunks.push(chunk));
      request.on('end', () => {
        response.setHeader('Content-Type', 'application/json');
        response.end(JSON.stringify(webhook.review(JSON.parse(Buffer.concat(chunks).toString('utf8')) as { request: AdmissionRequest })));
      });
    });
    const port = await new Promise<number>((resolve) => {
      server.listen(0, '127.0.0.1', () => resolve((server.address() as { port: number }).port));
    });
    await webhook.install(port, authority.cert);
    return webhook;
  }

  /** Makes of it what no API server accepts any more, but what older versions stored: a webhook whose side effects spare no dry-run. */
  async withSideEffects(): Promise<void> {
    const { controlPlane, namespace } = this.options;
    const { body } = await controlPlane.request({ path: this.path(namespace) });
    const stored = body as { webhooks: object[] };
    const webhooks = stored.webhooks.map((webhook) => ({ ...webhook, sideEffects: 'Some' }));
    await controlPlane.store(`/registry/${this.plural}/${namespace}`, { ...stored, webhooks });
  }

  /** Asks again and again until it is in force. @param isInForce what only its being in force explains. */
  async until(probe: () => Promise<unknown>, isInForce: (answer: unknown) => boolean): Promise<void> {
    await poll(`webhook ${this.options.name} to be in force`, async () => isInForce(await probe()));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.options.controlPlane.request({ method: 'DELETE', path: this.path(this.options.namespace) });
    this.server.closeAllConnections();
    await new Promise<void>((resolve) => this.server.close(() => resolve()));
  }

  private review({ request }: { request: AdmissionRequest }): object {
    this.requests.push(request);
    const answer = this.answer(request);
    const patch = answer.allowed ? answer.patch : undefined;
    const response = {
      ...{ uid: request.uid, allowed: answer.allowed },
      ...(answer.allowed ? {} : { status: { code: 403, message: answer.message } }),
      ...(patch === undefined ? {} : { patchType: 'JSONPatch', patch: Buffer.from(JSON.stringify(patch)).toString('base64') }),
    };
    return { apiVersion: 'admission.k8s.io/v1', kind: 'AdmissionReview', response };
  }

  private async install(port: number, ca: string): Promise<void> {
    const { controlPlane, namespace, name, group, resource, kind } = this.options;
    const webhook = {
      name,
      clientConfig: { url: `https://127.0.0.1:${port}/`, caBundle: Buffer.from(ca).toString('base64') },
      rules: [{ apiGroups: [group], apiVersions: ['*'], operations: ['CREATE', 'UPDATE'], resources: [resource] }],
      namespaceSelector: { matchLabels: { 'kubernetes.io/metadata.name': namespace } },
      ...{ sideEffects: 'None', admissionReviewVersions: ['v1'], failurePolicy: 'Fail', timeoutSeconds: 30 },
    };
    const body = { apiVersion: GROUP, kind: `${kind}WebhookConfiguration`, metadata: { name: namespace }, webhooks: [webhook] };
    const answer = await controlPlane.request({ method: 'POST', path: this.path(), body });
    if (answer.status !== 201) throw new Error(`webhook ${name}: ${answer.status} ${JSON.stringify(answer.body)}`);
  }

  private get plural(): string {
    return `${this.options.kind.toLowerCase()}webhookconfigurations`;
  }

  private path(name?: string): string {
    return `/apis/${GROUP}/${this.plural}${name === undefined ? '' : `/${name}`}`;
  }
}
