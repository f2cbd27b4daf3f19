/**
 * Asks KubeVirt to start or unpause a virtual machine, through its own subresources.
 *
 * Owns: paths and shape of the two calls. Never: changes a VirtualMachine or an instance in any other way; retries.
 */
import { defineKind } from '../framework';
import { CALL_TIMEOUT_MS, type CallOutcome, classifyAnswer, classifyFailure } from './call-outcome';

const API_VERSION = 'subresources.kubevirt.io/v1';
const SUBRESOURCES = `/apis/${API_VERSION}`;

/** What rights on the two calls are expressed in: the kinds as virt-api serves their subresources. */
export const StartableVirtualMachine = defineKind(API_VERSION, 'VirtualMachine', 'virtualmachines', { scope: 'Namespaced' });
export const PausedInstance = defineKind(API_VERSION, 'VirtualMachineInstance', 'virtualmachineinstances', { scope: 'Namespaced' });

/** The two things that may be asked of KubeVirt. Neither rejects: a failure is an outcome. */
export interface VirtualMachineCalls {
  start(namespace: string, name: string, signal: AbortSignal): Promise<CallOutcome>;
  unpause(namespace: string, name: string, signal: AbortSignal): Promise<CallOutcome>;
}

/** What is needed of an API transport; the framework's fits. */
export interface CallTransport {
  request(call: {
    method: 'PUT';
    path: string;
    accept: string;
    signal: AbortSignal;
    headersTimeoutMs: number;
    totalTimeoutMs: number;
  }): Promise<{ status: number }>;
}

export class SubresourceCalls implements VirtualMachineCalls {
  constructor(private readonly transport: CallTransport) {}

  start(namespace: string, name: string, signal: AbortSignal): Promise<CallOutcome> {
    return this.put(pathOf(namespace, 'virtualmachines', name, 'start'), signal);
  }

  unpause(namespace: string, name: string, signal: AbortSignal): Promise<CallOutcome> {
    return this.put(pathOf(namespace, 'virtualmachineinstances', name, 'unpause'), signal);
  }

  /** Without a body: virt-api takes an empty one, and refuses one that it cannot parse. */
  private async put(path: string, signal: AbortSignal): Promise<CallOutcome> {
    try {
      const { status } = await this.transport.request({
        method: 'PUT',
        path,
        accept: 'application/json',
        signal,
        headersTimeoutMs: CALL_TIMEOUT_MS,
        totalTimeoutMs: CALL_TIMEOUT_MS,
      });
      return classifyAnswer({ status });
    } catch (error) {
      return classifyFailure(error);
    }
  }
}

function pathOf(namespace: string, plural: string, name: string, subresource: string): string {
  return `${SUBRESOURCES}/namespaces/${encodeURIComponent(namespace)}/${plural}/${encodeURIComponent(name)}/${subresource}`;
}
