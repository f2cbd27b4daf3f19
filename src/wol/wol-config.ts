/** The kind WolConfig, for decorators and clients. Its fields are generated from the CRD. */
import type { WolConfig as WolConfigObject } from '../api/wol/v1beta1';
import { defineKind } from '../framework';

export type WolConfig = WolConfigObject;

/** lastWake and agentProblems have field managers of their own, so that replicas never fight over a field. */
export const WolConfig = defineKind<WolConfigObject>('wol.pillon.org/v1beta1', 'WolConfig', 'wolconfigs', {
  scope: 'Cluster',
  observedGeneration: true,
  conditions: true,
  ownStatus: [
    'observedGeneration',
    'managedVMs',
    'managedMACs',
    'unwakeableVMs',
    'wolPorts',
    'conflicts',
    'lastSync',
    'agentStatus',
    'conditions',
  ],
  volatileStatus: ['lastSync'],
});
