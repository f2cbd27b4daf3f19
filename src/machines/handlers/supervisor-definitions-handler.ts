/**
 * Follows the CRDs of this module on the supervisor, each by its name.
 *
 * Owns: telling SupervisorApi, readiness, and what is logged about fields that a CRD does not keep.
 */
import {
  CustomResourceDefinition,
  Handler,
  inject,
  LOGGER,
  type Logger,
  MetricsRegistry,
  OnEvent,
  Probe,
  type ResourceEvent,
} from '../../framework';
import { MACHINES_SETTINGS, type MachinesSettings } from '../settings';
import { type Definition, hasField, OUR_API, OUR_CRDS, OUR_GROUP, type OurCrd, SupervisorApi } from '../supervisor-api';
import { exposeApiFigures } from './cluster-gauges';

const named = (crd: OurCrd) => ({ select: { fields: `metadata.name=${crd}.${OUR_GROUP}` } });

/** Looked for in schemas; any of a group is enough. A CRD of either generation has them. */
const EXPECTED: Readonly<Record<OurCrd, readonly (readonly string[])[]>> = {
  machines: [['spec.instanceType', 'spec.machineClass'], ['status.phase'], ['status.conditions']],
  kubevirtconfigs: [['spec.kubeconfigSecretRef'], ['status.phase']],
  networkconfigurations: [['spec.networks', 'spec.networkInterfaces'], ['status.phase']],
};

@Handler()
export class SupervisorDefinitionsHandler {
  /** What was logged last, by CRD. */
  private readonly told = new Map<OurCrd, string>();

  constructor(
    private readonly api: SupervisorApi,
    @inject(MACHINES_SETTINGS) settings: MachinesSettings,
    @inject(LOGGER) private readonly logger: Logger,
    metrics: MetricsRegistry,
  ) {
    if (settings.isConfigNamespaceDefault) logger.info('KUBEVIRT_CONFIGS_NAMESPACE is not set, using namespace "default"');
    for (const name of settings.ignoredVariables) logger.warn('a variable of the older operator has no effect', { variable: name });
    exposeApiFigures(metrics, api);
  }

  @OnEvent(CustomResourceDefinition, named('machines'))
  machines(event: ResourceEvent<CustomResourceDefinition>): void {
    this.see('machines', event);
  }

  @OnEvent(CustomResourceDefinition, named('kubevirtconfigs'))
  kubevirtConfigs(event: ResourceEvent<CustomResourceDefinition>): void {
    this.see('kubevirtconfigs', event);
  }

  @OnEvent(CustomResourceDefinition, named('networkconfigurations'))
  networkConfigurations(event: ResourceEvent<CustomResourceDefinition>): void {
    this.see('networkconfigurations', event);
  }

  /** Without any of its CRDs the module is merely not asked for; with some of them the installation is broken. */
  @Probe('machines-api')
  ready(): string {
    const { problem, profile, isAbsent } = this.api;
    if (isAbsent) return `waits for ${OUR_API} ${OUR_CRDS.join(', ')}`;
    if (problem !== undefined) throw new Error(problem);
    return `profile ${profile}`;
  }

  private see(crd: OurCrd, { type, object }: ResourceEvent<CustomResourceDefinition>): void {
    const before = this.api.profile;
    const definition = type === 'DELETED' ? undefined : (object as Definition);
    this.api.see(crd, definition);
    if (this.api.profile !== before) this.logger.info('the profile of the API is another one', { profile: this.api.profile });
    const texts = definition === undefined ? [`CRD '${crd}.${OUR_GROUP}' not found`] : findingsOf(crd, definition);
    const text = texts.join('; ');
    if (this.told.get(crd) === text) return;
    this.told.set(crd, text);
    for (const finding of texts) this.logger.warn(`⚠️ ${finding}`);
    if (definition !== undefined && crd === 'machines' && !hasField(definition, 'status.kubevirtConfigRef')) {
      this.logger.info(
        "CRD 'machines.vitistack.io' does not keep status.kubevirtConfigRef; the annotation and status.providerID record the placement",
      );
    }
  }
}

function findingsOf(crd: OurCrd, definition: Definition): string[] {
  const missing = EXPECTED[crd]
    .filter((group) => !group.some((path) => hasField(definition, path)))
    .map(([first = '']) => first.replace(/^(spec|status)\./, ''));
  return missing.length === 0 ? [] : [`CRD '${crd}.${OUR_GROUP}' is missing expected properties: ${missing.join(', ')}`];
}
