/** What this operator is made of: the shipped handlers of Wake-on-LAN, and ours. */
import {
  buildRegistry,
  createContainer,
  type DependencyContainer,
  type OperatorOptions,
  rbacRules,
  rbacYaml,
  Settings,
  WinstonLogger,
} from 'virt-steward/framework';
import { provideWol, WOL_FLAGS, WOL_VARIABLES, wolHandlersFor, wolSettings } from 'virt-steward/wol';
import { ContactHandler } from './contact-handler';
import { DirectoryHandler } from './directory-handler';
import { HEALTH_ADDRESS, LEASE, NAMESPACE } from './settings';

const NAME = 'acme-steward';
const DOMAIN = 'acme.example';

/** Of the image of agents, unless AGENT_IMAGE names one. */
const VERSION = '0.1.0';

/** @throws {UsageError} for an environment variable of Wake-on-LAN that cannot be used. */
export function operatorOptions(environment: NodeJS.ProcessEnv): OperatorOptions & { container: DependencyContainer } {
  const settings = wolSettings(new Settings([...WOL_FLAGS, ...WOL_VARIABLES], {}, environment), NAMESPACE, VERSION);
  const container = createContainer();
  provideWol(container, settings);
  return {
    name: NAME,
    namespace: NAMESPACE,
    domain: DOMAIN,
    // ContactHandler replaces the WolConfigHandler among the shipped ones, because it extends it.
    handlers: [...wolHandlersFor(settings), ContactHandler, DirectoryHandler],
    container,
    healthAddress: HEALTH_ADDRESS,
    leaderElection: { lease: LEASE },
    logger: WinstonLogger.create(),
  };
}

/** Exactly the rights that these handlers need, each with its reasons, for `kubectl apply`. */
export function rights(environment: NodeJS.ProcessEnv): string {
  const { handlers, container } = operatorOptions(environment);
  const registry = buildRegistry({ handlers, domain: DOMAIN, container });
  const rules = rbacRules(registry, { lease: LEASE, get: (token) => container.resolve(token) });
  return rbacYaml(rules, { name: NAME, namespace: NAMESPACE, serviceAccount: NAME });
}
