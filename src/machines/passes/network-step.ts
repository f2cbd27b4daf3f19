/**
 * Gives a Machine its network, its address, and the record of both on the supervisor.
 *
 * Owns: reading what decides on the network, the NetworkAttachmentDefinition of a VLAN, the NetworkConfiguration. Never: waits for an
 * address. Invariant: the record of an address is written before a virtual machine with it.
 */
import { AlreadyExistsError, ConflictError, type KubernetesObject, keyOf, objectKey, TemporaryError } from '../../framework';
import { normalizeMac } from '../../kubevirt/mac-address';
import { NetworkConfiguration, NetworkNamespace } from '../kinds';
import { NoFreeMacError } from '../network/mac-pool';
import { listed } from '../network/mac-reservations';
import {
  addressProblem,
  type ConfigurationInput,
  configurationOwner,
  configurationPatch,
  macOfInterface,
  networkConfigurationName,
  newNetworkConfiguration,
  notManagedText,
} from '../network/network-configuration';
import { NetworkAttachments } from '../network/network-kinds';
import {
  firstAttachment,
  isStatic,
  missingNetworkNamespace,
  networkOfNamespace,
  POD_NETWORK,
  type RemoteNetwork,
  unnamedNetworkNamespace,
  vlanAttachment,
  vlanOf,
} from '../network/remote-network';
import { sharedAddress } from '../network/shared-addresses';
import { isFalse, isTrue } from '../status/conditions';
import { networkFailure } from '../status/failures';
import type { RemoteVirtualMachine } from '../virtual-machine/remote-objects';
import type { MachinePass } from './machine-pass-context';
import { causeText } from './remote-answers';

/** Reason of the Event on each of several Machines with one address. */
const SHARED_ADDRESS = 'MacAddressConflict';

export interface PlacedNetwork extends RemoteNetwork {
  readonly mac: string;
  readonly configuration: NetworkConfiguration;
  /** The guest has to be told its addresses. */
  readonly namespace: NetworkNamespace | undefined;
}

/** @param vm as it is, if there is one: it keeps network and address. */
export async function ensureNetwork(pass: MachinePass, vm: RemoteVirtualMachine | undefined): Promise<PlacedNetwork> {
  const { findings } = pass;
  const namespace = await networkNamespaceOf(pass);
  const present = configurationOf(pass);
  const network = networkOfMachine(vm) ?? recordedNetwork(present) ?? (await chosenNetwork(pass, namespace));
  const configuration = await ensureConfiguration(pass, present, network, macOfMachine(vm, network), namespace);
  const mac = macOfInterface(configuration, network.name);
  if (mac === undefined)
    return findings.fail(networkFailure(notManagedText(pass.owner.namespace, pass.owner.name), 'NetworkConfigurationNotOwned'));
  judgeAddress(pass, mac, vm);
  return { ...network, mac, configuration, namespace };
}

/** Of several Machines with one address the others get no virtual machine; one that is there is left as it is, and told of. */
function judgeAddress({ supervisor, machine, findings, eventOnce, eventOver }: MachinePass, mac: string, vm: unknown): void {
  const shared = sharedAddress(supervisor, machine, mac, vm !== undefined);
  if (shared === undefined) eventOver(SHARED_ADDRESS);
  else eventOnce('warning', SHARED_ADDRESS, shared.text);
  if (shared === undefined || shared.isWinner) findings.set('NetworkReady', isTrue('Configured', shared?.text));
  else if (vm === undefined) findings.fail(networkFailure(shared.text));
  else findings.set('NetworkReady', isFalse('NetworkConfigurationError', shared.text));
}

export function configurationOf({ supervisor, machine }: Pick<MachinePass, 'supervisor' | 'machine'>): NetworkConfiguration | undefined {
  return supervisor.store(NetworkConfiguration).get(keyOf(machine));
}

/** Network of the first interface. */
export function networkOfMachine(vm: RemoteVirtualMachine | undefined): RemoteNetwork | undefined {
  const { domain, networks = [] } = vm?.spec?.template?.spec ?? {};
  const name = domain?.devices?.interfaces?.[0]?.name;
  if (name === undefined) return undefined;
  return { name, attachment: networks.find((network) => network.name === name)?.multus?.networkName };
}

function macOfMachine(vm: RemoteVirtualMachine | undefined, { name }: RemoteNetwork): string | undefined {
  const nic = vm?.spec?.template?.spec?.domain?.devices?.interfaces?.find((candidate) => candidate.name === name);
  return nic?.macAddress === undefined ? undefined : normalizeMac(nic.macAddress);
}

/** A lost virtual machine comes back on the network it was on. */
function recordedNetwork(configuration: NetworkConfiguration | undefined): RemoteNetwork | undefined {
  const name = configuration?.spec.networkInterfaces?.[0]?.name;
  if (name === undefined || name === '') return undefined;
  return name === POD_NETWORK.name ? POD_NETWORK : { name, attachment: name };
}

async function networkNamespaceOf({
  machine,
  profile,
  supervisor,
  local,
  owner,
  findings,
  log,
}: MachinePass): Promise<NetworkNamespace | undefined> {
  const named = machine.spec?.network?.networkNamespaceName ?? '';
  const isServed = supervisor.availability(NetworkNamespace) === 'served';
  if (!isServed || (profile === 'first' && named === '')) return undefined;
  if (named !== '') {
    try {
      return await local.get(NetworkNamespace, objectKey(owner.namespace, named));
    } catch (error) {
      if (!isAnswer(error)) throw error;
      findings.fail(networkFailure(missingNetworkNamespace(named, owner.namespace, causeText(error))));
    }
  }
  const candidates = [...listed(supervisor, NetworkNamespace)].filter(({ metadata }) => metadata?.namespace === owner.namespace);
  const { found, deprecated } = unnamedNetworkNamespace(owner.name, candidates);
  if (deprecated)
    log.debug('a NetworkNamespace is used that the Machine does not name, which is deprecated', {
      networkNamespace: found?.metadata?.name,
    });
  return found;
}

