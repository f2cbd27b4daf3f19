/** Networks of a remote cluster beyond that of its pods, where it serves them. */
import { defineKind } from '../../framework';
import type { NetworkAttachmentDefinition } from './remote-network';

export const NetworkAttachments = defineKind<NetworkAttachmentDefinition>(
  'k8s.cni.cncf.io/v1',
  'NetworkAttachmentDefinition',
  'network-attachment-definitions',
  { scope: 'Namespaced', optional: true, status: false },
);
