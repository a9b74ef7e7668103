import { concatBytes, utf8 } from '../../base/index.ts';
import { sameCode } from '../wire/protection.ts';
import type { Quirk, QuirksInUse } from './quirks.ts';
import { type Exchange, rakp2Code, type UserKey } from './rakp.ts';

/** What a user goes by in the key exchange. */
export interface Identity {
  /** The role byte of RAKP 1. */
  readonly role: number;
  readonly user: Uint8Array;
  readonly key: UserKey;
}

/** RAKP 1's role byte: look the user up by name alone. */
const NAME_ONLY = 0x10;
const NAME_SIZE = 16;
const SHORT_PASSWORD = 16;

/** The ways in which BMCs are known to take an identity otherwise than it was meant. */
const OTHERWISE: Readonly<Partial<Record<Quirk, (identity: Identity) => Identity>>> = {
  'role-as-opened': (identity) => ({ ...identity, role: identity.role & ~NAME_ONLY }),
  'padded-user-name': (identity) => ({
    ...identity,
    user: concatBytes(identity.user, new Uint8Array(Math.max(0, NAME_SIZE - identity.user.byteLength))),
  }),
  'password-of-16': (identity) => ({
    ...identity,
    key: concatBytes(
      identity.key.subarray(0, SHORT_PASSWORD),
      new Uint8Array(identity.key.byteLength - SHORT_PASSWORD),
    ),
  }),
};
const NAMES = Object.keys(OTHERWISE) as Quirk[];

export function identityFor(user: string, key: UserKey, level: number, quirks: QuirksInUse): Identity {
  return NAMES.reduce<Identity>(
    (identity, quirk) => (quirks.use(quirk) ? OTHERWISE[quirk]!(identity) : identity),
    { role: level | NAME_ONLY, user: utf8(user), key },
  );
}

/** The quirk by which the BMC's code in RAKP 2 is right after all: then it knows the password. */
export function quirkBehind(
  exchange: Exchange,
  key: UserKey,
  code: Uint8Array,
  quirks: QuirksInUse,
): Quirk | undefined {
  const { role, user } = exchange;
  return NAMES.find((quirk) => {
    if (quirks.has(quirk)) return false;
    const other = OTHERWISE[quirk]!({ role, user, key });
    return sameCode(code, rakp2Code({ ...exchange, role: other.role, user: other.user }, other.key));
  });
}
