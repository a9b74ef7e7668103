import { systemEntropy } from '../../adapters/entropy.ts';
import { openRmcpServer, type RmcpAddress } from '../../adapters/rmcp-server.ts';
import { asNsError, milliseconds, seconds } from '../../base/index.ts';
import { LanResponder, type LanResponderParts } from '../../ipmi/index.ts';
import type { Clock } from '../../ports/index.ts';

export interface BmcListenerOptions
  extends Pick<LanResponderParts, 'channel' | 'commands' | 'onEvent' | 'log'> {
  readonly address: RmcpAddress;
  readonly clock: Clock;
}

const FIRST_PAUSE = seconds(1);
const LONGEST_PAUSE = seconds(30);

/**
 * The BMC side on one address. An address that is not up yet, or a port that somebody has, is said and tried again: the agent has
 * more to do than to be looked at, and the lock is kept meanwhile.
 */
export class BmcListener {
  readonly #options: BmcListenerOptions;
  readonly #over = new AbortController();
  readonly #listening: Promise<void>;
  #responder: LanResponder | undefined;

  constructor(options: BmcListenerOptions) {
    this.#options = options;
    this.#listening = this.#listen();
  }

  async close(): Promise<void> {
    this.#over.abort(new Error('the BMC side is closed'));
    await this.#listening;
    await this.#responder?.close();
  }

  async #listen(): Promise<void> {
    const { address, clock, log, ...parts } = this.#options;
    let pause: number = FIRST_PAUSE;
    while (!this.#over.signal.aborted) {
      try {
        const server = await openRmcpServer(address);
        this.#responder = new LanResponder({ ...parts, server, clock, log, entropy: systemEntropy });
        log.log('info', 'bmc.listening', { address: address.host, port: server.local.port });
        return;
      } catch (error) {
        log.log('error', 'bmc.not-listening', {
          error: asNsError(error).message,
          retryMs: Math.round(pause),
        });
      }
      await clock.sleep(milliseconds(pause), this.#over.signal).catch(() => undefined);
      pause = Math.min(pause * 2, LONGEST_PAUSE);
    }
  }
}
