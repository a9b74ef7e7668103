import { isAllZero, NsError, utf8 } from '../../../base/index.ts';
import type { UserKey } from '../../session/rakp.ts';
import type { Level } from '../../session/set-up.ts';

/** Somebody who may log in over the LAN. No key of the fleet's has anything to do with it. */
export interface BmcAccount {
  /** 2-63: user 1 is the one without a name, which never gets in. */
  readonly id: number;
  /** 1-16 bytes. */
  readonly name: string;
  /** The password, padded to 20 bytes; never empty. */
  readonly key: UserKey;
  /** The highest level that it may ask for. */
  readonly level: Level;
}

export const LONGEST_NAME = 16;
const KEY_SIZE = 20;
const FIRST_ID = 2;
const LAST_ID = 63;

/** The accounts of a BMC, each with a name and an id of its own. */
export class Accounts {
  readonly all: readonly BmcAccount[];
  readonly #byName: ReadonlyMap<string, BmcAccount>;
  readonly #byId: ReadonlyMap<number, BmcAccount>;

  /** NS_IPMI_ARGUMENT for a name, an id or a key that cannot be, and for two of a kind. */
  constructor(accounts: readonly BmcAccount[]) {
    for (const account of accounts) check(account);
    this.all = accounts.toSorted((a, b) => a.id - b.id);
    this.#byName = new Map(accounts.map((account) => [asKey(utf8(account.name)), account]));
    this.#byId = new Map(accounts.map((account) => [account.id, account]));
    if (this.#byName.size !== accounts.length || this.#byId.size !== accounts.length)
      throw wrong('two IPMI accounts have the same name or the same id');
  }

  /** The highest user id there is; never below 2. */
  get mostUsers(): number {
    return this.all.at(-1)?.id ?? FIRST_ID;
  }

  named(name: Uint8Array): BmcAccount | undefined {
    return this.#byName.get(asKey(name));
  }

  withId(id: number): BmcAccount | undefined {
    return this.#byId.get(id);
  }
}

/** A name as it came, in characters that can do no harm in a log: anything else than printable ASCII as \xNN. */
export const printable = (name: Uint8Array): string =>
  asKey(name).replace(/[^\x20-\x5b\x5d-\x7e]/g, (c) => `\\x${c.charCodeAt(0).toString(16).padStart(2, '0')}`);

/** Names are compared byte by byte. */
const asKey = (name: Uint8Array): string =>
  Buffer.from(name.buffer, name.byteOffset, name.byteLength).toString('latin1');

function check({ id, name, key }: BmcAccount): void {
  const size = utf8(name).byteLength;
  if (size === 0 || size > LONGEST_NAME || name.includes('\0'))
    throw wrong(`an IPMI account has a name of 1 to ${LONGEST_NAME} bytes`);
  if (!Number.isInteger(id) || id < FIRST_ID || id > LAST_ID)
    throw wrong(`an IPMI account has an id from ${FIRST_ID} to ${LAST_ID}`);
  if (key.byteLength !== KEY_SIZE || isAllZero(key))
    throw wrong('an IPMI account has a password of 1 to 20 bytes');
}

const wrong = (sentence: string): NsError => new NsError('NS_IPMI_ARGUMENT', sentence, { family: 'caller' });
