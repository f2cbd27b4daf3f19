/** What this operator is made of: the shipped handlers of Wake-on-LAN, and ours. */
import {
  buildRegistry,
  createContainer,
  type HandlerClass,
  type OperatorOptions,
  rbacRules,
  rbacYaml,
  Settings,
  WinstonLogger,
} from 'virt-steward/framework';
import { provideWol, WOL_FLAGS, wolHandlers, wolSettings } from 'virt-steward/wol';
import { ContactHandler } from './contact-handler';
import { DirectoryHandler } from './directory-handler';
import { HEALTH_ADDRESS, LEASE, NAMESPACE } from './settings';

const NAME = 'acme-steward';
const DOMAIN = 'acme.example';

/** ContactHandler replaces the WolConfigHandler among the shipped ones, because it extends it. */
export const handlers: readonly HandlerClass[] = [...wolHandlers, ContactHandler, DirectoryHandler];

/** @throws {UsageError} for an environment variable of Wake-on-LAN that cannot be used. */
export function operatorOptions(environment: NodeJS.ProcessEnv): OperatorOptions {
  const container = createContainer();
  provideWol(container, wolSettings(new Settings(WOL_FLAGS, {}, environment), NAMESPACE));
  return {
    name: NAME,
    namespace: NAMESPACE,
    domain: DOMAIN,
    handlers,
    container,
    healthAddress: HEALTH_ADDRESS,
    leaderElection: { lease: LEASE },
    logger: WinstonLogger.create(),
  };
}

/** Exactly the rights that these handlers need, each with its reasons, for `kubectl apply`. */
export function rights(): string {
  const rules = rbacRules(buildRegistry({ handlers, domain: DOMAIN }), { lease: LEASE });
  return rbacYaml(rules, { name: NAME, namespace: NAMESPACE, serviceAccount: NAME });
}
