/** What goes between the server and the page about orders that are given, as JSON. The page takes only the types of this file. */

/** A word that an order takes: an argument or an option of the command. */
export interface OrderField {
  /** "path", "--recursive". */
  readonly name: string;
  readonly kind: 'flag' | 'text' | 'choice';
  readonly choices?: readonly string[];
  readonly required: boolean;
  /** May be given several times. */
  readonly many: boolean;
  readonly says: string;
}

/** An order that the page can prepare, as the command has it. */
export interface OrderForm {
  /** What stands behind "nightshift": "rm", "chain sync". */
  readonly command: string;
  readonly says: string;
  readonly fields: readonly OrderField[];
  /** False: it looks, and changes nothing. */
  readonly changes: boolean;
  /** It may take a token of the budget for each host. */
  readonly tokens: boolean;
}

/** Whose key signs here. */
export interface OwnKey {
  /** Key id, hexadecimal. */
  readonly key: string;
  /** As "people" of the configuration has it; absent where it does not. */
  readonly name?: string;
  readonly person?: string;
  readonly role?: string;
}

/** GET desk */
export interface DeskView {
  readonly me: OwnKey;
  readonly forms: readonly OrderForm[];
  /** Hosts of one order, at most. */
  readonly mostHosts: number;
  /** Drafts that wait here for a person. */
  readonly drafts: readonly DraftView[];
  /** Orders that were sent from this page, the latest last. */
  readonly runs: readonly RunNote[];
}

/** POST prepare */
export interface PrepareBody {
  readonly command: string;
  readonly hosts: readonly string[];
  /** By the name of the field. */
  readonly values: Readonly<Record<string, string | true | readonly string[]>>;
  /** The text of a file of tokens, for what takes one. */
  readonly tokens?: string;
  /** Where the page before ended, as `next` of its end. */
  readonly after?: string;
}

/** What has to be done before something is signed or sent: a button pressed, or this typed. */
export type Sure =
  | { readonly is: 'press' }
  | { readonly is: 'type'; readonly word: string; readonly says: string };

/** What one host said to the order tried dry. */
export interface Tried {
  readonly host: string;
  /** False: this host gets no order. */
  readonly taken: boolean;
  readonly lines: readonly string[];
}

/** An order as it will be signed. It waits at the server, for one confirmation. */
export interface Prepared {
  readonly id: string;
  /** SHA-256, hexadecimal, over all that will be signed but the counters, which are drawn at the signature. */
  readonly digest: string;
  /** The same order on a command line. */
  readonly commandLine: string;
  readonly words: readonly string[];
  /** Those that get it. */
  readonly hosts: readonly string[];
  /** Seconds since 1970: until then a device obeys it; absent where it has no such end. */
  readonly validUntil?: number;
  /** Seconds since 1970: until then it can be confirmed. */
  readonly until: number;
  /** 2: the confirmation gives the first of two signatures, and sends nothing. */
  readonly people: 1 | 2;
  readonly sure: Sure;
  readonly tried: readonly Tried[];
}

/** POST confirm: this very order, once. */
export interface ConfirmBody {
  readonly id: string;
  readonly digest: string;
  /** What `sure` asks for; "" where a button is pressed. */
  readonly typed: string;
}

export type Confirmed =
  | { readonly is: 'sent'; readonly run: string }
  | { readonly is: 'draft'; readonly draft: DraftView };

export interface DraftSigner {
  readonly key: string;
  /** Absent: the key is not known here. */
  readonly name?: string;
  readonly person?: string;
  readonly role?: string;
}

/** Orders for two people that are in this server's hands. All of it is read from the packets' own bytes. */
export interface DraftView {
  readonly id: string;
  /** SHA-256, hexadecimal, over the bytes that every signer signs: the same for both people. */
  readonly digest: string;
  readonly words: readonly string[];
  readonly hosts: readonly string[];
  readonly signers: readonly DraftSigner[];
  /** What this person can do with it, and why no more. */
  readonly next: 'cosign' | 'send' | 'nothing';
  readonly why: string;
  readonly sure: Sure;
}

/** POST drafts/import. The reply is the draft. */
export interface ImportBody {
  readonly text: string;
}

/** POST drafts/cosign (the reply is the draft), drafts/send (the reply is `Confirmed`), drafts/drop. */
export interface DraftBody {
  readonly draft: string;
  readonly digest: string;
  readonly typed: string;
}

export interface RunNote {
  readonly run: string;
  readonly commandLine: string;
  readonly hosts: number;
  readonly ended: number;
}

/** How an order ended on one host; "staged" is kept by the device and has not ended. */
export type EndKind =
  | 'succeeded'
  | 'refused'
  | 'failed'
  | 'cancelled'
  | 'expired'
  | 'unknown'
  | 'staged'
  | 'unreachable'
  | 'no-answer'
  | 'conflict'
  | 'not-sent';

export interface ReceiptView {
  /** By which it is fetched and saved: GET receipt?run=…&host=… */
  readonly file: string;
  readonly verdict: 'holds' | 'not checked' | 'WRONG';
  /** As "nightshift verify --long" tells of it. */
  readonly lines: readonly string[];
  /** Why it could not be kept in the operator's folder; absent where it is there. */
  readonly unkept?: string;
}

export interface HostEnd {
  readonly host: string;
  readonly is: EndKind;
  /** Of a refusal or failure: the device's, or of this side where nothing was sent. */
  readonly code?: string;
  readonly sentence?: string;
  readonly remedy?: string;
  /** As the command prints it. */
  readonly lines: readonly string[];
  readonly receipt?: ReceiptView;
  /** There is more after this. */
  readonly next?: string;
}

/** GET run?run=…: a stream of its own, told again from the beginning to whoever opens it. */
export interface RunEvents {
  readonly run: RunNote;
  readonly progress: { readonly host: string; readonly text: string };
  readonly ended: HostEnd;
  /** All have ended; nothing follows. */
  readonly over: { readonly hosts: number };
}

/** POST receipts/check: the kept receipts of one host against each other, and the audit log beside them. */
export interface CheckBody {
  readonly host: string;
}
export interface KeptCheck {
  readonly holds: boolean;
  readonly lines: readonly string[];
}

/** What a POST answers where it does nothing. */
export interface Fault {
  readonly code: string;
  readonly sentence: string;
}
