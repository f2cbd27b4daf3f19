/** An address that the operator was told to listen on cannot be had. */
import { OperatorError } from './operator-error';

export class ListenError extends OperatorError {
  /**
   * @param option of the operator, as its author writes it.
   * @param name what people call the option, for example the flag that set it.
   */
  constructor(
    readonly option: 'healthAddress' | 'metrics.address',
    readonly address: { readonly host: string | undefined; readonly port: number },
    cause: unknown,
    name: string = option,
  ) {
    const where = `${address.host ?? ''}:${address.port}`;
    super('LISTEN', `${name} ${where} cannot be bound: ${cause instanceof Error ? cause.message : String(cause)}`, { cause });
  }
}
