import { GRANT_BYTES } from '../protocol/index.ts';
import { type Grant, publicKeyFromText, readGrant } from '../security/index.ts';
import { PacketFile, type Packets } from './packet-file.ts';

/** A right that was passed on, as the file that its holder keeps: the grant by the keyring's own key first. */
export type GrantFile = Packets;

/** One grant of a file, read and not judged. */
export interface GrantLink {
  readonly grant: Grant;
  /** Id of the key that says to have signed it. */
  readonly giver: Uint8Array;
  readonly holder: Uint8Array;
}

/** Characters. */
export const LARGEST_GRANT_FILE = 64 * 1024;
const FILE = new PacketFile({
  mark: 'GRANT',
  noun: 'grant',
  code: 'NS_GRANT_FILE',
  field: 'grants',
  mostPackets: 2,
  largestPacket: GRANT_BYTES,
});

export function encodeGrantFile(file: GrantFile): string {
  return FILE.encode(file);
}

/** NS_GRANT_FILE says what is wrong. */
export function decodeGrantFile(text: string): GrantFile {
  const file = FILE.decode(text);
  linksIn(file);
  return file;
}

/** What the grants of a file say, first to last. NS_GRANT_FILE where one cannot be read. */
export function linksIn({ packets }: Pick<GrantFile, 'packets'>): readonly GrantLink[] {
  return packets.map((packet) => {
    const read = readGrant(packet);
    if (!read.ok) throw FILE.unreadable(read.refusal.sentence);
    const { grant, giver } = read.value;
    return { grant, giver, holder: publicKeyFromText(grant.to).keyId };
  });
}

/** When the first of them ends, seconds since 1970: an order that carries them is good for no longer. */
export function endOfGrants(packets: readonly Uint8Array[]): number {
  return Math.min(...linksIn({ packets }).map(({ grant }) => grant.notAfter));
}
