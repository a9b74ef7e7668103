import type { ByteView } from '../../base/index.ts';
import type { Stop } from '../../ports/index.ts';
import type { Level } from '../session/set-up.ts';

/** Who asks the BMC, and by which way. */
export type Caller =
  /** Over the LAN, before any session. */
  | { readonly is: 'nobody' }
  /** Within a session. */
  | {
      readonly is: 'user';
      readonly name: string;
      /** The level that the session has now. */
      readonly level: Level;
      readonly session: CallerSession;
    }
  /** The host's own software, by KCS, BT or what stands for them. It is not trusted. */
  | { readonly is: 'host' };

/** What a command may ask of its caller's session. */
export interface CallerSession {
  readonly handle: number;
  /** The BMC's own id of it. */
  readonly id?: number;
  /** The highest level that it may be raised to: what was asked for at its opening, within the account's. */
  readonly limit: Level;
  /** "10.0.0.7:50123". */
  readonly peer: string;
  setLevel(level: Level): void;
  /** After the answer has gone out. */
  close(): void;
  /** Sends a payload of another type (SOL) to the console, encrypted and authenticated. Lost where the session is over. */
  send(payloadType: number, payload: Uint8Array): void;
  /** Payloads of this type: each packet once, and none that a later one has overtaken. */
  onPayload(payloadType: number, listener: (payload: Uint8Array) => void): Stop;
  /** Called once, at once where it is over already. */
  onClose(listener: () => void): Stop;
}

export interface BmcAnswer {
  readonly completion: number;
  readonly data: Uint8Array;
}

/** Where a command may be asked: before a session ("nobody"), by a user of this level at least, by the host's software. */
export interface Admission {
  readonly nobody?: true;
  readonly user?: Level;
  readonly host?: true;
}

/** One command of the specification, from the BMC's side. */
export interface BmcCommand {
  /** In the specification's words: "Get Chassis Status". */
  readonly name: string;
  readonly netFn: number;
  readonly code: number;
  readonly from: Admission;
  /**
   * A field beyond the end of the data (NS_BYTES_SHORT) becomes C7h. Throw `Completion` for any other code; everything
   * else that is thrown becomes FFh, and is logged.
   */
  answer(data: ByteView, caller: Caller, signal: AbortSignal): Uint8Array | Promise<Uint8Array>;
}

/** Ends a command with this completion code. */
export class Completion extends Error {
  readonly code: number;

  constructor(code: number) {
    super(`completion code ${code.toString(16).padStart(2, '0').toUpperCase()}h`);
    this.code = code;
  }
}
