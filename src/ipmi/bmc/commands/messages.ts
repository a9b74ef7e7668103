import { bit, flag } from '../../wire/bits.ts';
import { NET_FN } from '../../wire/message.ts';
import { type BmcCommand, Completion } from '../command.ts';
import { HOST, serve, USER_OR_HOST, valid } from './serve.ts';

/** Get Message's and Read Event Message Buffer's own code: there is none. */
const EMPTY = 0x80;
const PRE_TIMEOUT_BIT = 3;
/** Bits of the global enables that a host may set: the message interrupts, and that events are logged (IPMI 2.0, table 22-1). */
const LOGGING = 0x08;
const SETTABLE = 0x0f;
/** BT: one request at a time, of 255 bytes either way; 5 s for an answer, and no retries wanted. */
const BT_CAPABILITIES = [1, 0xff, 0xff, 5, 0];

/** What waits for the host at its own interface. */
export class MessageFlags {
  readonly #attention: (raised: boolean) => void;
  #preTimeout = false;

  /** Called when something comes to wait, and when nothing does any more. */
  constructor(attention: (raised: boolean) => void) {
    this.#attention = attention;
  }

  get preTimeout(): boolean {
    return this.#preTimeout;
  }

  set preTimeout(waits: boolean) {
    if (waits === this.#preTimeout) return;
    this.#preTimeout = waits;
    this.#attention(waits);
  }
}

/**
 * The message channel of the system interface (IPMI 2.0, 22.1-22.8), as far as a host's driver needs it to be content: no
 * messages from elsewhere and no event buffer, but the watchdog's pre-timeout.
 */
export function messageCommands(flags: MessageFlags): readonly BmcCommand[] {
  let enables = LOGGING;
  const app = (name: string, code: number) => ({ name, netFn: NET_FN.app, code });
  const empty = (): never => {
    throw new Completion(EMPTY);
  };
  return [
    serve(app('Set BMC Global Enables', 0x2e), HOST, 1, (data) => {
      valid((data.u8(0) & ~SETTABLE) === 0);
      enables = data.u8(0);
      return [];
    }),
    serve(app('Get BMC Global Enables', 0x2f), USER_OR_HOST, 0, () => [enables]),
    serve(app('Clear Message Flags', 0x30), HOST, 1, (data) => {
      if (bit(data.u8(0), PRE_TIMEOUT_BIT)) flags.preTimeout = false;
      return [];
    }),
    serve(app('Get Message Flags', 0x31), HOST, 0, () => [flag(flags.preTimeout, PRE_TIMEOUT_BIT)]),
    serve(app('Get Message', 0x33), HOST, 0, empty),
    serve(app('Read Event Message Buffer', 0x35), HOST, 0, empty),
    serve(app('Get BT Interface Capabilities', 0x36), HOST, 0, () => BT_CAPABILITIES),
  ];
}
