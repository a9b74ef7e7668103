import type { NsError } from '../base/index.ts';
import type { Receipt, Rejected, ResultOf, Verb } from '../protocol/index.ts';

/** A refusal as a device words it; its code may be newer than this program. */
export type RefusalNote = Rejected['refusal'];

/** How an order ended, as far as this side can know. */
export type OrderOutcome<V extends Verb = Verb> =
  /** The device's signed statement, checked against its key, its name and the hash of the packet that was sent. */
  | {
      readonly is: 'receipt';
      readonly receipt: Receipt;
      /** The receipt as signed: evidence for whoever has the device's public key. */
      readonly packet: Uint8Array;
      /** The result in the verb's shape; undefined where there is none. */
      readonly result: ResultOf<V> | undefined;
      /** Why this side could not keep the receipt, where it should. */
      readonly unkept?: NsError;
    }
  /** The device keeps the order until it may be obeyed. It has not ended: its receipt comes later. */
  | {
      readonly is: 'staged';
      readonly id: Uint8Array;
      readonly waits: RefusalNote;
      /** Running time of the device that is left to it. */
      readonly leftSeconds: number;
      /** Why this side could not keep the order, with which its receipt is asked for. */
      readonly unkept?: NsError;
    }
  /** The device did not take the order. Signed, for the packet that was sent. */
  | {
      readonly is: 'rejected';
      readonly refusal: RefusalNote;
      /** Of the device, for whoever gives the order again. */
      readonly nonce?: Uint8Array;
    }
  /** The device never said that it has the order. It may still take it up while the order is valid. */
  | {
      readonly is: 'unreachable';
      /** False where even the broker did not confirm the order. */
      readonly sent: boolean;
      /** What the device last said of itself, where it said something. */
      readonly presence: 'online' | 'offline' | undefined;
      /** Whole seconds since 1970; undefined for an order that does not expire. */
      readonly validUntil: number | undefined;
    }
  /** The device took the order and then fell silent: what became of it is not known. */
  | { readonly is: 'no-answer'; readonly stage: string | undefined }
  /** A signed receipt for this order's id, but for another packet: somebody else used the id, or the device errs. */
  | { readonly is: 'conflict'; readonly receipt: Receipt };
