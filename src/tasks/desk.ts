import type { Refusal } from '../base/index.ts';
import type { Stop } from '../ports/index.ts';
import type { Offer, Order, Progress, StagedNote } from '../protocol/index.ts';

/** Who gave an order, as the keyring knows the key. */
export interface Issuer {
  readonly keyId: Uint8Array;
  readonly name: string;
  /** Who holds the key, where the keyring says so. */
  readonly person?: string;
  readonly role: string;
  /** Through whom the right was passed on, the keyring's own key first. */
  readonly through?: readonly Issuer[];
}

/** An order that is authentic, well formed, for this device, and permitted to its issuer's role. */
export interface AdmittedOrder {
  readonly order: Order;
  /** The signed packet as received. */
  readonly packet: Uint8Array;
  /** SHA-256 of the packet. */
  readonly packetHash: Uint8Array;
  readonly issuer: Issuer;
  /** Who else signed it, where it takes more than one. */
  readonly cosigners?: readonly Issuer[];
}

export type Submission =
  /** In the journal, durably: it gets exactly one receipt; `ended` where that is out already. */
  | { readonly is: 'accepted'; readonly ended: boolean }
  /** The same packet was accepted before; its signed receipt, where the task has ended; what it waits for, where it does. */
  | { readonly is: 'known'; readonly receipt?: Uint8Array; readonly staged?: Body<StagedNote> }
  /** Not taken, and nothing was stored: replayed, expired, id conflict, no room. */
  | { readonly is: 'refused'; readonly refusal: Refusal };

/** What a device event says beside its head (v, device, boot), which the front door adds. */
type Body<E> = Omit<E, 'v' | 'device' | 'boot' | 'event'>;

export type TaskEvent =
  | { readonly kind: 'progress'; readonly body: Body<Progress> }
  | { readonly kind: 'offer'; readonly body: Body<Offer> }
  /** The order waits from now on. */
  | { readonly kind: 'staged'; readonly body: Body<StagedNote> }
  /** Signed and durable. */
  | { readonly kind: 'receipt'; readonly id: Uint8Array; readonly packet: Uint8Array };

/** The one way to a task, shared by every front door. */
export interface TaskDesk {
  submit(order: AdmittedOrder): Promise<Submission>;
  onEvent(listener: (event: TaskEvent) => void): Stop;
  /** Receipts of earlier runs that the broker may not have, oldest first. */
  untold(): readonly { readonly id: Uint8Array; readonly packet: Uint8Array }[];
  /** The broker has the receipt of this order, so that a restart need not send it again. */
  told(id: Uint8Array): void;
}
