/** Whether managers serve agents and scrapers, and nobody else: certificates, tokens, metrics. */
import { ConfigMap } from '../../framework';
import { type Finding, fail, ok, unchecked, warn } from '../../kubevirt/diagnosis/finding';
import { BUNDLE_CONFIG_MAP, GRPC_SERVICE } from '../../wol/protocol/identity';
import { parseModules } from '../module-names';
import { type InstallCheck, type InstallContext, OUTSIDE } from './context';
import { hostOf } from './deployment-checks';
import { portOf } from './ports';
import type { TlsCheck } from './probes';

const REPORT = '/wol.v1.WOLService/ReportWOLEvent';
/** google.rpc.Code */
const UNAUTHENTICATED = 16;

export const grpcChecks: InstallCheck = async (context) => {
  const { installation, namespace, probes, token } = context;
  const check = 'grpc';
  if (!servesGrpc(context)) return [ok(check, 'not served: the module wol is off')];
  if (installation.settings.boolean('grpcInsecure')) return [warn(check, 'plaintext and open to anybody', 'leave out --grpc-insecure')];
  if (token === undefined) return [warn(check, OUTSIDE)];
  if (installation.readyPods.length === 0) return [fail(check, 'no manager is ready', 'see the check "deployment"')];
  const bundle = await bundleOf(context);
  if (typeof bundle !== 'string') return [bundle];
  const port = portOf(installation.settings, 'grpcBindAddress') ?? 0;
  const address = installation.settings.text('agentOperatorAddress') || `${GRPC_SERVICE}.${namespace}.svc:${port}`;
  const serverName = address.replace(/:\d+$/, '');
  const answer = await probes.grpc(address, REPORT, { ca: bundle, serverName });
  if (answer.kind === 'none')
    return [fail(check, `${address}: ${answer.why}`, 'virt-steward doctor looks at Service, endpoints and certificate')];
  if (answer.status !== UNAUTHENTICATED)
    return [
      fail(
        check,
        `${address} gives a caller without a token status ${answer.status}, not ${UNAUTHENTICATED}`,
        'see the logs of the managers',
      ),
    ];
  return [ok(check, `${address} has a certificate of ConfigMap ${BUNDLE_CONFIG_MAP}, and refuses callers without a token`)];
};

export const metricsChecks: InstallCheck = async (context) => {
  const { installation, token, namespace } = context;
  const { settings, readyPods } = installation;
  const check = 'metrics';
  const port = portOf(settings, 'metricsBindAddress');
  if (port === undefined) return [ok(check, 'turned off')];
  if (token === undefined) return [warn(check, OUTSIDE)];
  if (readyPods.length === 0) return [fail(check, 'no manager is ready', 'see the check "deployment"')];
  if (!settings.boolean('metricsSecure')) return [warn(check, 'plain HTTP, for everybody', 'leave out --metrics-secure=false')];
  const hasFile = settings.text('metricsCertFile') !== '';
  // The pair of gRPC, which only Wake-on-LAN makes.
  const isOurs = servesGrpc(context) && !settings.boolean('grpcInsecure') && !hasFile;
  const ca = isOurs ? await bundleOf(context) : undefined;
  if (typeof ca === 'object') return [ca];
  const tls = { ca, serverName: `${GRPC_SERVICE}.${namespace}.svc` };
  const note = isOurs ? '' : `; its certificate is ${hasFile ? 'of --metrics-cert-file' : 'self-signed'} and was not verified`;
  return Promise.all(readyPods.map((pod) => metricsFinding(context, pod, { port, tls, token, note })));
};

function servesGrpc({ installation }: InstallContext): boolean {
  return parseModules('--modules', installation.settings.text('modules')).includes('wol');
}

interface MetricsQuestion {
  readonly port: number;
  readonly tls: TlsCheck;
  readonly token: string;
  /** Said of an answer that is as it shall be. */
  readonly note: string;
}

async function metricsFinding(
  { probes }: InstallContext,
  { metadata, status }: InstallContext['installation']['readyPods'][number],
  { port, tls, token, note }: MetricsQuestion,
): Promise<Finding> {
  const check = 'metrics';
  const url = new URL(`https://${hostOf(status?.podIP)}:${port}/metrics`);
  const [open, allowed] = [await probes.get(url, { tls }), await probes.get(url, { tls, token })];
  const told = (answer: typeof open): string => (answer.kind === 'none' ? answer.why : String(answer.status));
  if (open.kind === 'answer' && open.status === 401 && allowed.kind === 'answer' && allowed.status === 200)
    return ok(check, `${metadata?.name} answers 401 without a token and 200 with one${note}`);
  return fail(
    check,
    `${metadata?.name} answers "${told(open)}" without a token and "${told(allowed)}" with one, not 401 and 200`,
    'see its log; a reader needs the right to get /metrics',
  );
}

/** The authorities that agents know, or what keeps them from being read. */
async function bundleOf({ view, namespace }: InstallContext): Promise<string | Finding> {
  const check = 'authorities';
  const published = await view.get(ConfigMap, BUNDLE_CONFIG_MAP, namespace);
  const text = published.kind === 'read' ? published.value.data?.['ca.crt'] : undefined;
  if (text !== undefined && text !== '') return text;
  if (published.kind === 'read' || published.kind === 'absent')
    return fail(check, `ConfigMap ${BUNDLE_CONFIG_MAP} holds none`, 'the manager that leads publishes them: see its log');
  return unchecked(check, `ConfigMap ${BUNDLE_CONFIG_MAP}`, published);
}
