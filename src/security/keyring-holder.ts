import { allow, refuse, Turns, type Verdict } from '../base/index.ts';
import type { StateStore, Stop } from '../ports/index.ts';
import { Keyring, type KeyringView } from './keyring.ts';
import { judgeKeyring } from './keyring-change.ts';
import { keyringOf, type RootSet } from './keyring-document.ts';
import { decodeKeyringCopy, encodeKeyringCopy, judgeCopies } from './keyring-record.ts';
import type { SignedKeyring } from './keyring-signatures.ts';

/** Names of the two copies in the state store. */
export const KEYRING_DOCUMENTS = ['keyring-a', 'keyring-b'] as const;

export interface KeyringHolderOptions {
  readonly store: Pick<StateStore, 'readDocument' | 'writeDocument'>;
  readonly tenant: string;
  /** The enrolment at the device itself: it counts until a document was accepted, and never again after. */
  readonly local: Keyring;
  /** Who must have signed the first document. Without them none is ever accepted. */
  readonly roots?: RootSet | undefined;
}

/** Which keyring is in force. */
export type KeyringInForce =
  | { readonly source: 'local' }
  | { readonly source: 'document'; readonly bytes: Uint8Array; readonly signed: SignedKeyring }
  /** Neither copy is whole: no key is known until somebody at the device has seen to it. */
  | { readonly source: 'damaged' };

export interface KeyringUpdate {
  readonly signed: SignedKeyring;
  readonly changed: boolean;
}

/** The keys of a device at any moment. A new document is on stable storage, in two copies, before it counts. */
export class KeyringHolder implements KeyringView {
  readonly #o: KeyringHolderOptions;
  #inForce: KeyringInForce;
  #current: Keyring;
  readonly #turns = new Turns();
  readonly #listeners = new Set<() => void>();

  private constructor(options: KeyringHolderOptions, inForce: KeyringInForce) {
    this.#o = options;
    this.#inForce = inForce;
    this.#current = keysIn(inForce, options.local);
  }

  /** Reads the stored document and mends its copies. Storage errors as the store gives them. */
  static async open(options: KeyringHolderOptions): Promise<KeyringHolder> {
    return new KeyringHolder(options, await load(options));
  }

  get current(): Keyring {
    return this.#current;
  }

  get inForce(): KeyringInForce {
    return this.#inForce;
  }

  /** Called after another keyring has come into force. A listener does not throw. */
  onChange(listener: () => void): Stop {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  /** Reads the storage again and goes by it: for an update of which nobody knows how far it came. */
  reread(): Promise<KeyringInForce> {
    return this.#turns.take(async () => this.#goBy(await load(this.#o)));
  }

  /** What an update with these bytes would come to. Refusals as judgeKeyring gives them. */
  judge(bytes: Uint8Array): Verdict<KeyringUpdate> {
    const now = this.#inForce;
    if (now.source === 'damaged') {
      return refuse(
        'KEYRING_INVALID',
        'The stored keyring of this device is damaged, so it cannot tell which one is newer.',
        'Somebody at the device must see to it: see "A lost or damaged keyring" in the guide for security teams.',
      );
    }
    const { tenant } = this.#o;
    const judged = judgeKeyring(
      bytes,
      now.source === 'local'
        ? { tenant, roots: this.#o.roots }
        : { tenant, roots: now.signed.document.roots, now: now.signed },
    );
    if (!judged.ok) return judged;
    return allow({ signed: judged.value.signed, changed: judged.value.is === 'next' });
  }

  /**
   * Puts a document in force: judged, stored, and from then on the only one that counts. `onJudged` is called in
   * between, before anything is stored.
   */
  update(
    bytes: Uint8Array,
    onJudged?: (update: KeyringUpdate) => Promise<void>,
  ): Promise<Verdict<KeyringUpdate>> {
    return this.#turns.take(() => this.#update(bytes, onJudged));
  }

  #goBy(inForce: KeyringInForce): KeyringInForce {
    this.#inForce = inForce;
    this.#current = keysIn(inForce, this.#o.local);
    for (const listener of this.#listeners) listener();
    return inForce;
  }

  async #update(
    bytes: Uint8Array,
    onJudged: ((update: KeyringUpdate) => Promise<void>) | undefined,
  ): Promise<Verdict<KeyringUpdate>> {
    const judged = this.judge(bytes);
    if (!judged.ok) return judged;
    await onJudged?.(judged.value);
    if (!judged.value.changed) return judged;
    const { signed } = judged.value;
    const kept = bytes.slice();
    await save(this.#o.store, kept);
    this.#goBy({ source: 'document', bytes: kept, signed });
    return judged;
  }
}

async function load({ store, tenant }: KeyringHolderOptions): Promise<KeyringInForce> {
  const [a, b] = await Promise.all(
    KEYRING_DOCUMENTS.map(async (name) => decodeKeyringCopy(await store.readDocument(name), tenant)),
  );
  const stored = judgeCopies(a!, b!);
  if (stored.is === 'none') return { source: 'local' };
  if (stored.is === 'damaged') return { source: 'damaged' };
  const { bytes, signed } = stored;
  if (stored.rewrite) await save(store, bytes);
  return { source: 'document', bytes, signed };
}

function keysIn(inForce: KeyringInForce, local: Keyring): Keyring {
  if (inForce.source === 'local') return local;
  return inForce.source === 'document' ? keyringOf(inForce.signed.document) : new Keyring([]);
}

async function save(store: KeyringHolderOptions['store'], bytes: Uint8Array): Promise<void> {
  const copy = encodeKeyringCopy(bytes);
  // One after the other: at any moment at least one is whole.
  for (const name of KEYRING_DOCUMENTS) await store.writeDocument(name, copy);
}
