/**
 * Brings the authority of the gRPC certificate to the agents, whoever makes the certificate.
 *
 * Owns: the published ConfigMap. Never: writes a Secret; the mode in which certificates are our own is a subclass.
 * A virtual kind with one key: every Secret and ConfigMap that counts is watched by name and leads to the same pass, on the leader.
 */
import {
  CLOCK,
  type Clock,
  ConfigMap,
  defineKind,
  defineVirtualKind,
  Handler,
  inject,
  type KeySink,
  type KeySource,
  KubeClient,
  type KubernetesObject,
  LOGGER,
  type Logger,
  OPERATOR_NAMESPACE,
  Reconcile,
  type ReconcileContext,
  type ReconcileResult,
  Source,
} from '../../framework';
import { CertificateStore } from '../certificates/certificate-store';
import { publishProvided } from '../certificates/provided-certificates';
import { authoritySource } from '../grpc-settings';
import { BUNDLE_CONFIG_MAP } from '../protocol/identity';
import { WOL_SETTINGS, type WolSettings } from '../settings';
import { GRPC_TRUST_KEY, GrpcObjectNames } from './grpc-objects';

/** The trust between agents and manager as a whole. */
export interface GrpcTrust {
  /** What people look at; failures are reported there. */
  readonly bundle: KubernetesObject;
}
export const GrpcTrust = defineVirtualKind<GrpcTrust>('GrpcTrust');

@Source(GrpcTrust)
export class GrpcTrustSource implements KeySource<GrpcTrust> {
  private readonly trust: GrpcTrust;

  constructor(@inject(WOL_SETTINGS) { namespace }: WolSettings) {
    const { apiVersion, kind } = ConfigMap;
    this.trust = { bundle: { apiVersion, kind, metadata: { name: BUNDLE_CONFIG_MAP, namespace } } };
  }

  start(sink: KeySink): void {
    sink.add(GRPC_TRUST_KEY);
    sink.synced();
  }

  resolve(): GrpcTrust {
    return this.trust;
  }
}

const TokenReview = defineKind('authentication.k8s.io/v1', 'TokenReview', 'tokenreviews', { scope: 'Cluster', status: false });

@Handler({
  id: 'GrpcTrustHandler',
  rbac: [
    { kind: TokenReview, verbs: ['create'], why: 'which agent reports a packet' },
    {
      kind: ConfigMap,
      verbs: ['update'],
      names: [BUNDLE_CONFIG_MAP],
      namespace: OPERATOR_NAMESPACE,
      why: 'the authorities that agents verify the manager against',
    },
    { kind: ConfigMap, verbs: ['create'], namespace: OPERATOR_NAMESPACE, why: 'the authorities that agents verify the manager against' },
  ],
})
export class GrpcTrustHandler {
  constructor(
    @inject(WOL_SETTINGS) protected readonly settings: WolSettings,
    @inject(CLOCK) protected readonly clock: Clock,
    @inject(LOGGER) protected readonly logger: Logger,
  ) {}

  @Reconcile(GrpcTrust, {
    watches: (get) => get(GrpcObjectNames).watches(),
    failure: { about: ({ bundle }) => bundle },
  })
  async reconcile(_trust: GrpcTrust, { client }: ReconcileContext): Promise<ReconcileResult> {
    return { requeueAfterMs: await this.maintain(this.store(client)) };
  }

  /** Does what is due. @returns milliseconds after which to look again. */
  protected maintain(store: CertificateStore): Promise<number> {
    return publishProvided(store, this.settings.namespace, authoritySource(this.settings.grpc));
  }

  protected store(client: KubeClient, options: { createOnly?: boolean } = {}): CertificateStore {
    return new CertificateStore({ client, namespace: this.settings.namespace, ...options });
  }
}
