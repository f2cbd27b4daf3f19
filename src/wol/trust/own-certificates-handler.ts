/**
 * Mode `self`: makes the authority and the certificates that the mode's base class publishes.
 *
 * Owns: when the keeper of the certificates runs: on the leader whenever something changed or is due, and once at the start of every
 * replica, which may only create, so that a first replica need not lead to be reachable.
 */
import {
  CLOCK,
  type Clock,
  Handler,
  inject,
  isOperatorError,
  LOGGER,
  type Logger,
  OnStartup,
  OPERATOR_NAMESPACE,
  type ProcessContext,
  Secret,
} from '../../framework';
import type { CertificateStore } from '../certificates/certificate-store';
import { CERTIFICATE_LIFETIMES, type CertificateLifetimes } from '../certificates/lifetimes';
import { OwnCertificates } from '../certificates/own-certificates';
import { serverHosts } from '../grpc-settings';
import { AGENT_SECRET, AUTHORITY_SECRET, SERVER_SECRET } from '../protocol/identity';
import { WOL_SETTINGS, type WolSettings } from '../settings';
import { AgentAccount } from './agent-account';
import { GrpcTrustHandler } from './grpc-trust-handler';

const WHY = 'the certificate that agents verify the manager by';

@Handler({
  id: 'GrpcTrustHandler',
  rbac: [
    { kind: Secret, verbs: ['update'], names: [AUTHORITY_SECRET], namespace: OPERATOR_NAMESPACE, why: WHY },
    { kind: Secret, verbs: ['update'], names: [SERVER_SECRET], namespace: OPERATOR_NAMESPACE, why: WHY },
    { kind: Secret, verbs: ['create'], namespace: OPERATOR_NAMESPACE, why: WHY },
  ],
})
export class OwnCertificatesHandler extends GrpcTrustHandler {
  constructor(
    @inject(WOL_SETTINGS) settings: WolSettings,
    @inject(CLOCK) clock: Clock,
    @inject(LOGGER) logger: Logger,
    @inject(CERTIFICATE_LIFETIMES) private readonly lifetimes: CertificateLifetimes,
    private readonly account: AgentAccount,
  ) {
    super(settings, clock, logger);
  }

  /** Before the server listens. What cannot be created now, the leader makes as soon as it can. */
  @OnStartup({ order: 50 })
  async createMissing({ client }: ProcessContext): Promise<void> {
    try {
      await this.maintain(this.store(client, { createOnly: true }));
    } catch (error) {
      if (isOperatorError(error, 'LEFT_TO_LEADER')) this.logger.debug('certificates are left to the leader', { cause: error.message });
      else this.logger.warn('certificates cannot be made yet', { error });
    }
  }

  protected override maintain(store: CertificateStore): Promise<number> {
    const { namespace, grpc } = this.settings;
    const certificates = new OwnCertificates({
      store,
      clock: this.clock,
      lifetimes: this.lifetimes,
      hosts: serverHosts(namespace, grpc),
      // At the start of a replica nothing has been listed yet; the leader makes that pair.
      agentUser: grpc.mtls && this.account.isKnown ? this.account.user : undefined,
      onMade: (what) => this.logger.info('made for gRPC', { what }),
    });
    return certificates.maintain();
  }
}

/** With mTLS the agents get a pair as well. */
@Handler({
  id: 'GrpcTrustHandler',
  rbac: [
    {
      kind: Secret,
      verbs: ['update'],
      names: [AGENT_SECRET],
      namespace: OPERATOR_NAMESPACE,
      why: 'the certificate that the manager verifies agents by',
    },
  ],
})
export class OwnMutualCertificatesHandler extends OwnCertificatesHandler {}
