/**
 * Single runs of the algorithm against a real API server, with everything else of the module in the hands of the test.
 *
 * Owns: the kind `Gadget`, one namespace a stage, and what a run told. Never: has caches unless a test gives one.
 */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { KubeConfig } from '@kubernetes/client-node';
import { type ControlPlane, startControlPlane } from '../../../hack/control-plane';
import { defineKind, type Kind, type KubernetesObject, nullLogger, openClient, SystemClock } from '../../../src/framework';
import { FakeClock } from '../../../src/framework/testing';
import { Baseline } from '../../../src/platform/baseline/baseline';
import { objectApi } from '../../../src/platform/baseline/object-api';
import type { BaselineOutcome } from '../../../src/platform/baseline/outcome';
import type { NamespaceState, ObjectApi, RolloutAnswer, RolloutGate } from '../../../src/platform/baseline/ports';
import type { AssetRules, BaselineInput } from '../../../src/platform/baseline/run-input';
import { PAUSED_ANNOTATION } from '../../../src/platform/keys';
import { Throttle } from '../../../src/platform/throttling/throttle';
import { AdminApi } from '../../harness/admin-api';
import { objectsIn, ROOT, type TestObject } from '../../harness/steward-cluster';

export interface Gadget extends KubernetesObject {
  spec?: Record<string, unknown>;
  status?: Record<string, unknown>;
}
export const Gadget = defineKind<Gadget>('example.org/v1', 'Gadget', 'gadgets', { scope: 'Namespaced' });

const text = { type: 'string' };
const GADGETS = {
  apiVersion: 'apiextensions.k8s.io/v1',
  kind: 'CustomResourceDefinition',
  metadata: { name: 'gadgets.example.org' },
  spec: {
    group: 'example.org',
    names: { kind: 'Gadget', listKind: 'GadgetList', plural: 'gadgets', singular: 'gadget' },
    scope: 'Namespaced',
    versions: [
      {
        name: 'v1',
        served: true,
        storage: true,
        subresources: { status: {} },
        schema: {
          openAPIV3Schema: {
            type: 'object',
            properties: {
              spec: {
                type: 'object',
                properties: {
                  size: { type: 'integer' },
                  color: text,
                  limits: { type: 'object', properties: { memory: text, pods: { type: 'integer' } } },
                  deep: { type: 'object', properties: { inner: { type: 'object', properties: { one: text, two: text } } } },
                  words: { type: 'array', items: text },
                  checkInterval: text,
                  defaulted: { type: 'string', default: 'by the API' },
                },
              },
              status: { type: 'object', 'x-kubernetes-preserve-unknown-fields': true },
            },
          },
        },
      },
    ],
  },
};

export const RULES: AssetRules = { adopt: 'always', create: true, strategy: 'apply', fill: [], isNodeLevel: false, position: 0 };

export interface ManagedFields {
  readonly manager: string;
  readonly operation: string;
  readonly subresource?: string;
  readonly fieldsV1: Record<string, unknown>;
}

export interface LiveGadget extends Gadget {
  metadata: Omit<NonNullable<KubernetesObject['metadata']>, 'managedFields'> & { resourceVersion: string; managedFields: ManagedFields[] };
}

export class BaselineStage {
  readonly clock = new FakeClock();
  /** `reason: message`, oldest first. */
  readonly events: string[] = [];
  readonly api: AdminApi;
  readonly namespace: string;
  throttle: Throttle;
  baseline: Baseline;
  rollout: RolloutAnswer = { open: true };
  /** Decides in place of `rollout`. */
  gate: RolloutGate | undefined;
  calls: string[] = [];
  thrashing = 0;
  /** What stands in the way of the annotation that pauses. */
  pauseFailure: 'refused' | 'pruned' | undefined;
  private readonly client: ReturnType<typeof openClient>;

  private constructor(
    readonly controlPlane: ControlPlane,
    name: string,
  ) {
    this.api = new AdminApi(controlPlane);
    this.namespace = name;
    const kubeConfig = new KubeConfig();
    kubeConfig.loadFromString(controlPlane.kubeconfig);
    this.client = openClient(kubeConfig, { clock: new SystemClock(), userAgent: 'baseline-test' });
    this.throttle = this.newThrottle();
    this.baseline = this.newBaseline();
  }

  static async set(controlPlane: ControlPlane, name: string): Promise<BaselineStage> {
    const stage = new BaselineStage(controlPlane, name);
    await stage.api.apply({ apiVersion: 'v1', kind: 'Namespace', metadata: { name } });
    return stage;
  }

  /** As after a restart of the process. */
  restart(): void {
    this.throttle = this.newThrottle();
    this.baseline = this.newBaseline();
  }

  close(): void {
    this.client.close();
  }

  gadget(spec: Record<string, unknown>, change: Partial<KubernetesObject['metadata'] & object> = {}): Gadget {
    return { apiVersion: 'example.org/v1', kind: 'Gadget', metadata: { name: 'a', namespace: this.namespace, ...change }, spec };
  }

  async run(
    rendered: KubernetesObject,
    { rules = {}, kind = Gadget as Kind, ...rest }: Partial<BaselineInput> & { rules?: Partial<AssetRules>; kind?: Kind } = {},
  ): Promise<BaselineOutcome> {
    this.calls = [];
    return this.baseline.run({
      ...{ key: 'asset', kind, rendered, asset: { ...RULES, ...rules }, exclusion: { kind: 'included' }, cached: undefined, isFull: false },
      ...{ api: this.objects(), namespaceState: (): NamespaceState => 'unknown' },
      ...rest,
    });
  }

