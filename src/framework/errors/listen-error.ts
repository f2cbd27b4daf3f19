/** An address of the process cannot be listened on: taken, not of this machine, or not allowed. */
import { OperatorError } from './operator-error';

export class ListenError extends OperatorError {
  /**
   * @param setting the option or flag that holds the address, as its reader knows it.
   * @param address `host:port`.
   */
  constructor(
    readonly setting: string,
    readonly address: string,
    cause: unknown,
  ) {
    super('LISTEN', `${setting} ${address} cannot be bound: ${cause instanceof Error ? cause.message : String(cause)}`, { cause });
  }

  /** The same for readers who know the setting by another name. */
  renamed(setting: string): ListenError {
    return new ListenError(setting, this.address, this.cause);
  }
}
