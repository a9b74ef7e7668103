import { ByteView } from '../../base/index.ts';
import { type Command, within } from '../command.ts';
import { flag } from '../wire/bits.ts';
import { NET_FN } from '../wire/message.ts';
import { type ChannelNumber, THIS_CHANNEL } from './channel.ts';

/** A piece of the list: shorter than this, it is the last. */
export const SUITES_PIECE = 16;
/** Pieces that an index of six bits can ask for. */
export const MOST_SUITE_PIECES = 64;

/** IPMI 2.0, 22.15: a piece of 16 bytes of the channel's list of cipher suites. */
export const getChannelCipherSuites: Command<
  { readonly index: number; readonly channel?: ChannelNumber },
  Uint8Array
> = {
  name: 'Get Channel Cipher Suites',
  netFn: NET_FN.app,
  code: 0x54,
  level: 'user',
  repeatable: true,
  encode: ({ index, channel = THIS_CHANNEL }) =>
    Uint8Array.of(
      within(channel, 0, 0x0f, 'the channel'),
      0,
      within(index, 0, MOST_SUITE_PIECES - 1, 'the index') | flag(true, 7),
    ),
  decode(data) {
    // The first byte is the channel.
    data.u8(0);
    return data.slice(1, Math.min(SUITES_PIECE, data.length - 1));
  },
};

export interface OfferedSuite {
  readonly id: number;
  /** Of its maker, where it is no suite of the specification. */
  readonly oem: number | undefined;
  readonly authentication: readonly number[];
  readonly integrity: readonly number[];
  readonly confidentiality: readonly number[];
}

const STANDARD = 0xc0;
const OEM = 0xc1;

/** The whole list (IPMI 2.0, table 22-18): records that begin with C0h or C1h, then algorithms by the kind in their top bits. */
export function decodeCipherSuites(bytes: Uint8Array): readonly OfferedSuite[] {
  const view = new ByteView(bytes, 'the list of cipher suites');
  const suites: OfferedSuite[] = [];
  let at = 0;
  while (at < bytes.byteLength) {
    const start = view.u8(at);
    if (start !== STANDARD && start !== OEM) break;
    const id = view.u8(at + 1);
    at += 2;
    const oem = start === OEM ? view.u16le(at) | (view.u8(at + 2) << 16) : undefined;
    if (start === OEM) at += 3;
    const algorithms: [number[], number[], number[]] = [[], [], []];
    while (at < bytes.byteLength && view.u8(at) < STANDARD) {
      const byte = view.u8(at);
      algorithms[byte >> 6]!.push(byte & 0x3f);
      at += 1;
    }
    const [authentication, integrity, confidentiality] = algorithms;
    suites.push({ id, oem, authentication, integrity, confidentiality });
  }
  return suites;
}
