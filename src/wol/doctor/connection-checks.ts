/**
 * Whether agents can reach a manager and verify it: Service, endpoints, certificate, published authorities.
 *
 * Never: lets anything of a Secret into a finding but dates and whether parts belong together.
 */
import { ConfigMap, type DaemonSet, DaemonSet as DaemonSetKind, defineKind, type KubernetesObject, Service } from '../../framework';
import { type Finding, fail, ok, unchecked, warn } from '../../kubevirt/diagnosis/finding';
import { valueOr } from '../../kubevirt/diagnosis/reading';
import { secretValues } from '../certificates/certificate-store';
import { certificatesIn, isExpired, isIssuedBy, pairIn, renewAtMs, type StoredCertificate } from '../certificates/stored-certificate';
import { GRPC_SERVICES, operatorAddress } from '../deployment/agent-environment';
import { APP, APP_LABEL } from '../deployment/agent-names';
import { BUNDLE_CONFIG_MAP, SERVER_SECRET } from '../protocol/identity';
import type { Check, DoctorContext } from './context';

interface EndpointSlice extends KubernetesObject {
  endpoints?: { conditions?: { ready?: boolean }; addresses?: string[] }[];
}
const EndpointSlice = defineKind<EndpointSlice>('discovery.k8s.io/v1', 'EndpointSlice', 'endpointslices', {
  scope: 'Namespaced',
  status: false,
});

const DAY_MS = 86_400_000;

export const connectionChecks: Check = async (context) => {
  const isPlain = await agentsArePlain(context);
  const trust = isPlain
    ? [
        warn(
          'certificate',
          'agents report in plaintext, and the manager believes anybody (GRPC_INSECURE)',
          'start the manager without --grpc-insecure',
        ),
      ]
    : await trustFindings(context);
  return [...(await serviceFindings(context)), ...trust];
};

async function serviceFindings({ view, namespace }: DoctorContext): Promise<Finding[]> {
  const services = await view.list(Service, { namespace, labels: GRPC_SERVICES.labels ?? '' });
  if (services.kind !== 'read') return [unchecked('service', `Service for agents in ${namespace}`, services)];
  const address = operatorAddress(services.value, namespace);
  const name = address.split('.')[0] ?? '';
  if (services.value.length === 0) {
    const remedy = `create a Service labelled ${GRPC_SERVICES.labels?.replace(/ in \(([^,)]+).*\)/, '=$1')}, or start the manager with --agent-operator-address`;
    return [
      warn('service', `no Service in ${namespace} leads agents to a manager; unless they are told otherwise they try ${address}`, remedy),
    ];
  }
  const slices = await view.list(EndpointSlice, { namespace, labels: `kubernetes.io/service-name=${name}` });
  if (slices.kind !== 'read')
    return [ok('service', `agents reach managers at ${address}`), unchecked('endpoints', `endpoints of ${name}`, slices)];
  const ready = slices.value.flatMap(({ endpoints }) => endpoints ?? []).filter(({ conditions }) => conditions?.ready !== false).length;
  const endpoints =
    ready > 0
      ? ok('endpoints', `${ready} ready behind ${name}`)
      : fail(
          'endpoints',
          `no manager is ready behind ${name}`,
          `kubectl -n ${namespace} get pods; a manager is ready when /readyz says so`,
        );
  return [ok('service', `agents reach managers at ${address}`), endpoints];
}

async function trustFindings({ view, namespace, nowMs }: DoctorContext): Promise<Finding[]> {
  const published = await view.get(ConfigMap, BUNDLE_CONFIG_MAP, namespace);
  const bundle = certificatesIn(published.kind === 'read' ? published.value.data?.['ca.crt'] : undefined).filter(
    (ca) => !isExpired(ca, nowMs),
  );
  const secret = await view.secret(SERVER_SECRET, namespace);
  const bundleFindings =
    published.kind === 'read' || published.kind === 'absent' ? [] : [unchecked('bundle', `ConfigMap ${BUNDLE_CONFIG_MAP}`, published)];
  if (published.kind === 'absent' || (published.kind === 'read' && bundle.length === 0)) {
    const remedy = 'a manager that leads publishes it: see its log and its rights';
    bundleFindings.push(fail('bundle', `ConfigMap ${BUNDLE_CONFIG_MAP} holds no valid authority, so agents can verify no manager`, remedy));
  }
  if (secret.kind === 'absent') {
    const remedy = `a manager makes it in mode self; in the other modes create it, or name it by --grpc-tls-secret`;
    return [...bundleFindings, fail('certificate', `Secret ${SERVER_SECRET} does not exist`, remedy)];
  }
  if (secret.kind !== 'read') return [...bundleFindings, unchecked('certificate', `Secret ${SERVER_SECRET}`, secret)];
  const values = secretValues({ data: { ...secret.value } });
  const server = pairIn(values['tls.crt'], values['tls.key']);
  if (server === undefined) {
    return [
      ...bundleFindings,
      fail(
        'certificate',
        `Secret ${SERVER_SECRET} holds no certificate with its key`,
        `kubectl -n ${namespace} delete secret ${SERVER_SECRET}: in mode self the manager makes a new one`,
      ),
    ];
  }
  if (bundle.length > 0) bundleFindings.push(bundleFinding(server, bundle));
  return [expiryFinding(server, nowMs), ...bundleFindings];
}

function expiryFinding(server: StoredCertificate, nowMs: number): Finding {
  const untilMs = server.x509.validToDate.getTime();
  const date = server.x509.validToDate.toISOString().slice(0, 10);
  if (isExpired(server, nowMs))
    return fail(
      'certificate',
      `the manager's certificate expired on ${date}`,
      'whoever makes it has to renew it; in mode self that is the manager that leads: see its log',
    );
  const days = Math.floor((untilMs - nowMs) / DAY_MS);
  if (nowMs > renewAtMs(server) + DAY_MS)
    return warn(
      'certificate',
      `the manager's certificate expires on ${date} (${days} days) and should have been renewed`,
      'see the log of the manager that leads',
    );
  return ok('certificate', `the manager's certificate is valid until ${date} (${days} days)`);
}

function bundleFinding(server: StoredCertificate, bundle: readonly StoredCertificate[]): Finding {
  return bundle.some((authority) => isIssuedBy(server, authority))
    ? ok('bundle', `agents verify managers by ConfigMap ${BUNDLE_CONFIG_MAP}, which holds the issuer of the certificate`)
    : fail(
        'bundle',
        `no authority in ConfigMap ${BUNDLE_CONFIG_MAP} has issued the manager's certificate: agents refuse it`,
        'the manager that leads publishes the right one: see its log',
      );
}

/** They report without TLS and token. */
export async function agentsArePlain({ view, namespace }: DoctorContext): Promise<boolean> {
  const agents = valueOr(await view.list(DaemonSetKind, { namespace, labels: `${APP_LABEL}=${APP}` }), []);
  return agents.length > 0 && agents.every(isPlain);
}

function isPlain({ spec }: DaemonSet): boolean {
  const { containers = [] } =
    (spec?.['template'] as { spec?: { containers?: { env?: { name: string; value?: string }[] }[] } } | undefined)?.spec ?? {};
  return containers.some(({ env }) => env?.some(({ name, value }) => name === 'GRPC_INSECURE' && value === 'true'));
}