function isAnswer(error: unknown): boolean {
  return (error as { status?: number }).status === 404 || (error as { status?: number }).status === 403;
}

async function chosenNetwork(pass: MachinePass, namespace: NetworkNamespace | undefined): Promise<RemoteNetwork> {
  const isByNamespace = pass.profile === 'second' || namespace !== undefined;
  if (!isByNamespace) return firstAttachment(await attachments(pass));
  const network = networkOfNamespace(namespace);
  if (network.attachment !== undefined) await ensureAttachment(pass, vlanOf(namespace));
  return network;
}

/** None where the remote serves no such kind. */
async function attachments({ remote, owner }: MachinePass): Promise<KubernetesObject[]> {
  const found: KubernetesObject[] = [];
  try {
    for await (const attachment of remote.list(NetworkAttachments, { namespace: owner.namespace })) found.push(attachment);
  } catch (error) {
    if ((error as { status?: number }).status !== 404) throw error;
  }
  return found;
}

async function ensureAttachment(pass: MachinePass, vlanId: number): Promise<void> {
  const { remote, owner, settings, findings } = pass;
  const wanted = vlanAttachment(owner.namespace, vlanId, { managedBy: settings.managedBy, cniVersion: settings.nadCniVersion });
  const present = await attachments(pass);
  if (present.some(({ metadata }) => metadata?.name === wanted.metadata?.name)) return;
  try {
    await remote.create(NetworkAttachments, wanted);
  } catch (error) {
    if (error instanceof AlreadyExistsError) return;
    if ((error as { status?: number }).status !== 404) throw error;
    findings.fail(
      networkFailure(`NetworkAttachmentDefinition ${wanted.metadata?.name} cannot be created: the cluster serves no such kind`),
    );
  }
}

async function ensureConfiguration(
  pass: MachinePass,
  present: NetworkConfiguration | undefined,
  network: RemoteNetwork,
  macOfVm: string | undefined,
  namespace: NetworkNamespace | undefined,
): Promise<NetworkConfiguration> {
  const { machine, settings, findings, local } = pass;
  const owner = present && configurationOwner(present, machine, settings.managedBy);
  if (present !== undefined && (owner === 'by-hand' || owner === 'foreign')) {
    const { namespace: place = '', name = '' } = present.metadata ?? {};
    const problem = owner === 'by-hand' ? addressProblem(present, network.name) : undefined;
    if (problem !== undefined) return findings.fail(networkFailure(`NetworkConfiguration ${place}/${name}: ${problem}`));
    if (owner === 'by-hand' && macOfInterface(present, network.name) !== undefined) return present;
    return findings.fail(networkFailure(notManagedText(place, name), 'NetworkConfigurationNotOwned'));
  }
  if (present?.metadata?.deletionTimestamp !== undefined) {
    return findings.wait('NetworkReady', 'NetworkConfigurationError', 'the NetworkConfiguration is being deleted', {
      requeueAfterMs: 1_000,
    });
  }
  const known = macOfVm ?? (present && macOfInterface(present, network.name));
  const mac = known ?? drawn(pass);
  try {
    const input = inputFor(pass, network, mac, namespace, present);
    if (present === undefined) return await local.create(NetworkConfiguration, newNetworkConfiguration(input));
    const patch = configurationPatch(present, input);
    return patch === undefined ? present : await local.patch(NetworkConfiguration, keyOf(present), patch);
  } catch (error) {
    // The cache is behind: what it will show decides.
    if (!(error instanceof AlreadyExistsError || error instanceof ConflictError)) throw error;
    throw new TemporaryError('the NetworkConfiguration has changed meanwhile', { delayMs: 200, cause: error });
  } finally {
    if (known === undefined) pass.macs.release(mac);
  }
}

function drawn({ macs, machine, findings }: MachinePass): string {
  try {
    return macs.draw(keyOf(machine));
  } catch (error) {
    if (!(error instanceof NoFreeMacError)) throw error;
    return findings.fail(networkFailure(error.message));
  }
}

function inputFor(
  { machine, settings, profile, supervisor, owner }: MachinePass,
  network: RemoteNetwork,
  mac: string,
  namespace: NetworkNamespace | undefined,
  present: NetworkConfiguration | undefined,
): ConfigurationInput {
  const isTaken = (name: string): boolean =>
    [...listed(supervisor, NetworkConfiguration)].some(
      ({ metadata, spec }) => metadata?.namespace === owner.namespace && metadata?.name !== owner.name && spec.name === name,
    );
  const specName = present?.spec.name ?? networkConfigurationName(owner, profile, isTaken);
  const named = machine.spec?.network?.networkNamespaceName;
  const networkNamespaceName = namespace?.metadata?.name ?? (named === '' ? undefined : named);
  return { machine, managedBy: settings.managedBy, specName, networkNamespaceName, network: network.name, mac };
}

export function hasStaticAddresses(network: PlacedNetwork): boolean {
  return isStatic(network.namespace);
}
