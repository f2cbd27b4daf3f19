/**
 * What the module platform does: it makes an object of its catalog, sets it back when somebody changes it, and keeps a value that its owner
 * has chosen by annotation.
 *
 * Owns: the order of its steps. Never: takes the word of the manager; what the object was is told by a watch.
 */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { catalogCrd } from '../../test/harness/catalog-crds';
import { poll } from '../../test/harness/poll';
import { objectsIn, ROOT, type StewardCluster, type TestObject } from '../../test/harness/steward-cluster';
import { eventsAbout } from '../../test/harness/wol-objects';
import type { Stage } from './stage';
import { nameOf, States } from './states';
import type { SeenRow } from './summary';

const CRDS = ['hyperconvergeds.hco.kubevirt.io', 'kubedeschedulers.operator.openshift.io'];
const DESCHEDULER = {
  apiVersion: 'operator.openshift.io/v1',
  kind: 'KubeDescheduler',
  metadata: { name: 'cluster', namespace: 'openshift-kube-descheduler-operator' },
};
const PATH = '/apis/operator.openshift.io/v1/kubedeschedulers';
const OBJECT = `KubeDescheduler ${DESCHEDULER.metadata.name}`;
const KUBECTL = `kubectl -n ${DESCHEDULER.metadata.namespace}`;
const PATCH = '[{"op":"replace","path":"/spec/deschedulingIntervalSeconds","value":120}]';
/** As the manager may take to see the HyperConverged and new kinds. */
const LIMIT_MS = 60_000;

type Descheduler = TestObject & { spec?: { deschedulingIntervalSeconds?: number; mode?: string } };

export class PlatformShow {
  readonly states: States;

  constructor(
    private readonly stage: Stage,
    private readonly cluster: StewardCluster,
  ) {
    this.states = new States({
      controlPlane: cluster.controlPlane,
      path: PATH,
      stateOf: shown,
      onTransition: ({ from, to }) => stage.narration.note(`${OBJECT}: ${from} -> ${to}`),
      stage,
    });
  }

  async show(): Promise<SeenRow[]> {
    await this.create();
    this.stage.step('changing the object by hand, and then choosing a value of its own for it');
    return [await this.drift(), await this.override(), await this.driftBesideOverride()];
  }

  private async create(): Promise<void> {
    this.stage.step('creating a HyperConverged that asks for load-aware rebalancing');
    const { api } = this.cluster;
    for (const crd of CRDS) await api.apply(catalogCrd(crd));
    for (const crd of CRDS) await api.waitForCondition(catalogCrd(crd), 'Established');
    for (const object of objectsIn(readFileSync(join(ROOT, 'hack/demo/hyperconverged.yaml'), 'utf8'))) await api.apply(object);
    await this.states.until(DESCHEDULER.metadata, shownAs(60));
    this.stage.narration.note(`the manager has made ${OBJECT} of its catalog: ${shownAs(60)}`);
  }

  private async drift(): Promise<SeenRow> {
    const change = { spec: { deschedulingIntervalSeconds: 3_600 } };
    this.stage.narration.note(`$ ${KUBECTL} patch kubedescheduler cluster --type=merge -p '${JSON.stringify(change)}'`);
    const afterMs = await this.correctionMs(change, shownAs(3_600), shownAs(60));
    this.stage.narration.note(`Event ${await this.event('DriftCorrected')}`);
    return { object: OBJECT, done: 'interval 60 s -> 3600 s by hand', outcome: 'set back to 60 s', afterMs };
  }

  private async override(): Promise<SeenRow> {
    const change = { metadata: { annotations: { 'platform.kubevirt.io/patch': PATCH } } };
    this.stage.narration.note(`$ ${KUBECTL} annotate kubedescheduler cluster 'platform.kubevirt.io/patch=${PATCH}'`);
    const [mark, startMs] = [this.states.mark, Date.now()];
    await this.cluster.api.mergePatch(DESCHEDULER, change);
    const { seenAtMs } = await this.states.seen(DESCHEDULER.metadata, shownAs(120), mark);
    return { object: OBJECT, done: 'annotation: interval 120 s', outcome: 'taken over: 120 s', afterMs: seenAtMs - startMs };
  }

  private async driftBesideOverride(): Promise<SeenRow> {
    const change = { spec: { mode: 'Predictive' } };
    this.stage.narration.note(`$ ${KUBECTL} patch kubedescheduler cluster --type=merge -p '${JSON.stringify(change)}'`);
    const afterMs = await this.correctionMs(change, shownAs(120, 'Predictive'), shownAs(120));
    return { object: OBJECT, done: 'mode Automatic -> Predictive by hand', outcome: 'set back, and the interval stays 120 s', afterMs };
  }

  /** How long the object was as it must not be. */
  private async correctionMs(change: object, wrong: string, right: string): Promise<number> {
    const mark = this.states.mark;
    await this.cluster.api.mergePatch(DESCHEDULER, change);
    const changed = await this.states.seen(DESCHEDULER.metadata, wrong, mark);
    const corrected = await this.states.seen(DESCHEDULER.metadata, right, mark);
    return corrected.seenAtMs - changed.seenAtMs;
  }

  private async event(reason: string): Promise<string> {
    const told = await poll(
      `Event ${reason}`,
      async () => {
        this.stage.check();
        const about = await eventsAbout(this.cluster.api, 'HyperConverged', 'kubevirt-hyperconverged');
        return about.find((event) => event.reason === reason && event.note.includes(nameOf(DESCHEDULER.metadata)));
      },
      { timeoutMs: LIMIT_MS },
    );
    return `${told.reason}: ${told.note}`;
  }
}

function shown({ spec }: Descheduler): string {
  return shownAs(spec?.deschedulingIntervalSeconds, spec?.mode);
}

function shownAs(seconds = 0, mode = 'Automatic'): string {
  return `interval ${seconds} s, mode ${mode}`;
}
