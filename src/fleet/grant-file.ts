import * as v from 'valibot';
import { NsError } from '../base/index.ts';
import { GRANT_BYTES, NAME, parseMessage } from '../protocol/index.ts';
import { type Grant, publicKeyFromText, readGrant } from '../security/index.ts';
import { type Armour, putArmour, takeArmour } from './armour.ts';

/** A right that was passed on, as the file that its holder keeps. */
export interface GrantFile {
  readonly tenant: string;
  /** Signed, the grant by the keyring's own key first. */
  readonly packets: readonly Uint8Array[];
}

/** One grant of a file, read and not judged. */
export interface GrantLink {
  readonly grant: Grant;
  /** Id of the key that says to have signed it. */
  readonly giver: Uint8Array;
  readonly holder: Uint8Array;
}

const GRANT_FILE: Armour = { mark: 'GRANT', noun: 'grant', code: 'NS_GRANT_FILE', mostItems: 16 };
/** Characters. */
export const LARGEST_GRANT_FILE = 64 * 1024;

const shape = v.strictObject({
  v: v.literal(1),
  tenant: v.pipe(v.string(), v.regex(NAME)),
  grants: v.pipe(
    v.array(
      v.pipe(
        v.instance(Uint8Array),
        v.check((packet) => packet.byteLength <= GRANT_BYTES),
      ),
    ),
    v.minLength(1),
    v.maxLength(2),
  ),
});

function unreadable(why: string): NsError {
  return new NsError('NS_GRANT_FILE', why, { family: 'caller' });
}

export function encodeGrantFile({ tenant, packets }: GrantFile): string {
  return putArmour(GRANT_FILE, { v: 1, tenant, grants: packets });
}

/** NS_GRANT_FILE says what is wrong. */
export function decodeGrantFile(text: string): GrantFile {
  const parsed = parseMessage(shape, takeArmour(GRANT_FILE, text));
  if (!parsed.ok) throw unreadable(`the file holds no grant: ${parsed.refusal.sentence}`);
  const { tenant, grants } = parsed.value;
  linksIn({ packets: grants });
  return { tenant, packets: grants };
}

/** What the grants of a file say, first to last. NS_GRANT_FILE where one cannot be read. */
export function linksIn({ packets }: Pick<GrantFile, 'packets'>): readonly GrantLink[] {
  return packets.map((packet) => {
    const read = readGrant(packet);
    if (!read.ok) throw unreadable(read.refusal.sentence);
    const { grant, giver } = read.value;
    return { grant, giver, holder: publicKeyFromText(grant.to).keyId };
  });
}

/** When the first of them ends, seconds since 1970: an order that carries them is good for no longer. */
export function endOfGrants(packets: readonly Uint8Array[]): number {
  return Math.min(...linksIn({ packets }).map(({ grant }) => grant.notAfter));
}
