import { type Keyring, LARGEST_TOKEN, readToken, type TokenDraft } from '../security/index.ts';
import { PacketFile, type Packets } from './packet-file.ts';

/** Tokens out of the fleet's budget, as a file that the governor gives to those who give the orders. */
export type TokenFile = Packets;

const FILE = new PacketFile({
  mark: 'TOKENS',
  noun: 'tokens',
  code: 'NS_TOKEN_FILE',
  field: 'tokens',
  mostPackets: 4096,
  largestPacket: LARGEST_TOKEN,
});

export function encodeTokenFile(file: TokenFile): string {
  return FILE.encode(file);
}

/** The tokens of a file, judged by the keys of people that are known here. NS_TOKEN_FILE names the first that no device takes. */
export function readTokenFile(text: string, people: Keyring, tenant: string): readonly TokenDraft[] {
  const { tenant: theirs, packets } = FILE.decode(text);
  if (theirs !== tenant) {
    throw FILE.unreadable(`the tokens are for the tenant "${theirs}", and yours is "${tenant}"`);
  }
  return packets.map((packet, n) => {
    const token = readToken(packet, people, tenant);
    if (token.ok) return token.value;
    throw FILE.unreadable(
      `token ${n + 1} of ${packets.length}: ${token.refusal.code}: ${token.refusal.sentence}`,
    );
  });
}
