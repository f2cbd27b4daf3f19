/**
 * Takes off the cluster what managers have made, so that nothing of ours runs once the installation is removed.
 *
 * Expected flow: asked, where finalizers are to be released -> Deployment to 0 -> its pods end -> nobody holds the Lease -> workloads
 * deleted with their pods -> Secrets, ConfigMaps and Lease deleted -> finalizers released, where that was confirmed -> told what stays.
 * Guarantees: deletes nothing that is not provably ours; running it again, also after a kill, goes on where it ended; nothing to do is
 * success.
 * Assumptions: whoever calls it may do exactly what the chart's hook may; to release finalizers also list Deployments and patch our objects.
 * Caveats: a pod that ends may still write while the Deployment counts it no longer, hence the wait for the Lease and the second look.
 * Errors: those of the API server; a wait that takes too long is told and ends with exit code 1.
 */
import {
  type Clock,
  CustomResourceDefinition,
  Deployment,
  isOperatorError,
  type Kind,
  type KubeClient,
  type KubernetesObject,
  keyOf,
  Lease,
  OperatorError,
  objectKey,
  sleep,
} from '../../framework';
import type { ModuleRemoval, NamedThing } from './module-removal';

const LOOK_MS = 500;
const APP = 'virt-steward';
const NAME_LABEL = 'app.kubernetes.io/name';
const MANAGED_BY_LABEL = 'app.kubernetes.io/managed-by';
const MERGE_PATCH = 'application/merge-patch+json';
/** Of a Lease that does not say. */
const LEASE_SECONDS = 15;
const EXIT_INTERRUPTED = 130;

export interface CleanUpOptions {
  readonly client: KubeClient;
  readonly clock: Clock;
  readonly namespace: string;
  /** Name of the manager's Deployment. */
  readonly deployment: string;
  /** Name of the Lease that managers compete for. */
  readonly lease: string;
  readonly removals: readonly ModuleRemoval[];
  readonly timeoutMs: number;
  readonly signal: AbortSignal;
  /** Asked before the finalizers of our objects are taken off; absent = they stay. */
  readonly confirmRelease?: (question: string) => Promise<boolean>;
  print(line: string): void;
  warn(line: string): void;
}

class NotInTimeError extends OperatorError {
  constructor(what: string) {
    super('NOT_IN_TIME', `${what}; run cleanup again, or look with kubectl why it does not end`);
  }
}

/** @returns exit code: 0 done, 1 not done in time or not confirmed, 130 interrupted. */
export async function cleanUp(options: CleanUpOptions): Promise<number> {
  const run = new CleanUp(options);
  try {
    if (!(await run.mayRelease())) return 1;
    await run.stopManager();
    await run.deleteWorkloads();
    await run.deleteMade();
    await run.releaseFinalizers();
    await run.tellWhatStays();
    return 0;
  } catch (error) {
    if (options.signal.aborted) return EXIT_INTERRUPTED;
    if (!isOperatorError(error, 'NOT_IN_TIME')) throw error;
    options.warn(`error: ${error.message}`);
    return 1;
  }
}

class CleanUp {
  private readonly deadlineMs: number;

  constructor(private readonly options: CleanUpOptions) {
    this.deadlineMs = options.clock.monotonicMs() + options.timeoutMs;
  }

  async stopManager(): Promise<void> {
    const { client, deployment: name, namespace, print } = this.options;
    const key = objectKey(namespace, name);
    const found = await client.find(Deployment, key);
    if (found === undefined) {
      print(`there is no Deployment ${key}`);
    } else if (found.metadata?.labels?.[NAME_LABEL] !== APP) {
      throw new OperatorError(
        'NOT_OURS',
        `Deployment ${key} is not the manager's: its label ${NAME_LABEL} is not ${APP}; name it by --deployment`,
      );
    } else {
      if (found.spec?.['replicas'] !== 0) {
        await client.subresource(Deployment, key, 'scale', { method: 'PATCH', contentType: MERGE_PATCH, body: { spec: { replicas: 0 } } });
        print(`scaled Deployment ${key} to 0`);
      }
      await this.until(`Deployment ${key} still has pods`, async () => hasNoPods(await client.find(Deployment, key)));
    }
    await this.untilNobodyLeads();
  }

