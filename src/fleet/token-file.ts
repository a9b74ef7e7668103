import * as v from 'valibot';
import { NsError } from '../base/index.ts';
import { NAME, parseMessage } from '../protocol/index.ts';
import { type Keyring, LARGEST_TOKEN, readToken, type TokenDraft } from '../security/index.ts';
import { type Armour, putArmour, takeArmour } from './armour.ts';

/** Tokens out of the fleet's budget, as a file that the governor gives to those who give the orders. */
export interface TokenFile {
  readonly tenant: string;
  readonly packets: readonly Uint8Array[];
}

const MOST_TOKENS = 4096;
const ARMOUR: Armour = {
  mark: 'TOKENS',
  noun: 'tokens',
  code: 'NS_TOKEN_FILE',
  mostItems: MOST_TOKENS + 16,
};

const shape = v.strictObject({
  v: v.literal(1),
  tenant: v.pipe(v.string(), v.regex(NAME)),
  tokens: v.pipe(
    v.array(
      v.pipe(
        v.instance(Uint8Array),
        v.check((packet) => packet.byteLength <= LARGEST_TOKEN),
      ),
    ),
    v.minLength(1),
    v.maxLength(MOST_TOKENS),
  ),
});

export function encodeTokenFile({ tenant, packets }: TokenFile): string {
  return putArmour(ARMOUR, { v: 1, tenant, tokens: packets });
}

function unreadable(why: string): NsError {
  return new NsError('NS_TOKEN_FILE', why, { family: 'caller' });
}

/** The tokens of a file, judged by the keys of people that are known here. NS_TOKEN_FILE names the first that no device takes. */
export function readTokenFile(text: string, people: Keyring, tenant: string): readonly TokenDraft[] {
  const parsed = parseMessage(shape, takeArmour(ARMOUR, text));
  if (!parsed.ok) throw unreadable(`the file holds no tokens: ${parsed.refusal.sentence}`);
  const { tenant: theirs, tokens } = parsed.value;
  if (theirs !== tenant) {
    throw unreadable(`the tokens are for the tenant "${theirs}", and yours is "${tenant}"`);
  }
  return tokens.map((packet, n) => {
    const token = readToken(packet, people, tenant);
    if (token.ok) return token.value;
    throw unreadable(`token ${n + 1} of ${tokens.length}: ${token.refusal.code}: ${token.refusal.sentence}`);
  });
}
