/**
 * Every status that kubectl would have printed for each virtual machine, in order.
 *
 * Owns: a watch from before the first virtual machine on. Guarantees: a status that is shown for a moment is found as surely as one that
 * stays; a status from before the last one asked for is never taken for a new one.
 */
import { KubeApi } from '../../kubevirt/api/kube-api';
import { ObjectMirror } from '../../kubevirt/api/object-mirror';
import type { VirtualMachine } from '../../kubevirt/stand-in';

interface Shown {
  readonly status: string;
  /** As it was last while it showed this. */
  vm: VirtualMachine;
}

export class PrintedHistory {
  private readonly shown = new Map<string, Shown[]>();
  /** How many of a machine's entries have been passed over. */
  private readonly passed = new Map<string, number>();
  private readonly mirror: ObjectMirror<VirtualMachine>;

  private constructor(private readonly api: KubeApi) {
    this.mirror = new ObjectMirror(api, '/apis/kubevirt.io/v1/virtualmachines', (key) => this.record(key));
  }

  static async open(kubeconfig: string): Promise<PrintedHistory> {
    const history = new PrintedHistory(await KubeApi.fromKubeconfig(kubeconfig));
    await history.mirror.open();
    return history;
  }

  async close(): Promise<void> {
    await this.mirror.close();
    this.api.close();
  }

  /** The machine when it next came to show this status, counted from the status found last. @param key `namespace/name`. */
  next(key: string, status: string): VirtualMachine | undefined {
    const entries = this.shown.get(key) ?? [];
    const index = entries.findIndex((entry, at) => at >= (this.passed.get(key) ?? 0) && entry.status === status);
    if (index < 0) return undefined;
    this.passed.set(key, index + 1);
    return entries[index]!.vm;
  }

  /** For people who wonder why a status did not come. */
  statuses(key: string): string[] {
    return (this.shown.get(key) ?? []).map(({ status }) => status);
  }

  private record(key: string): void {
    const vm = this.mirror.get(key);
    const status = vm?.status?.printableStatus;
    if (vm === undefined || status === undefined) return;
    const entries = this.shown.get(key) ?? [];
    this.shown.set(key, entries);
    const last = entries.at(-1);
    if (last?.status === status) last.vm = vm;
    else entries.push({ status, vm });
  }
}
