import { hasCode } from '../../base/index.ts';
import { type Carrier, runCommand } from '../command.ts';
import { getPayloadInstanceInfo } from '../commands/index.ts';
import { IpmiCompletion } from '../faults.ts';

/**
 * Whose the console is: whoever had it at the first question is taken for us, by whatever id the BMC calls us. A BMC that does
 * not tell is believed to have left it with us.
 */
export class ConsoleOwner {
  readonly #carrier: Carrier;
  #first: number | undefined;

  constructor(carrier: Carrier) {
    this.#carrier = carrier;
  }

  /** "silent" where no answer came. */
  async ask(signal: AbortSignal): Promise<'ours' | 'taken' | 'silent'> {
    try {
      const { session } = await runCommand(this.#carrier, getPayloadInstanceInfo, {}, signal);
      this.#first ??= session;
      return session === this.#first ? 'ours' : 'taken';
    } catch (error) {
      return error instanceof IpmiCompletion || hasCode(error, 'NS_BYTES_SHORT') ? 'ours' : 'silent';
    }
  }
}
