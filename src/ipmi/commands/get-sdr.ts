import { type Command, within } from '../command.ts';
import { le16 } from '../wire/bits.ts';
import { NET_FN } from '../wire/message.ts';

export interface SdrPiece {
  readonly reservation: number;
  /** FIRST_RECORD stands for the first one. */
  readonly record: number;
  readonly offset: number;
  readonly count: number;
}

/** IPMI 2.0, 33.12: a piece of a record, and the id of the next one: LAST_RECORD behind the last. */
export const getSdr: Command<SdrPiece, { readonly next: number; readonly piece: Uint8Array }> = {
  name: 'Get SDR',
  netFn: NET_FN.storage,
  code: 0x23,
  level: 'user',
  repeatable: true,
  codes: { 128: 'the record changed' },
  encode: ({ reservation, record, offset, count }) =>
    Uint8Array.of(
      ...le16(within(reservation, 0, 0xffff, 'the reservation')),
      ...le16(within(record, 0, 0xffff, 'the record id')),
      within(offset, 0, 0xff, 'the offset'),
      within(count, 1, 0xff, 'the count'),
    ),
  decode: (data, { count }) => ({
    next: data.u16le(0),
    piece: data.slice(2, Math.min(count, data.length - 2)),
  }),
};