  /** What was told since the last call. */
  told(): string[] {
    return this.events.splice(0).map((event) => event.slice(0, event.indexOf(':')));
  }

  live(): Promise<LiveGadget | undefined> {
    return this.as('GET', 'nobody') as never;
  }

  async spec(): Promise<Record<string, unknown>> {
    return (await this.live())?.spec ?? {};
  }

  async entry(manager: string): Promise<ManagedFields | undefined> {
    return (await this.live())?.metadata.managedFields.find((entry) => entry.manager === manager && entry.subresource === undefined);
  }

  /** Somebody else applies by server-side apply. */
  applyAs(manager: string, object: KubernetesObject): Promise<unknown> {
    return this.as('PATCH', manager, object, 'application/apply-patch+yaml');
  }

  /** Somebody else updates. */
  mergeAs(manager: string, patch: unknown): Promise<unknown> {
    return this.as('PATCH', manager, patch, 'application/merge-patch+json');
  }

  annotate(annotations: Record<string, string | null>): Promise<unknown> {
    return this.mergeAs('a-person', { metadata: { annotations } });
  }

  delete(): Promise<unknown> {
    return this.as('DELETE', 'a-person');
  }

  private async as(method: string, manager: string, body?: unknown, contentType?: string): Promise<unknown> {
    const query = method === 'PATCH' ? `?fieldManager=${manager}${contentType?.includes('apply') === true ? '&force=true' : ''}` : '';
    const path = `/apis/example.org/v1/namespaces/${this.namespace}/gadgets/a${query}`;
    const answer = await this.controlPlane.request({ method, path, body, ...(contentType === undefined ? {} : { contentType }) } as never);
    if (answer.status === 404) return undefined;
    if (answer.status >= 300) throw new Error(`${method} ${path}: ${answer.status} ${JSON.stringify(answer.body)}`);
    return answer.body;
  }

  private objects(): ObjectApi {
    const inner = objectApi(this.client.client, () => undefined);
    return {
      get: (kind, key) => this.count('get', () => inner.get(kind, key)),
      apply: (kind, object, dryRun) => this.count(dryRun ? 'dry-run' : 'apply', () => inner.apply(kind, object, dryRun)),
      patch: (kind, key, operations) => this.count('patch', () => inner.patch(kind, key, operations)),
      pause: (kind, key) =>
        this.count('pause', async () => {
          if (this.pauseFailure === 'refused') throw new Error('nobody may annotate this');
          const paused = await inner.pause(kind, key);
          // As a webhook does it: the answer already lacks the annotation.
          return this.pauseFailure === 'pruned' ? ((await this.annotate({ [PAUSED_ANNOTATION]: null })) as KubernetesObject) : paused;
        }),
    };
  }

  private count<T>(call: string, make: () => Promise<T>): Promise<T> {
    this.calls.push(call);
    return make();
  }

  private newThrottle(): Throttle {
    return new Throttle({ capacity: 5, windowMs: 60_000, clock: this.clock });
  }

  private newBaseline(): Baseline {
    const tell = (reason: string, _key: string, message: string): void => {
      this.events.push(`${reason}: ${message}`);
    };
    return new Baseline({
      throttle: this.throttle,
      rollout: {
        admit: (...call) => this.gate?.admit(...call) ?? this.rollout,
        wrote: (...call) => this.gate?.wrote(...call),
        ended: (...call) => this.gate?.ended(...call) ?? false,
      },
      events: { normal: tell, warning: tell },
      counters: { dryRun: () => undefined, applied: () => undefined, thrashing: () => this.thrashing++ },
      clock: this.clock,
      log: nullLogger,
    });
  }
}

/** Stages one after the other, on a control plane of their own. */
export class BaselineStages {
  private controlPlane: ControlPlane | undefined;
  private count = 0;

  /** @param definitions files below assets/crds, to serve their kinds as well */
  async open(definitions: readonly string[] = []): Promise<void> {
    this.controlPlane = await startControlPlane();
    const api = new AdminApi(this.controlPlane);
    for (const definition of [GADGETS, ...definitions.map(definitionIn)]) {
      await api.apply(definition);
      await api.waitForCondition(definition, 'Established');
    }
  }

  next(): Promise<BaselineStage> {
    if (this.controlPlane === undefined) throw new Error('open() comes first');
    return BaselineStage.set(this.controlPlane, `stage-${++this.count}`);
  }

  async close(): Promise<void> {
    await this.controlPlane?.stop();
  }
}

function definitionIn(file: string): TestObject {
  const [definition] = objectsIn(readFileSync(join(ROOT, 'assets', 'crds', file), 'utf8'));
  const { 'x-virt-steward-assumed': _, ...served } = definition as TestObject & { 'x-virt-steward-assumed'?: true };
  return served;
}

export function specFields(entry: ManagedFields | undefined): object {
  return (entry?.fieldsV1['f:spec'] ?? {}) as object;
}

export function annotationFields(entry: ManagedFields | undefined): object {
  return ((entry?.fieldsV1['f:metadata'] as Record<string, object> | undefined)?.['f:annotations'] ?? {}) as object;
}
