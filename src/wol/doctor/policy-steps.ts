/**
 * What the governing configs ask of a packet: where it comes from, and the password.
 *
 * Never: lets a password out; it is read only to tell whether it can be used.
 */
import { SystemClock } from '../../framework';
import { type Finding, fail, ok, unchecked } from '../../kubevirt/diagnosis/finding';
import type { EffectiveConfig } from '../manager/effective-config';
import { SecureOnPasswords } from '../manager/secure-on-passwords';
import type { WakeRow } from '../view/wake-rows';
import type { DoctorContext } from './context';

export function sourceFindings({ seen: { configs } }: DoctorContext, { governing }: WakeRow, source: string | undefined): Finding[] {
  const listed = (config: EffectiveConfig): string => (configs.get(config.name)?.spec?.allowedSources ?? []).join(', ');
  if (governing.some(({ acceptsSource }) => acceptsSource === undefined)) return [ok('source', 'a packet may come from anywhere')];
  const networks = governing.map((config) => `${listed(config)} (WolConfig ${config.name})`).join(' or ');
  if (source === undefined) return [ok('source', `a packet has to come from ${networks}; --source tells for one address`)];
  if (acceptingOf(governing, source).length > 0) return [ok('source', `${source} is in ${networks}`)];
  return [fail('source', `SourceNotAllowed: ${source} is not in ${networks}`, 'send from there, or add it to spec.allowedSources')];
}

/** Configs that would let a packet from there pass; all of them when nobody says where from. */
export function acceptingOf(governing: readonly EffectiveConfig[], source: string | undefined): readonly EffectiveConfig[] {
  return governing.filter(({ acceptsSource }) => source === undefined || acceptsSource === undefined || acceptsSource(source));
}

export async function passwordFinding(context: DoctorContext, { governing }: WakeRow): Promise<Finding[]> {
  const asking = governing.filter(({ passwordSecret }) => passwordSecret !== undefined);
  if (asking.length < governing.length) return [ok('password', 'no SecureOn password is needed')];
  return Promise.all(asking.map((config) => secretFinding(context, config)));
}

async function secretFinding({ view, namespace }: DoctorContext, config: EffectiveConfig): Promise<Finding> {
  const reference = config.passwordSecret!;
  const place = reference.namespace ?? namespace;
  const what = `Secret ${place}/${reference.name}, key "${reference.key}"`;
  const result = await view.secret(reference.name, place);
  if (result.kind !== 'read' && result.kind !== 'absent') return unchecked('password', what, result);
  const problem = await problemOf(config, namespace, result.kind === 'read' ? result.value : undefined);
  if (problem !== undefined)
    return fail('password', `SecretUnavailable: ${problem}`, 'mend the Secret; a manager reads it again within 60 s');
  return ok('password', `a packet has to carry the SecureOn password of ${what}, which is usable (WolConfig ${config.name})`);
}

/** What the manager's own reading of it says. */
async function problemOf(
  config: EffectiveConfig,
  namespace: string,
  data: Readonly<Record<string, string>> | undefined,
): Promise<string | undefined> {
  const passwords = new SecureOnPasswords(() => Promise.resolve(data), namespace, new SystemClock());
  try {
    const settled = new Promise<void>((resolve) => passwords.onChange(() => resolve()));
    passwords.follow(config.name, config.passwordSecret);
    await settled;
    return passwords.problemOf(config.name);
  } finally {
    passwords.close();
  }
}