  /** A leader gives its Lease back at its end; one that was killed does not renew it. */
  private async untilNobodyLeads(): Promise<void> {
    const { client, clock, namespace, lease: name } = this.options;
    let seen: { renewTime: string | undefined; atMs: number } | undefined;
    await this.until(`somebody holds Lease ${namespace}/${name}`, async () => {
      const lease = await client.find(Lease, objectKey(namespace, name));
      const { holderIdentity = '', renewTime, leaseDurationSeconds = LEASE_SECONDS } = lease?.spec ?? {};
      if (holderIdentity === '') return true;
      const nowMs = clock.monotonicMs();
      if (seen === undefined || seen.renewTime !== renewTime) seen = { renewTime, atMs: nowMs };
      return nowMs - seen.atMs > leaseDurationSeconds * 1_000;
    });
  }

  /** Looks until nothing is left, since what a manager wrote last may come late. */
  async deleteWorkloads(): Promise<void> {
    const { client, namespace, print, removals } = this.options;
    for (const { kind, ours } of removals.flatMap(({ workload }) => workload ?? [])) {
      const told = new Set<string>();
      await this.until(`pods of ${kind.kind}s of ours still run in ${namespace}`, async () => {
        const left = await ours(client, namespace);
        for (const { metadata } of left.filter((object) => object.metadata?.deletionTimestamp === undefined)) {
          const { name = '', uid = '' } = metadata ?? {};
          // Foreground: it is gone when its pods are.
          await client.delete(kind, objectKey(namespace, name), { uid, propagation: 'Foreground' });
          if (!told.has(uid)) print(`deleted ${kind.kind} ${namespace}/${name}`);
          told.add(uid);
        }
        return left.length === 0;
      });
    }
  }

  async deleteMade(): Promise<void> {
    const { client, namespace, lease, print, removals } = this.options;
    for (const { kind, name } of removals.flatMap(({ made }) => made)) {
      const found = await this.find({ kind, name });
      if (found === undefined) continue;
      if (found.metadata?.labels?.[MANAGED_BY_LABEL] === client.managedBy) await this.delete(kind, found);
      else print(`left ${kind.kind} ${namespace}/${name}: virt-steward did not make it`);
    }
    const held = await this.find({ kind: Lease, name: lease });
    if (held !== undefined) await this.delete(Lease, held);
  }

  /** Asked before anything is done. @returns false = do nothing at all. @throws {OperatorError} while a manager elsewhere looks after them. */
  async mayRelease(): Promise<boolean> {
    const { confirmRelease, namespace, deployment, warn } = this.options;
    if (confirmRelease === undefined) return true;
    const held = await this.heldObjects();
    if (held.length === 0) return true;
    await this.refuseBesideOthers();
    const question =
      `Stop the manager ${namespace}/${deployment} and release ${held.length} objects, ` +
      'whose virtual machines and disks on other clusters then stay for you to delete?';
    if (await confirmRelease(question)) return true;
    warn('did nothing: it was not confirmed');
    return false;
  }

  /** A manager would put them on again, or miss the deletion of what it looks after. */
  private async refuseBesideOthers(): Promise<void> {
    const { client, namespace, deployment } = this.options;
    for (const { metadata = {}, spec } of await client.list(Deployment, { labels: `${NAME_LABEL}=${APP}` }).toArray()) {
      if (spec?.['replicas'] === 0 || (metadata.namespace === namespace && metadata.name === deployment)) continue;
      throw new OperatorError(
        'STILL_AT_WORK',
        `Deployment ${metadata.namespace}/${metadata.name} is a manager that still runs; name it by --operator-namespace and --deployment`,
      );
    }
  }

