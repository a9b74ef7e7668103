import type {
  DraftView,
  HostEnd,
  KeptCheck,
  OrderForm,
  OwnKey,
  PrepareBody,
  Sure,
  Tried,
} from './order-wire.ts';

/** Told of an order on its way. */
export interface RunWatch {
  readonly progress: (host: string, text: string) => void;
  readonly ended: (end: HostEnd, receipt: Uint8Array | undefined) => void;
}

/** Orders that are on their way: resolves when all have ended; whatever happens to a host is its end. */
export type Sending = (watch: RunWatch, signal: AbortSignal) => Promise<void>;

/** Orders as they will be signed, kept at the server. */
export interface PreparedOrders {
  readonly commandLine: string;
  readonly words: readonly string[];
  readonly hosts: readonly string[];
  /** Seconds since 1970. */
  readonly validUntil: number | undefined;
  readonly people: 1 | 2;
  readonly sure: Sure;
  readonly tried: readonly Tried[];
  /** All that will be signed but the counters, as bytes, made anew from what is kept. */
  readonly sealed: () => Uint8Array;
  /** Signs exactly that. Called once. */
  readonly sign: () => Promise<SignedOrders>;
}

export type SignedOrders =
  | { readonly is: 'sending'; readonly send: Sending }
  | { readonly is: 'draft'; readonly draft: OpenDraft };

/** Orders for two people, read from their packets. */
export interface OpenDraft {
  /** The bytes that every signer signs. */
  readonly signed: Uint8Array;
  readonly view: Omit<DraftView, 'id' | 'digest'>;
  /** As a file that "nightshift cosign" and "send" take. */
  readonly text: string;
  /** The same with this person's signature too. */
  readonly cosign: () => Promise<OpenDraft>;
  readonly send: Sending;
}

/** The operator's desk as the page needs it: the program puts the command's own parts behind it. Every fault is an NsError with a sentence. */
export interface OrderDoor {
  readonly me: OwnKey;
  readonly forms: readonly OrderForm[];
  readonly mostHosts: number;
  /** Reads the words as the command does, tries dry what can be tried, and signs nothing. */
  readonly prepare: (asked: PrepareBody, signal: AbortSignal) => Promise<PreparedOrders>;
  readonly openDraft: (text: string) => Promise<OpenDraft>;
  readonly checkKept: (host: string, signal: AbortSignal) => Promise<KeptCheck>;
}
