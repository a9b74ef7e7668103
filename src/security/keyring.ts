import { NsError, toHex } from '../base/index.ts';
import type { PublicKey } from '../ports/index.ts';
import { publicKeyFromText } from './public-key.ts';
import type { Scope } from './scope.ts';

/** governor: signs the tokens that destructive orders carry, and gives no order. */
export const ROLES = ['operator', 'technician', 'security', 'auditor', 'governor', 'root'] as const;
export type Role = (typeof ROLES)[number];

/** A key that this device knows, and whose it is. */
export interface Enrolled {
  readonly name: string;
  /** Who holds the key; two keys of one person never count as two people. The name where not given. */
  readonly person: string;
  readonly role: Role;
  readonly keyId: Uint8Array;
  readonly publicKey: PublicKey;
  /** What of the role's right is granted; all of it where absent. */
  readonly scopes?: readonly Scope[];
  /** Until when, seconds since 1970. */
  readonly notAfter?: number;
  /** From when, of a right that was passed on. */
  readonly notBefore?: number;
  /** Through whom a right was passed on, the keyring's own key first. What is ordered each of them must be able to give. */
  readonly through?: readonly Enrolled[];
}

/** How a key stands in a keyring file. */
export interface KeyringEntry {
  readonly name: string;
  readonly person?: string | undefined;
  readonly role: Role;
  /** "ed25519:…" or "es256:…". */
  readonly key: string;
  readonly scopes?: readonly Scope[] | undefined;
  readonly notAfter?: number | undefined;
}

/** People are written by hand: "Sam Strauß" and "sam  STRAUSS " are one, and what cannot be seen tells nobody apart. */
export function foldPerson(person: string): string {
  const seen = person.normalize('NFKC').replaceAll(/[\p{Default_Ignorable_Code_Point}\p{Cc}\p{Cf}]/gu, '');
  return seen.replaceAll(/\s+/gu, ' ').trim().toUpperCase().toLowerCase().normalize('NFKC');
}

const MAX_KEYS = 1024;

/** Gives the keyring in force, which may be another at the next order. */
export interface KeyringView {
  readonly current: Keyring;
}

/** The enrolled keys of a device, or of an operator's view of one. */
export class Keyring {
  readonly #byId = new Map<string, Enrolled>();
  readonly #revoked: ReadonlySet<string>;

  /** NS_KEYRING_INVALID where a name or key stands twice or a key is unfit, naming the entry. */
  constructor(entries: readonly KeyringEntry[], revoked: readonly Uint8Array[] = []) {
    this.#revoked = new Set(revoked.map(toHex));
    if (entries.length > MAX_KEYS) throw invalid(`more than ${MAX_KEYS} keys`);
    const names = new Set<string>();
    for (const entry of entries) {
      if (names.has(entry.name)) throw invalid(`the name "${entry.name}" stands twice`);
      names.add(entry.name);
      this.#enrol(entry);
    }
  }

  #enrol(entry: KeyringEntry): void {
    if (entry.role === 'governor' && (entry.scopes !== undefined || entry.notAfter !== undefined)) {
      throw invalid(
        `"${entry.name}" is a governor, whose right has no scopes and no end: take the key away instead`,
      );
    }
    const publicKey = fitKey(entry);
    const id = toHex(publicKey.keyId);
    const other = this.#byId.get(id);
    if (other !== undefined) throw invalid(`"${entry.name}" and "${other.name}" have the same key`);
    this.#byId.set(id, {
      name: entry.name,
      person: entry.person ?? entry.name,
      role: entry.role,
      keyId: publicKey.keyId,
      publicKey,
      ...(entry.scopes === undefined ? {} : { scopes: entry.scopes }),
      ...(entry.notAfter === undefined ? {} : { notAfter: entry.notAfter }),
    });
  }

  /** A keyring that never changes is what is in force at any time: see KeyringHolder. */
  get current(): Keyring {
    return this;
  }

  lookup(keyId: Uint8Array): Enrolled | undefined {
    return this.#byId.get(toHex(keyId));
  }

  /** Whether the key of this id is never to count again, whoever speaks for it. */
  isRevoked(keyId: Uint8Array): boolean {
    return this.#revoked.has(toHex(keyId));
  }

  entries(): readonly Enrolled[] {
    return [...this.#byId.values()];
  }
}

function invalid(why: string, cause?: unknown): NsError {
  return new NsError('NS_KEYRING_INVALID', `keyring: ${why}`, { family: 'caller', cause });
}

function fitKey(entry: KeyringEntry): PublicKey {
  try {
    return publicKeyFromText(entry.key);
  } catch (error) {
    throw invalid(`the key of "${entry.name}" is not usable`, error);
  }
}