  /** Objects that nobody watches over any more can be deleted then, and what stands for them on other clusters stays. */
  async releaseFinalizers(): Promise<void> {
    const { client, print, confirmRelease } = this.options;
    if (confirmRelease === undefined) return;
    for (const { kind, object } of await this.heldObjects()) {
      for (const finalizer of this.finalizers) await client.removeFinalizer(kind, object, finalizer);
      print(`released ${kind.kind} ${keyOf(object)}`);
    }
  }

  private async heldObjects(): Promise<{ kind: Kind; object: KubernetesObject }[]> {
    return (await this.ownObjects()).flatMap(({ kind, objects, isOurs }) =>
      objects.filter((object) => this.isHeld(object) && isOurs({ ...object, kind: kind.kind })).map((object) => ({ kind, object })),
    );
  }

  async tellWhatStays(): Promise<void> {
    const { namespace, print, removals } = this.options;
    for (const { kind, name, why } of removals.flatMap(({ kept }) => kept)) {
      if ((await this.find({ kind, name })) !== undefined) print(`stays: ${kind.kind} ${namespace}/${name} (${why})`);
    }
    for (const { kind, definition: name, objects, isOurs } of await this.ownObjects()) {
      const held = objects.filter((object) => this.isHeld(object) && isOurs({ ...object, kind: kind.kind })).length;
      const release = 'virt-steward cleanup --release-finalizers';
      const hint = held === 0 ? '' : `; ${held} can be deleted only while a manager runs, or after ${release}`;
      print(`stays: CustomResourceDefinition ${name} with ${objects.length} ${objects.length === 1 ? kind.kind : `${kind.kind}s`}${hint}`);
    }
  }

  private get finalizers(): ReadonlySet<string> {
    return new Set(this.options.removals.flatMap((removal) => removal.finalizers ?? []));
  }

  private readonly isHeld = ({ metadata }: KubernetesObject): boolean =>
    metadata?.finalizers?.some((finalizer) => this.finalizers.has(finalizer)) ?? false;

  /** Of the kinds that are there. */
  private async ownObjects() {
    const { client, removals } = this.options;
    const found = [];
    const kinds = removals.flatMap(({ ownKinds, isOurs = () => true }) => ownKinds.map((kind) => ({ kind, isOurs })));
    for (const { kind, isOurs } of kinds) {
      const definition = `${kind.plural}.${kind.group}`;
      if ((await client.find(CustomResourceDefinition, definition)) === undefined) continue;
      found.push({ kind, definition, isOurs, objects: await client.list(kind).toArray() });
    }
    return found;
  }

  private find({ kind, name }: NamedThing): Promise<KubernetesObject | undefined> {
    const { client, namespace } = this.options;
    return client.find(kind, objectKey(namespace, name));
  }

  private async delete(kind: Kind, { metadata }: KubernetesObject): Promise<void> {
    const { client, namespace, print } = this.options;
    const { name = '', uid = '' } = metadata ?? {};
    await client.delete(kind, objectKey(namespace, name), { uid });
    print(`deleted ${kind.kind} ${namespace}/${name}`);
  }

  /** @throws {NotInTimeError} naming what is so still. */
  private async until(otherwise: string, isSo: () => Promise<boolean>): Promise<void> {
    const { clock, signal } = this.options;
    while (!(await isSo())) {
      if (clock.monotonicMs() >= this.deadlineMs) throw new NotInTimeError(otherwise);
      await sleep(clock, LOOK_MS, signal);
    }
  }
}

function hasNoPods(deployment: Deployment | undefined): boolean {
  if (deployment === undefined) return true;
  const { replicas = 0, observedGeneration = 0 } = deployment.status ?? {};
  return replicas === 0 && observedGeneration >= (deployment.metadata?.generation ?? 0);
}
