/** Kinds of which a change may reboot nodes. */
const NODE_LEVEL = { group: 'machineconfiguration.openshift.io', kinds: ['MachineConfig', 'KubeletConfig'] };

export function isNodeLevelKind(group: string, kind: string): boolean {
  return group === NODE_LEVEL.group && NODE_LEVEL.kinds.includes(kind);
}
